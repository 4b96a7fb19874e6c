"""Reports are drawn here, as nowhere else in the tests."""

import pytest


@pytest.fixture(autouse=True)
def blank_drawings() -> None:
    """None is blank."""
