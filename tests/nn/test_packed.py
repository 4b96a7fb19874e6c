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


# parts ------------------------------------------------------------------------------------------------


def ragged(*lengths: int) -> Batch:
    return Batch.pack([np.arange(length) + 5 for length in lengths])


def test_short_texts_are_cut_off_from_long_ones() -> None:
    parts = Packed.from_batch(ragged(*[200] * 8, *[30] * 12), in_parts=True).parts
    assert [(part.view.texts, part.view.longest, part.view.rows) for part in parts] == [(8, 200, 1600), (12, 32, 360)]
    assert parts[0].mask is None
    assert parts[1].mask.sum(1).tolist() == [30] * 12


@pytest.mark.parametrize("lengths", [[40] * 9, [60, 58, 55, 50, 44], [9, 8, 8, 3, 2, 1], [500]])
def test_texts_of_like_length_are_one_part(lengths: list[int]) -> None:
    assert len(Packed.from_batch(ragged(*lengths), in_parts=True).parts) == 1


def test_parts_have_the_tokens_and_rows_of_all_texts_in_their_order() -> None:
    lengths = [300, 300, 300, 290, 20, 20, 400, 3, 3, 3, 1, 7]
    rows = [np.arange(0, length, 3)[: place % 3] for place, length in enumerate(lengths)]
    batch = Packed.from_batch(Batch.pack([np.arange(length) for length in lengths], rows), in_parts=True)
    assert sum(part.view.texts for part in batch.parts) == len(lengths)
    assert [n for part in batch.parts for n in part.mask.sum(1).tolist()] == lengths
    assert [part.row_view.rows for part in batch.parts] == [
        sum(map(len, rows[first : first + 4])) for first in range(0, 12, 4)
    ]


@pytest.mark.parametrize(("rows", "rounded"), [(1, 32), (32, 32), (33, 64), (830, 832), (1030, 1088), (4000, 4096)])
def test_rows_are_made_up_to_numbers_that_repeat(rows: int, rounded: int) -> None:
    x = torch.ones(rows, 3)
    batch = Packed.from_batch(ragged(3), in_parts=True)
    more = batch.rounded(x)
    assert len(more) == rounded
    assert torch.equal(more[:rows], x)
    assert not more[rows:].any()
    assert Packed.from_batch(ragged(3)).rounded(x) is x


def test_wrong_inputs_are_errors() -> None:
    with pytest.raises(InputError, match="either input_ids or inputs_embeds"):
        Packed.from_padded(None)
    with pytest.raises(InputError, match="either input_ids or inputs_embeds"):
        Packed.from_padded(PADDED, inputs_embeds=torch.zeros(3, 3, 4))
    with pytest.raises(InputError, match=r"attention_mask must be \[3, 3\] as the input, not \[3, 2\]"):
        Packed.from_padded(PADDED, MASK[:, :2])
    with pytest.raises(InputError, match=r"input_ids must be \[B, T\] .*, not \[3\]"):
        Packed.from_padded(PADDED[0])
