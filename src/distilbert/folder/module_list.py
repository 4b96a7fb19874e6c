"""modules.json and the Router's configuration -> which modules a text passes through, in order.

Where modules.json was left behind as a folder was copied, the names of its parts (1_Pooling, 2_Dense) say the same.
A Router (called Asym before version 5) stands for other modules, by the task that a text is encoded for: "query",
"document" or none.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ..errors import ConfigError, short_repr
from ..files import has_file, is_file, is_folder, read_json, read_json_list
from .layout import CONFIG, FIRST_PART, MODULES, PARTS, ROUTER_CONFIG
from .settings import Settings

ROUTED_TASKS = ("query", "document")
_ROUTERS = ("Router", "Asym")
_LIBRARY = "sentence_transformers."


@dataclass(frozen=True)
class Module:
    """A module: the name of its class in sentence-transformers, and its folder."""

    kind: str
    folder: Path


@dataclass(frozen=True)
class _Router:
    """Modules by the name of a route, and the name of the route that a text without a task takes."""

    routes: Mapping[str, list[Module]]
    mappings: Mapping[object, str]
    default: str

    def route(self, task: str | None) -> list[Module] | None:
        """The modules for a task; None where the Router knows no such task. The order is sentence-transformers'."""
        for key in ((task, "text"), (task, None), (None, "text"), (None, None)):
            if key in self.mappings:
                return self.routes[self.mappings[key]]
        name = next((name for name in (task, "text") if name in self.routes), None)
        if name is None and task is None:
            name = self.default
        return None if name is None else self.routes[name]


def read_rows(folder: Path) -> list[Any]:
    """The rows of `modules.json`, or where there is none those that the names of the parts' folders stand for.

    An empty list: this is no folder of sentence-transformers. Raises ConfigError naming the file.
    """
    return read_json_list(folder / MODULES) if has_file(folder / MODULES) else _unlisted(folder)


def read_modules(folder: Path) -> list[Module]:
    """The modules of `read_rows`. Raises ConfigError naming the file."""
    return _parts(folder / MODULES, [
        (module.get("type"), module.get("path")) if isinstance(module, dict) else (None, None)
        for module in read_rows(folder)
    ])  # fmt: skip


def _unlisted(folder: Path) -> list[Any]:
    """Rows of parts that no modules.json lists: beside a bare encoder, with a Pooling among them.

    A last Normalize has no files, so its folder may be lacking: vectors have length 1, as of any folder that is silent.
    """
    names = [path.name for path in sorted(folder.glob(PARTS)) if path.name[2:].isidentifier() and is_folder(path)]
    if not any(name.endswith("_Pooling") and is_file(folder / name / CONFIG) for name in names):
        return []
    if not any(fnmatch(name, FIRST_PART) for name in names):  # the encoder lies at the root
        values = read_json(folder / CONFIG) if has_file(folder / CONFIG) else {}
        if "For" in str(values.get("architectures")):  # DistilBertForSequenceClassification: it answers, not the parts
            return []
        names = ["", *names]
    names += [] if names[-1].endswith("_Normalize") else [f"{len(names)}_Normalize"]
    return [
        {"idx": place, "name": str(place), "path": name, "type": f"{_LIBRARY}models.{name[2:] or 'Transformer'}"}
        for place, name in enumerate(names)
    ]


def all_modules(folder: Path) -> list[Module]:
    """What `read_modules` gives, the Routers' modules in place of the Routers: each folder once."""
    found = []
    for module in read_modules(folder):
        found += [each for each in all_modules_of(module) if each not in found]
    return found


def all_modules_of(module: Module) -> list[Module]:
    """The modules of a Router, which must be a sound one; of any other kind itself."""
    return [each for route in _router(module).routes.values() for each in route] if is_router(module) else [module]


def is_router(module: Module) -> bool:
    """Whether it stands for others."""
    return module.kind in _ROUTERS


def router_file(module: Module) -> Path:
    """Where a Router's routes are written."""
    newer = module.folder / ROUTER_CONFIG
    return newer if has_file(newer) else module.folder / CONFIG


def routes_of(folder: Path) -> dict[str | None, list[Module]]:
    """The modules for a text of no task (key None) and, of a Router, for those of ROUTED_TASKS that it knows."""
    modules = read_modules(folder)
    routers = {place: _router(module) for place, module in enumerate(modules) if is_router(module)}
    routes: dict[str | None, list[Module]] = {}
    for task in (None, *ROUTED_TASKS) if routers else (None,):
        parts = [routers[place].route(task) if place in routers else [module] for place, module in enumerate(modules)]
        if None not in parts:
            routes[task] = [module for part in parts if part is not None for module in part]
    return routes


def _router(module: Module) -> _Router:
    settings = Settings(router_file(module))
    types, structure, parameters = (settings.object(key) for key in ("types", "structure", "parameters"))
    kinds = dict(zip(types, _parts(settings.path, list(zip(types.values(), types, strict=True))), strict=True))
    routes = {}
    for name, ids in structure.items():
        if not isinstance(ids, list) or not ids or not all(isinstance(each, str) and each in kinds for each in ids):
            raise settings.wrong("structure", "lists of the modules of each route, all of them in types")
        routes[name] = [kinds[each] for each in ids]
    if not routes or any(is_router(module) for module in kinds.values()):
        raise ConfigError(f"{settings.path}: a Router needs routes, and none of them may be a Router")
    default = parameters.get("default_route") or next(iter(routes))
    mappings = _mappings(settings, parameters.get("route_mappings"))
    for name in (default, *mappings.values()):
        if not isinstance(name, str) or name not in routes:
            raise ConfigError(f"{settings.path}: there is no route {short_repr(name)}; there are {', '.join(routes)}")
    return _Router(routes, mappings, default)


def _mappings(settings: Settings, stated: object) -> dict[object, str]:
    """`{"('query', 'text')": "route"}` with its keys read."""
    try:
        return {ast.literal_eval(key): route for key, route in dict(stated or {}).items()}  # type: ignore[call-overload]
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ConfigError(f"{settings.path}: route_mappings must map pairs of task and modality to routes") from None


def _parts(path: Path, listed: list[tuple[object, object]]) -> list[Module]:
    """Modules from (type, path) pairs that stand in the file `path`."""
    modules = []
    for kind, part in listed:
        if not isinstance(kind, str) or not isinstance(part, str):
            raise ConfigError(f"{path}: must be a list of modules, each with type and path")
        if Path(part).is_absolute() or ".." in Path(part).parts:
            raise ConfigError(f"{path}: {short_repr(part)} points outside the folder")
        modules.append(Module(_kind(kind), path.parent / part))
    return modules


def _kind(name: str) -> str:
    """The class's name for those of sentence-transformers and for PyLate's Dense, which is the same; else all of it."""
    ours = name.startswith(_LIBRARY) or name == "pylate.models.Dense.Dense"
    return name.rpartition(".")[2] if ours else name
