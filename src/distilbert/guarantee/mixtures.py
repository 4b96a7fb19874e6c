"""The mixtures of int8 and float32 that are tried, and the texts that decide on their order."""

import math
from collections.abc import Sequence

import numpy as np

from ..batch import Batch
from ..convert.layer_errors import TOKENS, LayerError, costliest
from ..engine.seam import Engine


class Recorder:
    """An engine that keeps the token ids of the first texts that another one runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.ids: list[np.ndarray] = []
        self._room = TOKENS

    def run(self, batch: Batch) -> np.ndarray:
        for text in np.split(batch.ids, np.cumsum(batch.lengths)[:-1]):
            if self._room > 0:
                self.ids.append(np.array(text))
                self._room -= len(text)
        return self._engine.run(batch)


def ladder(errors: Sequence[LayerError]) -> list[tuple[str, ...]]:
    """Matrices to leave in float32: none, the quarter of the groups with most error for their size, half, and all."""
    groups = costliest(errors)
    counts = (0, math.ceil(len(groups) / 4), math.ceil(len(groups) / 2), len(groups))
    return [tuple(name for group in groups[:count] for name in group.matrices) for count in sorted({*counts})]
