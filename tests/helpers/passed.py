"""Options that keep one run of the tests from repeating another's: `--write-passed=FILE`, `--skip-passed=FILE`.

The tests run in two environments. What passed in the core's, without torch, need not run in the full one again,
but for the tests marked int8: the native engine runs their models only in the full one.
"""

import json
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
        left_out = [item for item in items if item.nodeid in passed and not item.get_closest_marker("int8")]
        config.hook.pytest_deselected(items=left_out)
        kept = set(items).difference(left_out)
        items[:] = [item for item in items if item in kept]


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
