"""Scripts beside the package, imported as they are when they are run: their folder first on the path."""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


@contextmanager
def scripts(folder: str) -> Iterator[Callable[[str], ModuleType]]:
    """A function that imports a script of the folder by its name. Their modules are forgotten at the end."""
    names = {path.stem for path in (ROOT / folder).glob("*.py")}
    before = {name: sys.modules.pop(name) for name in names & sys.modules.keys()}
    sys.path.insert(0, str(ROOT / folder))
    try:
        yield importlib.import_module
    finally:
        sys.path.remove(str(ROOT / folder))
        for name in names & sys.modules.keys():
            del sys.modules[name]
        sys.modules.update(before)
