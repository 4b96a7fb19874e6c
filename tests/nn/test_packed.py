"""Packed batches: the same from padded tensors and from NumPy, and a view that loses nothing."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from distilbert import InputError  # noqa: E402
from distilbert.batch import Batch  # noqa: E402
from distilbert.nn import Packed  # noqa: E402

TEXTS = [np.array([5, 6, 7]), np.array([8]), np.array([9, 10])]
PADDED = torch.tensor([[5, 6, 7], [8, 0, 0], [9, 10, 0]])
MASK = torch.tensor([[1, 1, 1], [1, 0, 0], [1, 1, 0]])


def test_padded_tensors_and_numpy_give_the_same_batch() -> None:
    ours, theirs = Packed.from_batch(Batch.pack(TEXTS)), Packed.from_padded(PADDED, MASK)
    for batch in (ours, theirs):
        assert batch.words.tolist() == [5, 6, 7, 8, 9, 10]
        assert batch.positions.tolist() == [0, 1, 2, 0, 0, 1]
        assert batch.view.index.tolist() == [0, 1, 2, 3, 6, 7]
        assert batch.mask.tolist() == MASK.bool().tolist()
        assert batch.first.tolist() == [0, 3, 4]
        assert batch.padded(batch.words).tolist() == PADDED.tolist()


def test_texts_of_one_length_need_no_mask() -> None:
    batch = Packed.from_batch(Batch.pack([TEXTS[0], TEXTS[0]]))
    assert batch.mask is None
    assert batch.view.index is None
    assert batch.padded(batch.words).tolist() == [[5, 6, 7], [5, 6, 7]]
    assert batch.first.tolist() == [0, 3]


def test_rows_lie_in_a_view_of_their_own() -> None:
    rows = [np.array([0, 2]), np.array([0]), np.array([], np.int64)]
    batch = Packed.from_batch(Batch.pack(TEXTS, rows))
    assert batch.rows.tolist() == [0, 2, 3]
    picked = batch.words.index_select(0, batch.rows)
    assert batch.row_view.pad(picked, -1).tolist() == [[5, 7], [8, -1], [-1, -1]]
    assert batch.row_view.unpad(batch.row_view.pad(picked)).tolist() == picked.tolist()


def test_padding_may_be_anywhere_and_positions_count_it() -> None:
    batch = Packed.from_padded(PADDED, torch.tensor([[0, 1, 1], [1, 0, 1], [1, 1, 1]]))
    assert batch.words.tolist() == [6, 7, 8, 0, 9, 10, 0]
    assert batch.positions.tolist() == [1, 2, 0, 2, 0, 1, 2]
    assert batch.first.tolist() == [0, 2, 4]


def test_a_text_that_is_all_padding_keeps_its_first_place() -> None:
    batch = Packed.from_padded(PADDED, torch.tensor([[1, 1, 1], [0, 0, 0], [1, 1, 0]]))
    assert batch.words.tolist() == [5, 6, 7, 8, 9, 10]


def test_labels_of_padding_count_nowhere() -> None:
    batch = Packed.from_padded(PADDED, MASK)
    assert batch.labels(torch.arange(9).view(3, 3)).tolist() == [0, 1, 2, 3, 6, 7]


def test_wrong_inputs_are_errors() -> None:
    with pytest.raises(InputError, match="either input_ids or inputs_embeds"):
        Packed.from_padded(None)
    with pytest.raises(InputError, match="either input_ids or inputs_embeds"):
        Packed.from_padded(PADDED, inputs_embeds=torch.zeros(3, 3, 4))
    with pytest.raises(InputError, match=r"attention_mask must be \[3, 3\] as the input, not \[3, 2\]"):
        Packed.from_padded(PADDED, MASK[:, :2])
    with pytest.raises(InputError, match=r"input_ids must be \[B, T\] .*, not \[3\]"):
        Packed.from_padded(PADDED[0])
