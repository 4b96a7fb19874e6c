"""Options that keep one run of the tests from repeating another's: `--write-passed=FILE`, `--skip-passed=FILE`.

The tests run in two environments. What passed in the core's, without torch, need not run in the full one again,
but for the tests marked int8: the native engine runs their models only in the full one.
"""

import json
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("passed")
    group.addoption("--write-passed", type=Path, metavar="FILE", help="of a run of all tests, write what passed")
    group.addoption("--skip-passed", type=Path, metavar="FILE", help="leave out what FILE names")


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("--write-passed")
    if file and not hasattr(config, "workerinput"):  # xdist's workers report to the one that started them
        config.pluginmanager.register(_Writer(file))
    if file := config.getoption("--skip-passed"):
        names = set(json.loads(file.read_text(encoding="utf-8")))
        config.pluginmanager.register(_Skipper(config.rootpath, names))


class _Writer:
    """Collects the names of tests whose call, set-up and clean-up passed, and of files all of whose tests did."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.passed: set[str] = set()
        self.others: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed or "int8" in report.keywords:
            self.others.add(report.nodeid)
        elif report.when == "call":
            self.passed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        names = self.passed - self.others
        files = {_file(name) for name in names} - {_file(name) for name in self.others}
        self.file.write_text(json.dumps(sorted(names | files), indent=0), encoding="utf-8")


def _file(name: str) -> str:
    return name.partition("::")[0]


class _Skipper:
    """Leaves out tests by their names; files whose name is among them are not even imported."""

    def __init__(self, root: Path, names: set[str]) -> None:
        self.root = root
        self.names = names

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        inside = collection_path.is_relative_to(self.root)
        return (inside and collection_path.relative_to(self.root).as_posix() in self.names) or None

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        left_out = [item for item in items if item.nodeid in self.names]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item.nodeid not in self.names]
