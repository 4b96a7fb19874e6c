"""The public surface: what is listed is there, importing does nothing else, and the core stands without its leaves."""

import ast
import importlib
import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import distilbert
from conftest import Maker
from distilbert import MissingExtraError
from distilbert.folder.checkpoint import Head
from test_layers import LEAVES

SOURCE = Path(distilbert.__file__).parent
PATHS = sorted(SOURCE.rglob("*.py"))
FACES = (
    "distilbert",
    "distilbert.bench",
    "distilbert.bulk",
    "distilbert.compat",
    "distilbert.compat.util",
    "distilbert.convert",
    "distilbert.distill",
    "distilbert.evaluation",
    "distilbert.explain",
    "distilbert.guarantee",
    "distilbert.nn",
    "distilbert.report",
    "distilbert.search",
    "distilbert.serve",
    "distilbert.sklearn",
    "distilbert.train",
)
DEPENDENCIES = {"huggingface_hub", "numpy", "onnx", "onnxruntime", "rich", "safetensors", "tokenizers"}
# what only leaves, tests and users may have
FOREIGN = (
    "accelerate",
    "fastapi",
    "h5py",
    "matplotlib",
    "msgpack",
    "polars",
    "prometheus_client",
    "pyarrow",
    "ray",
    "scipy",
    "sentence_transformers",
    "sklearn",
    "torch",
    "transformers",
    "uvicorn",
)


def dotted(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def leaf_of(name: str) -> str | None:
    """The leaf that a dotted name lies in, None for the core's."""
    part = name.removeprefix("distilbert.").partition(".")[0]
    return part if name.startswith("distilbert.") and part in LEAVES else None


CORE = [path for path in PATHS if not leaf_of(dotted(path))]


# what is listed -------------------------------------------------------------------------------------


def test_names_that_are_read_late_are_those_that_type_checkers_see() -> None:
    (guarded,) = (
        node
        for node in ast.parse((SOURCE / "__init__.py").read_text()).body
        if isinstance(node, ast.If) and not isinstance(node.test, ast.UnaryOp)
    )
    seen = {
        alias.name: node.module for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen == distilbert._PLACES
    assert sorted(seen) == sorted(distilbert.__all__)


def test_importing_reads_none_of_the_libraries() -> None:
    ran = "import sys, distilbert; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", ran], capture_output=True, text=True, check=True).stdout.split()
    assert "distilbert" in modules
    assert not {"numpy", "onnxruntime", "tokenizers", "rich", "huggingface_hub"} & set(modules)


