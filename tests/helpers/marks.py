"""Parameters of a test that is run with a few of them by `make test`, and with the others by `make test-slow`."""

from collections.abc import Container, Iterable
from typing import Any

import pytest


def slow_but_for(quick: Container[Any], values: Iterable[Any]) -> list[Any]:
    """The values as parameters: those that are not in `quick` are slow."""
    return [pytest.param(value, marks=[] if value in quick else pytest.mark.slow) for value in values]
