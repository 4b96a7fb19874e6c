"""Data flows one way: which folder may import which, no circles, and what is shown to people is public."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import distilbert
from distilbert import MissingExtraError

SOURCE = Path(distilbert.__file__).parent
ROOT = Path(__file__).parents[1]
FACES = {"distilbert"} | {
    f"distilbert.{name}"
    for name in (
        *(f"adapters.{framework}" for framework in ("haystack", "langchain", "llama_index", "spacy")),
        "bench",
        "bulk",
        "compat",
        "compat.util",
        "convert",
        "distill",
        "evaluation",
        "explain",
        "guarantee",
        "nn",
        "report",
        "search",
        "serve",
        "sklearn",
        "train",
    )
}
TOKENIZER = {"encoding", "tokenizer"}
LOADING = {"base", "folder", *TOKENIZER, "engine", "tasks", "fetching", "loading"}
# folder (or module of the root; the others of the root are "base") -> what it may import besides itself
LAYERS: dict[str, set[str]] = {
    "base": set(),
    "folder": {"base", *TOKENIZER},  # a model folder has its tokenizer, whose files it reads
    "encoding": {"base", "folder"},
    "tokenizer": {"base", "folder", "encoding"},
    "data": {"base", *TOKENIZER},
    "engine": {"base", "folder"},
    "tasks": {"base", "folder", *TOKENIZER, "engine"},
    "nn": {"base", "folder", *TOKENIZER, "engine", "fetching"},
    "fetching": {"base", "folder", "convert"},  # convert by a function, for what the hub has in another format alone
    "loading": {*LOADING, "nn"},  # nn by a function, for models on a GPU
    "convert": {"base", "folder", *TOKENIZER, "engine", "fetching"},
    "server_settings": LOADING,
    "arguments": {*LOADING, "data"},
    "bulk_settings": LOADING,
    "bulk": {*LOADING, "data", "bulk_settings"},
    "bench": {*LOADING, "arguments"},
    "evaluation": {*LOADING, "data", "arguments"},
    "guarantee": {*LOADING, "data", "arguments", "evaluation", "convert"},
    "report": {*LOADING, "data", "evaluation", "convert", "guarantee"},
    "training_data": {"base", *TOKENIZER, "data", "arguments", "tasks"},
    "trained": {"base", "data", "arguments", "evaluation", "version"},
    "model_card": {"base", "evaluation"},
    "head_only": {
        *LOADING,
        "data",
        "arguments",
        "evaluation",
        "training_data",
        "trained",
        "model_card",
        "report",
        "version",
    },
    "train": {
        *LOADING,
        "data",
        "arguments",
        "evaluation",
        "training_data",
        "trained",
        "head_only",
        "nn",
        "model_card",
        "report",
        "version",
    },
    "distill": {
        *LOADING,
        "data",
        "arguments",
        "evaluation",
        "training_data",
        "trained",
        "nn",
        "convert",
        "train",
        "report",
    },
    "sklearn": LOADING,
    "serve": {*LOADING, "server_settings", "version"},
    "search": {*LOADING, "version"},
    "explain": {*LOADING, "nn"},
    "compat": {*LOADING, "search"},
    "adapters": LOADING,
    "version": LOADING,  # distilbert/__init__.py
}
LAYERS["cli"] = {*LAYERS}
LAYERS["__main__"] = {"base", "cli"}


LEAVES = (
    "adapters",
    "bulk",
    "compat",
    "nn",
    "train",
    "distill",
    "convert",
    "explain",
    "guarantee",
    "report",
    "search",
    "serve",
    "sklearn",
)


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def layer_of(module: str) -> str:
    if module == "distilbert.folder.layout":  # names of files alone, which config.py and diagnosis.py need too
        return "base"
    name = module.partition(".")[2].partition(".")[0] or "version"
    return name if name in LAYERS or (SOURCE / name).is_dir() else "base"


def imported(module: str) -> Iterator[str]:
    """The package's modules that a module imports, by its functions and for its types too."""
    path = MODULES[module]
    package = module.split(".")[: None if path.name == "__init__.py" else -1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])
        for alias in node.names:
            name = f"{base}.{alias.name}"
            yield name if name in MODULES else base


def test_every_folder_imports_only_what_lies_below_it() -> None:
    found = {(layer_of(module), layer_of(other)) for module in MODULES for other in imported(module)}
    assert len(found) > 40
    assert {(one, other) for one, other in found if one != other and other not in LAYERS[one]} == set()


def test_importing_the_core_imports_no_leaf_nor_torch() -> None:
    core = [module for module in MODULES if layer_of(module) not in LEAVES and module != "distilbert.__main__"]
    code = f"import importlib, sys\nfor name in {core}: importlib.import_module(name)\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(core) <= set(loaded)
    assert {module for module in loaded if module.startswith("distilbert.") and layer_of(module) in LEAVES} == set()
    assert {"torch", "transformers", "fastapi", "ray", "polars", "sklearn"}.isdisjoint(loaded)


def test_no_module_imports_itself_in_a_circle() -> None:
    left = {module: set(imported(module)) for module in MODULES}
    while free := [module for module, others in left.items() if not others & left.keys()]:
        for module in free:
            del left[module]
    assert left == {}


def snippets() -> Iterator[tuple[str, str]]:
    """(name, Python) of what shows people how the package is used: scripts, and the docs' examples."""
    for folder in ("recipes", "benchmarks", "examples"):
        for path in sorted((ROOT / folder).glob("*.py")):
            yield f"{folder}/{path.name}", path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        blocks = re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        yield path.name, "\n".join(blocks)


@pytest.mark.parametrize("code", [pytest.param(code, id=name) for name, code in snippets()])
def test_recipes_benchmarks_examples_and_docs_use_the_public_faces_alone(code: str) -> None:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names if alias.name.startswith("distilbert")} <= FACES
        if not isinstance(node, ast.ImportFrom) or (node.module or "").partition(".")[0] != "distilbert":
            continue
        assert node.module in FACES
        try:
            listed = importlib.import_module(node.module).__all__
        except MissingExtraError:
            continue
        faces = {face.rpartition(".")[2] for face in FACES if face.rpartition(".")[0] == node.module}
        assert {alias.name for alias in node.names} <= {*listed, *faces, "__version__"}
