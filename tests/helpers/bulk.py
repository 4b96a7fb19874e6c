"""What tests of bulk runs share."""

from typing import Any, Protocol


class Runner(Protocol):
    """Runs `distilbert.bulk.run` in this process, with parts of 90 rows unless other settings are said."""

    def __call__(self, given: Any, output: Any = None, task: str = ..., **settings: Any) -> Any: ...
