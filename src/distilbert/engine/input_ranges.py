"""How large the numbers are that the matrices of a float model read: what smoothing a quantised one is made of."""

from collections.abc import Sequence

import numpy as np

from .. import int8
from ..batch import Batch, in_chunks
from ..folder.checkpoint import Checkpoint, Head
from .cpus import available_cpus
from .graph import Builder
from .graph_cache import Graph
from .onnx import feeds_of, open_session
from .seam import check_batch, check_rows


class _RangesBuilder(Builder):
    """The encoder, whose output is the largest size of each column of the inputs that may be smoothed."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint, all_rows=True)
        self.inputs: dict[str, str] = {}

    def linear(self, x: str, name: str, weight: str | None = None) -> str:
        if smoothing := int8.smoothing_of(name):
            self.inputs.setdefault(smoothing, x)
        return super().linear(x, name, weight)

    def head(self, head: Head, x: str) -> str:
        largest = [
            self.op("ReduceMax", self.op("Abs", inputs), self.integers(0), keepdims=1)
            for inputs in self.inputs.values()
        ]
        return self.op("Concat", *largest, axis=0)


def input_ranges(checkpoint: Checkpoint, ids: Sequence[np.ndarray], max_tokens: int) -> dict[str, np.ndarray]:
    """The largest absolute value of each column float32 [D] of the matrices' inputs over texts, given as token ids.

    By the names of the vectors of a smoothed folder (see int8.py). Raises CheckpointError for a model whose numbers
    are not finite.
    """
    builder = _RangesBuilder(checkpoint)
    model, converted = builder.build(Head.NONE)
    session = open_session(Graph(model, checkpoint.weights_folder, converted), checkpoint.folder, available_cpus())
    largest = np.zeros((len(builder.inputs), checkpoint.config.dim), np.float32)
    for chunk in in_chunks(ids, len, max_tokens):
        batch = Batch.pack(chunk)
        check_batch(batch, checkpoint.config)
        output: np.ndarray = session.run(["output"], feeds_of(batch, all_rows=True))[0]
        largest = np.maximum(largest, check_rows(output, checkpoint.folder))
    return dict(zip(builder.inputs, largest, strict=True))
