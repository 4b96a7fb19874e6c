"""The same text as student and teacher read it, with one vocabulary or two."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..train.objective import Item


def alignable(student: Sequence[Item], teacher: Sequence[Item]) -> list[int]:
    """The numbers of the items of which both tokenizers give the same rows: only these can be compared.

    Two tokenizers may cut a long sentence at different words. Raises InputError where nothing is left.
    """
    if len(student) != len(teacher):
        raise InputError("the two tokenizers cut long texts differently: give a shorter text, or a larger max_length")
    pairs = zip(student, teacher, strict=True)
    same = [number for number, (one, other) in enumerate(pairs) if _row_counts(one) == _row_counts(other)]
    if not same:
        raise InputError("the tokenizers of teacher and student split every text into different words")
    return same


def _row_counts(item: Item) -> list[int] | None:
    return None if item.rows is None else [len(rows) for rows in item.rows]


def with_teacher_ids(item: Item, pieces: np.ndarray) -> Item:
    """The student's item in the teacher's ids: `pieces` [V] are those of the student's pieces."""
    return replace(item, texts=tuple(pieces[ids] for ids in item.texts))
