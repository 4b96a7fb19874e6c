"""Options that keep one run of the tests from repeating another's: `--write-passed=FILE`, `--skip-passed=FILE`.

The tests run in two environments. What passed in the core's, without torch, need not run in the full one again,
but for the tests that run int8: the native engine does so only in the full one.
"""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("passed")
    group.addoption("--write-passed", type=Path, metavar="FILE", help="write the names of the tests that passed")
    group.addoption("--skip-passed", type=Path, metavar="FILE", help="leave out the tests that FILE names")


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("--write-passed")
    if file and not hasattr(config, "workerinput"):  # xdist's workers report to the one that started them
        config.pluginmanager.register(_Writer(file))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if file := config.getoption("--skip-passed"):
        passed = set(json.loads(file.read_text(encoding="utf-8")))
        left_out = [item for item in items if item.nodeid in passed and not _runs_int8(item)]
        config.hook.pytest_deselected(items=left_out)
        kept = set(items).difference(left_out)
        items[:] = [item for item in items if item in kept]


def _runs_int8(item: pytest.Item) -> bool:
    """Whether the test, or what it names in its own file, fixtures included, speaks of int8 or of quantising."""
    if "int8" in item.nodeid:
        return True
    parts = _parts(item.path)
    waiting, seen = [getattr(item, "originalname", item.name)], set[str]()
    while waiting:
        name = waiting.pop()
        if name in parts and name not in seen:
            seen.add(name)
            if "int8" in parts[name] or "quanti" in parts[name]:
                return True
            waiting += re.findall(r"\w+", parts[name])
    return False


@cache
def _parts(path: Path) -> dict[str, str]:
    """What a file defines at its top, by name: the lines of each."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = {}
    for node in ast.parse(text).body:
        start = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
        for name in _names(node):
            found[name] = "\n".join(lines[start - 1 : node.end_lineno])
    return found


def _names(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        yield from (
            each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
        )


class _Writer:
    """Collects the names of tests whose call, set-up and clean-up passed."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.passed: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)
        elif report.when == "call" and report.passed:
            self.passed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        names = sorted(self.passed - self.failed)
        self.file.write_text(json.dumps(names, indent=0), encoding="utf-8")
