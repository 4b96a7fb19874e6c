import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distilbert.batch import Batch, in_chunks, plan, run_batched

lengths_and_budget = st.tuples(st.lists(st.integers(1, 60), min_size=1, max_size=80), st.integers(1, 200))


def test_pack_puts_texts_in_one_row() -> None:
    batch = Batch.pack([np.array([5, 6, 7]), np.array([8])], [np.array([0, 2]), np.array([0])])
    assert batch.ids.tolist() == [5, 6, 7, 8]
    assert batch.positions.tolist() == [0, 1, 2, 0]
    assert batch.texts.tolist() == [0, 0, 0, 1]
    assert batch.rows is not None
    assert batch.rows.tolist() == [0, 2, 3]
    assert batch.row_counts.tolist() == [2, 1]
    assert (batch.size, batch.longest) == (2, 3)


@pytest.mark.parametrize(
    ("ids", "lengths", "rows"),
    [
        ([1, 2, 3], [2], None),  # a token too many
        ([1, 2], [2, 0], None),  # an empty text
        ([], [], None),  # nothing
        ([1, 2], [2], [2]),  # a row outside
        ([1, 2], [2], [1, 1]),  # a row twice
        ([1, 2], [2], [-1]),
    ],
)
def test_a_batch_that_cannot_be_is_refused_when_built(ids: list, lengths: list, rows: list | None) -> None:
    with pytest.raises(ValueError, match=r"lengths|rows"):
        Batch(np.array(ids, np.int64), np.array(lengths, np.int64), None if rows is None else np.array(rows, np.int64))


@given(lengths_and_budget)
def test_plan_takes_every_text_once_within_the_budget(case: tuple[list[int], int]) -> None:
    lengths, budget = case
    batches = plan(lengths, budget)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for chosen in batches:
        sizes = [lengths[i] for i in chosen]
        assert len(sizes) == 1 or sum(sizes) <= budget
        assert len(sizes) == 1 or len(sizes) * max(sizes) <= 2 * budget  # the padded view of attention
        assert sizes == sorted(sizes, reverse=True)


def test_short_texts_beside_a_long_one_do_not_blow_up_the_padded_view() -> None:
    batches = plan([512] + [2] * 500, 1024)
    assert len(batches[0]) * 512 <= 2048


@given(lengths_and_budget, st.randoms(use_true_random=False))
def test_results_come_back_in_the_order_given(case: tuple[list[int], int], random: object) -> None:
    lengths, budget = case
    ids = [np.full(length, index, np.int64) for index, length in enumerate(lengths)]
    rows = [np.arange(1 + index % length) for index, length in enumerate(lengths)]

    def run(batch: Batch) -> np.ndarray:
        return batch.ids[batch.rows][:, None]

    for index, out in enumerate(run_batched(run, ids, rows, budget)):
        assert out.tolist() == [[index]] * len(rows[index])


def test_a_stream_is_read_in_chunks_of_bounded_size() -> None:
    read = []

    def numbers():  # type: ignore[no-untyped-def]
        for number in range(10):
            read.append(number)
            yield number

    chunks = in_chunks(numbers(), lambda _: 1, 3)
    assert next(chunks) == [0, 1, 2]
    assert read == [0, 1, 2]
    assert list(chunks) == [[3, 4, 5], [6, 7, 8], [9]]
