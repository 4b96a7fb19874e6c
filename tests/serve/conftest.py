"""One server of every task for all tests that need nothing else of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from distilbert.tasks.task import Task
from helpers.live import Live, make_folders, open_tasks, serving


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def tasks(folders: dict[str, Path]) -> dict[str, Task]:
    return open_tasks(folders)


@pytest.fixture(scope="session")
def server(tasks: dict[str, Task]) -> Iterator[Live]:
    with serving(tasks) as live:
        yield live
