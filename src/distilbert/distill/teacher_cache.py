"""The teacher's outputs for every item: computed in each step, or read from files that were written before.

The files are half precision, but for the numbers of a regression, and mapped into memory. They are filled in order
before training begins; how far is noted once that much is on the disk, so that a run that was killed goes on.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..batch import plan
from ..errors import CheckpointError
from ..files import is_file, read_json, write_json
from ..train.checkpoints import saving
from ..train.objective import Item
from .teacher import Outputs, RequestedOutputs, Teacher

_FILLED = "filled.json"
_BATCHES = 32  # between two notes of how far


class LiveOutputs:
    """Outputs computed in every step. `read` gives the teacher's item for the student's and its number."""

    def __init__(self, teacher: Teacher, requested: RequestedOutputs, read: Callable[[int, Item], Item]) -> None:
        self._teacher, self._requested, self._read = teacher, requested, read

    def of(self, numbers: Sequence[int], items: Sequence[Item], device: torch.device) -> Outputs:
        """For the items with these numbers, as they are drawn in this step."""
        read = [self._read(number, item) for number, item in zip(numbers, items, strict=True)]
        return self._teacher.to(device).compute(read, self._requested)


class CachedOutputs:
    """Outputs in files, in a subfolder of `folder` that is named by a hash of teacher, items and request:

        output.f16    [rows of all items, C]; output.f32 where it is numbers of any size (regression)
        inside-J.f16  [tokens of all items, D], of the J-th state, query, key or value that is requested
        filled.json   of how many items the outputs are there

    Opening takes what is there; `fill` computes the rest.
    """

    def __init__(
        self, folder: Path, teacher: Teacher, items: Sequence[Item], requested: RequestedOutputs, precision: str
    ) -> None:
        """`items` have the ids of the teacher's vocabulary. Raises CheckpointError where the files cannot be made."""
        self._teacher, self._items, self._requested = teacher, items, requested
        self.folder = folder / _name(teacher, items, requested, precision)
        # where each item begins
        self._rows = np.cumsum([0, *(_row_count(item, requested) for item in items)])
        self._tokens = np.cumsum([0, *(item.tokens for item in items)])
        numbers = teacher.config.problem == "regression" and not requested.vectors
        output = "output.f32" if numbers else "output.f16"
        shapes = {output: (int(self._rows[-1]), teacher.width(requested))}
        for place in range(len(requested.states) + 3 * requested.relations):
            shapes[f"inside-{place}.f16"] = (int(self._tokens[-1]), teacher.config.dim)
        self._saving = partial(saving, f"{self.folder}: the teacher's outputs")
        with self._saving():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._output, *self._inside = [_mapped(self.folder / name, shape) for name, shape in shapes.items()]

    @property
    def filled(self) -> int:
        """Of how many items the outputs are there."""
        path = self.folder / _FILLED
        if not is_file(path):
            return 0
        items = read_json(path, CheckpointError).get("items")
        if type(items) is not int or not 0 <= items <= len(self._items):
            raise CheckpointError(f"{path}: is damaged; remove {self.folder} to compute the teacher's outputs again")
        return items

    def fill(
        self,
        max_batch_tokens: int,
        device: torch.device,
        autocast: Callable[[], AbstractContextManager[None]],
        progress: Callable[[int], None],
    ) -> None:
        """Compute what is not there yet; `progress` is told of how many items the outputs are there.

        Raises CheckpointError where it cannot be written.
        """
        teacher = self._teacher.to(device)
        done = self.filled
        while done < len(self._items):
            enough = self._tokens[done] + _BATCHES * max_batch_tokens
            stop = max(done + 1, int(np.searchsorted(self._tokens, enough, side="right")) - 1)
            for batch in plan([item.tokens for item in self._items[done:stop]], max_batch_tokens):
                numbers = (batch + done).tolist()
                with autocast():
                    outputs = teacher.compute([self._items[number] for number in numbers], self._requested)
                for file, starts, values in self._places(outputs):
                    most = float(np.finfo(file.dtype).max)
                    file[_spans(starts, numbers)] = values.float().clamp(-most, most).cpu().numpy()
            with self._saving():
                for file in (self._output, *self._inside):
                    file.flush()
                write_json(self.folder / _FILLED, {"items": stop})
            done = stop
            progress(done)

    def of(self, numbers: Sequence[int], items: Sequence[Item], device: torch.device) -> Outputs:
        def read(file: np.ndarray, starts: np.ndarray) -> Tensor:
            return torch.from_numpy(file[_spans(starts, numbers)].astype(np.float32)).to(device)

        inside = tuple(read(file, self._tokens) for file in self._inside)
        states = len(self._requested.states)
        return Outputs(read(self._output, self._rows), inside[:states], inside[states:])

    def _places(self, outputs: Outputs) -> list[tuple[np.ndarray, np.ndarray, Tensor]]:
        """Each file, where each item begins in it, and what is written there."""
        inside = zip(self._inside, (*outputs.states, *outputs.relations), strict=True)
        return [(self._output, self._rows, outputs.output), *((file, self._tokens, values) for file, values in inside)]


TeacherOutputs = LiveOutputs | CachedOutputs


def _row_count(item: Item, requested: RequestedOutputs) -> int:
    if requested.vectors:
        return len(item.texts)
    return item.tokens if item.rows is None else sum(map(len, item.rows))


def _spans(starts: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
    """int64: the rows of the items with these numbers, one after the other."""
    return np.concatenate([np.arange(starts[number], starts[number + 1]) for number in numbers])


def _mapped(path: Path, shape: tuple[int, int]) -> np.memmap[Any, np.dtype[Any]]:
    """Numbers of the shape, of the kind that the name ends with, mapped.

    Their place on the disk is taken at once: a full disk later would be a crash.
    """
    kind = np.dtype(np.float32 if path.suffix == ".f32" else np.float16)
    size = kind.itemsize * shape[0] * shape[1]
    with path.open("a+b") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
    return np.memmap(path, kind, "r+", 0, shape)


def _name(teacher: Teacher, items: Sequence[Item], requested: RequestedOutputs, precision: str) -> str:
    """A hash of all that the outputs depend on: the teacher's weights, the items, what is requested."""
    digest = hashlib.sha256(repr((requested, precision)).encode())
    for parameter in teacher.model.parameters():
        digest.update(parameter.detach().cpu().numpy().tobytes())
    for item in items:
        for array in (*item.texts, *(item.rows or ())):
            digest.update(array.tobytes() + b"|")
    return digest.hexdigest()[:16]