@pytest.mark.parametrize("name", FACES)
def test_all_is_true_and_sorted(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except MissingExtraError as missing:
        pytest.skip(str(missing))
    listed = module.__all__
    assert listed == sorted(set(listed), key=lambda each: (not each.isupper(), each[0].islower(), each))
    assert [each for each in listed if each.startswith("_") or not hasattr(module, each)] == []


def test_every_public_name_is_there_and_documented() -> None:
    for name in distilbert.__all__:
        value = getattr(distilbert, name)
        assert name == "TASKS" or inspect.getdoc(value), name
    for kind in distilbert.TASKS.values():
        for method in ("__call__", "stream", "logits"):
            assert inspect.getdoc(getattr(kind, method)), (kind, method)


def test_every_task_has_a_class_of_the_public_names() -> None:
    for task, kind in distilbert.TASKS.items():
        assert getattr(distilbert, kind.__name__) is kind
        assert kind.task == task or (kind is distilbert.Embedder and task == "sentence-similarity")


def test_every_module_says_what_it_is() -> None:
    silent = [str(path) for path in PATHS if path.name != "__main__.py" and not ast.get_docstring(parsed(path))]
    assert silent == []


# what is imported -----------------------------------------------------------------------------------


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """(dotted name, whether it is imported with the module, not by a function) of each import."""
    package = dotted(path).split(".")[: None if path.name == "__init__.py" else -1]

    def visit(node: ast.AST, at_once: bool) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            yield from ((alias.name, at_once) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((f"{module}.{alias.name}", at_once) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, at_once and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    yield from visit(parsed(path), True)


def test_imports_are_found_wherever_they_hide() -> None:
    found = dict(imports(SOURCE / "fetching.py"))
    assert found["distilbert.folder.hub.resolve"] is True
    assert found["distilbert.convert.conversion.convert"] is False
    assert found["stat"] is True


@pytest.mark.parametrize("path", CORE, ids=dotted)
def test_the_core_imports_no_leaf_and_no_foreign_package(path: Path) -> None:
    for name, at_once in imports(path):
        top = name.partition(".")[0]
        assert top != "torch", name
        if at_once:
            assert not leaf_of(name), f"{name} is a leaf: import it in the function that needs it"
            assert top in {"distilbert", *DEPENDENCIES} or top in sys.stdlib_module_names, name


def test_the_dependencies_are_those_of_the_package() -> None:
    from importlib.metadata import requires

    declared = [line for line in requires("distilbert") or [] if "extra ==" not in line]
    assert {line.partition(">")[0].replace("-", "_") for line in declared} == DEPENDENCIES


# in processes of their own --------------------------------------------------------------------------


def run(code: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


ALONE = f"""
import sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {FOREIGN}:
            raise ImportError(name + " is not for the core")

sys.meta_path.insert(0, Forbidden())
try:
    import torch
except ImportError:
    pass
else:
    raise SystemExit("torch can be imported")
import distilbert
from distilbert.cli import main
classifier, embedder = map(distilbert.load, sys.argv[1:])
assert 0 < classifier("a charming and often affecting journey").score < 1
assert embedder(["a film", "a war film"]).shape == (2, 32)
assert main(["classify", "-m", sys.argv[1], "a film"]) == 0
assert main(["info", sys.argv[2]]) == 0
assert not {{module.partition(".")[0] for module in sys.modules}} & set({FOREIGN})
"""


def test_the_core_runs_where_nothing_else_can_be_imported(make_checkpoint: Maker) -> None:
    done = run(ALONE, make_checkpoint(), make_checkpoint(Head.NONE, name="plain"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "a film" in done.stdout


QUIET = """
import logging, os, signal, socket, sys, threading

def forbidden(*_, **__):
    raise AssertionError("a socket was opened")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = forbidden

def state():
    signals = [signal.getsignal(number) for number in signal.valid_signals()]
    tasks = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else threading.active_count()
    return dict(os.environ), os.getcwd(), signals, logging.root.handlers[:], tasks

before = state()
import distilbert.cli.text_commands
after = state()
assert after == before
distilbert.load(sys.argv[1])("a film")
assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
"""


def test_nothing_is_touched_started_or_sent(make_checkpoint: Maker, tmp_path: Path) -> None:
    """Neither by importing, nor by running a model: the runtime would keep an id of the machine, and report."""
    home = tmp_path / "home"
    home.mkdir()
    changed = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    command = [sys.executable, "-W", "error", "-c", QUIET, str(make_checkpoint())]
    environment = changed | {"HOME": str(home), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=home, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.rglob("*")) == []


@pytest.mark.parametrize("leaf", sorted(LEAVES))
def test_a_leaf_without_its_extra_names_the_command_that_installs_it(leaf: str) -> None:
    if not (SOURCE / leaf).exists():
        pytest.skip("not part of this version")
    code = f"""
import sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {FOREIGN}:
            raise ImportError(name)

sys.meta_path.insert(0, Forbidden())
try:
    import distilbert.{leaf}
except Exception as error:
    print(type(error).__name__, error)
else:
    print("imported")
"""
    done = run(code)
    assert done.returncode == 0, done.stderr
    if leaf in ("adapters", "compat", "convert", "explain", "guarantee", "search"):  # a part of the core's install
        assert done.stdout == "imported\n"
    else:
        assert done.stdout.startswith("MissingExtraError distilbert.")
        assert "pip install 'distilbert[" in done.stdout


# for type checkers ----------------------------------------------------------------------------------

SCRIPT = """
import distilbert

classifier = distilbert.load("m", "text-classification")
reveal_type(classifier("a text"))
reveal_type(classifier(["a text"]))
reveal_type(classifier(("a text", "a pair"), top_k=None))
reveal_type(classifier(["a text"], threshold=0.5))
reveal_type([each.label for each in classifier.stream(["a text"])])
reveal_type(distilbert.load("m", "token-classification")("a text"))
reveal_type(distilbert.load("m", task="feature-extraction", threads=2))
reveal_type(distilbert.load("m"))
"""
REVEALED = [
    "Classification",
    "list[Classification]",
    "list[Classification]",
    "list[list[Classification]]",
    "list[str]",
    "list[Entity]",
    "Embedder",
    "Any",
]


def test_a_users_script_is_typed(tmp_path: Path) -> None:
    pytest.importorskip("torch")  # where `make types` ran just before, with the same options: mypy's cache holds
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(root / ".mypy_cache"), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    revealed = [line.partition('"')[2].rstrip('"') for line in done.stdout.splitlines() if "Revealed type" in line]
    for module in ("results", "tasks.embedding"):
        revealed = [each.replace(f"distilbert.{module}.", "") for each in revealed]
    assert revealed == REVEALED, done.stdout + done.stderr
    assert done.returncode == 0, done.stdout
