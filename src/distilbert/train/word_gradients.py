"""The gradient of the word embeddings: zero but for the rows of a step's words.

PyTorch makes a new table of zeros for it in each batch, 94 MB for 30,522 words of 768 numbers, whose fresh memory takes
longer than a layer does. Here it gives the rows alone, and they are written into one table that is kept.
"""

from types import TracebackType
from typing import Self

import torch
from torch import Tensor, nn


class WordGradients:
    """A context, within which that of a model on a CPU is such rows until `spread`.

    Elsewhere, and where another layer has the table too, as a masked LM's output has, PyTorch's own stays.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        users: dict[nn.Parameter, list[nn.Module]] = {}
        for module in model.modules():
            for parameter in module.parameters(recurse=False):
                users.setdefault(parameter, []).append(module)
        self._embeddings = [
            module
            for parameter, (module, *others) in users.items()
            if isinstance(module, nn.Embedding) and not others and parameter.device.type == "cpu"
        ]
        self._tables: dict[nn.Parameter, Tensor] = {}
        self._rows: dict[nn.Parameter, Tensor] = {}

    def __enter__(self) -> Self:
        self._set_sparse(True)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._set_sparse(False)

    def collect(self) -> list[Tensor]:
        """All gradients of the model as they are, rows alone where they are such: what is scaled in place is scaled."""
        found = []
        for parameter in self._model.parameters():
            gradient = parameter.grad
            if gradient is not None and gradient.is_sparse:
                parameter.grad = gradient = gradient.coalesce()
                found.append(gradient.values())
            elif gradient is not None:
                found.append(gradient)
        return found

    def spread(self) -> None:
        """Give each embedding a gradient of its own shape, as optimizers want it."""
        for parameter in self._model.parameters():
            gradient = parameter.grad
            if gradient is None or not gradient.is_sparse:
                continue
            if parameter not in self._tables:
                self._tables[parameter] = torch.zeros_like(parameter)
            self._rows[parameter] = gradient.indices()[0]
            parameter.grad = self._tables[parameter].index_copy_(0, self._rows[parameter], gradient.values())

    def clear(self) -> None:
        """Make the tables zero again, after the step."""
        for parameter, rows in self._rows.items():
            self._tables[parameter].index_fill_(0, rows, 0.0)
        self._rows.clear()

    def _set_sparse(self, sparse: bool) -> None:
        for module in self._embeddings:
            module.sparse = sparse
