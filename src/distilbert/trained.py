"""What a run of training leaves."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from .evaluation.intervals import Interval


@dataclasses.dataclass(frozen=True)
class Trained:
    """The result of a run: the folder, and the scores of its model on `eval` and on `test`; none without these."""

    folder: Path
    scores: Mapping[str, Interval]
    test_scores: Mapping[str, Interval] = dataclasses.field(default_factory=dict)
