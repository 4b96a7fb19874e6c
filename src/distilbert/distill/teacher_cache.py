"""Lessons: what the teacher says of every item, asked for when it is needed, or read from files written before.

The files are half precision and mapped into memory. They are filled in order, before training begins, and how far they
are filled is written down once that much is on the disk, so that a run that was killed goes on from there.
"""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ..batch import plan
from ..errors import CheckpointError
from ..files import is_file, read_json, written_whole
from ..train.objectives import Item
from .teacher import Lesson, Teacher, Wanted

_FILLED = "filled.json"
_MOST = 65504.0  # of half precision
_BATCHES = 32  # between two notes of how far the files are filled


class Lessons(Protocol):
    """The teacher's word on the items of an objective."""

    def of(self, numbers: Sequence[int], items: Sequence[Item], device: torch.device) -> Lesson:
        """Of the items with these numbers, as they are learnt this time."""
        ...


class LiveLessons:
    """The teacher runs in every step. `read` makes of a student's item and its number what the teacher reads."""

    def __init__(self, teacher: Teacher, wanted: Wanted, read: Callable[[int, Item], Item]) -> None:
        self._teacher, self._wanted, self._read = teacher, wanted, read

    def of(self, numbers: Sequence[int], items: Sequence[Item], device: torch.device) -> Lesson:
        read = [self._read(number, item) for number, item in zip(numbers, items, strict=True)]
        return self._teacher.to(device).teach(read, self._wanted)


class CachedLessons:
    """The teacher's word in the files of a folder of its own below `folder`, whose name says what they hold:

        output.f16    [rows of all items, C]
        inside-J.f16  [tokens of all items, D], of the J-th state, query, key or value that is wanted
        filled.json   how many items are there

    Opening takes up what is there; `fill` asks for the rest.
    """

    def __init__(self, folder: Path, teacher: Teacher, items: Sequence[Item], wanted: Wanted, precision: str) -> None:
        """`items` are as the teacher reads them. Raises CheckpointError where the files cannot be made."""
        self._teacher, self._items, self._wanted = teacher, items, wanted
        self.folder = folder / _name(teacher, items, wanted, precision)
        # where each item begins
        self._rows = np.cumsum([0, *(_row_count(item, wanted) for item in items)])
        self._tokens = np.cumsum([0, *(item.tokens for item in items)])
        shapes = {"output.f16": (int(self._rows[-1]), teacher.width(wanted))}
        for place in range(len(wanted.states) + 3 * wanted.relations):
            shapes[f"inside-{place}.f16"] = (int(self._tokens[-1]), teacher.config.dim)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._output, *self._inside = [_mapped(self.folder / name, shape) for name, shape in shapes.items()]
        except OSError as error:
            raise self._fault(error) from None

    @property
    def filled(self) -> int:
        """How many items are there."""
        path = self.folder / _FILLED
        return int(read_json(path, CheckpointError).get("items", 0)) if is_file(path) else 0

    def fill(
        self,
        max_batch_tokens: int,
        device: torch.device,
        autocast: Callable[[], AbstractContextManager[None]],
        progress: Callable[[int], None],
    ) -> None:
        """Ask the teacher what is not there yet; `progress` is told how many items are.

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
                    lesson = teacher.teach([self._items[number] for number in numbers], self._wanted)
                for file, starts, values in self._places(lesson):
                    file[_spans(starts, numbers)] = values.float().clamp(-_MOST, _MOST).cpu().numpy()
            try:
                for file in (self._output, *self._inside):
                    file.flush()
                with written_whole(self.folder / _FILLED) as path:
                    path.write_text(json.dumps({"items": stop}), encoding="utf-8")
            except OSError as error:
                raise self._fault(error) from None
            done = stop
            progress(done)

    def of(self, numbers: Sequence[int], items: Sequence[Item], device: torch.device) -> Lesson:
        def read(file: np.ndarray, starts: np.ndarray) -> Tensor:
            return torch.from_numpy(file[_spans(starts, numbers)].astype(np.float32)).to(device)

        inside = tuple(read(file, self._tokens) for file in self._inside)
        states = len(self._wanted.states)
        return Lesson(read(self._output, self._rows), inside[:states], inside[states:])

    def _places(self, lesson: Lesson) -> list[tuple[np.ndarray, np.ndarray, Tensor]]:
        """Each file, where items begin in it, and what goes there."""
        inside = zip(self._inside, (*lesson.states, *lesson.relations), strict=True)
        return [(self._output, self._rows, lesson.output), *((file, self._tokens, own) for file, own in inside)]

    def _fault(self, error: OSError) -> CheckpointError:
        return CheckpointError(f"{self.folder}: the teacher's word cannot be kept ({error.strerror or error})")


def _row_count(item: Item, wanted: Wanted) -> int:
    if wanted.vectors:
        return len(item.texts)
    return item.tokens if item.rows is None else sum(map(len, item.rows))


def _spans(starts: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
    """int64: the rows of the items with these numbers, one after the other."""
    return np.concatenate([np.arange(starts[number], starts[number + 1]) for number in numbers])


def _mapped(path: Path, shape: tuple[int, int]) -> np.memmap[Any, np.dtype[np.float16]]:
    """float16 of the shape, mapped. Its place on the disk is taken at once: a full disk later would be a crash."""
    size = 2 * shape[0] * shape[1]
    with path.open("a+b") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
    return np.memmap(path, np.float16, "r+", 0, shape)


def _name(teacher: Teacher, items: Sequence[Item], wanted: Wanted, precision: str) -> str:
    """What tells these lessons from others: the teacher's weights, the items, what is wanted."""
    digest = hashlib.sha256(repr((wanted, precision)).encode())
    for parameter in teacher.model.parameters():
        digest.update(parameter.detach().cpu().numpy().tobytes())
    for item in items:
        for own in (*item.texts, *(item.rows or ())):
            digest.update(own.tobytes() + b"|")
    return digest.hexdigest()[:16]
