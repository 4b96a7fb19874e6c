"""Models that are compared by score, speed and size: a teacher and students of several shapes."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from .evaluations import Evaluation
from .intervals import Interval, Share


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A model that a search has tried, in one precision of computing.

    Attributes:
        name: of its shape, as `Shape.parse` takes it; "teacher" for the teacher itself.
        folder: where it is; empty where it was not kept.
        precision: "float32" or "int8".
        metric, score: the task's main metric, more is better, and its interval.
        rate: examples a second on the CPU engine.
        megabytes: of its weights, as they run in that precision.
        best: whether no other is both at least as good and faster.
        share: of the teacher's score in float32; None where it is not known.
    """

    name: str
    folder: str
    precision: str
    metric: str
    score: Interval
    rate: float
    megabytes: float
    best: bool = False
    share: Share | None = None

    def to_dict(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        return {**dataclasses.asdict(self), "score": self.score.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Candidate":
        """What `to_dict` gave."""
        share = Share(**values["share"]) if values["share"] else None
        return cls(**{**values, "score": Interval.from_dict(values["score"]), "share": share})

    @classmethod
    def of(cls, name: str, evaluation: Evaluation, metric: str, share: Share | None = None) -> "Candidate":
        """What was evaluated, called `name`."""
        return cls(
            name,
            evaluation.model,
            evaluation.precision,
            metric,
            evaluation.scores[metric],
            evaluation.rate,
            evaluation.bytes / 1e6,
            share=share,
        )


def frontier(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates, the fastest first; `best` is set where no faster one scores as high (the Pareto frontier)."""
    marked: list[Candidate] = []
    best = -math.inf
    for candidate in sorted(candidates, key=lambda candidate: (-candidate.rate, -candidate.score.value)):
        marked.append(dataclasses.replace(candidate, best=candidate.score.value > best))
        best = max(best, candidate.score.value)
    return marked
