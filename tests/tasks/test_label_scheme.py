import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distilbert.tasks.label_scheme import LabelScheme

IOB = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
IOBES = ("O", "B-PER", "I-PER", "E-PER", "S-PER", "B-LOC", "I-LOC", "E-LOC", "S-LOC")
BILOU = ("O", "B-PER", "I-PER", "L-PER", "U-PER")
ODD = ("O", "B-O", "I-O", "I-", "B-", "X", "I-X-Y", "E-mail", "-", "B", "", "S-", "o")


def spans(labels: tuple[str, ...], sequence: str) -> list[tuple[str, int, int]]:
    """The spans of a sequence of labels, as (type, start, end), without those of O."""
    scheme = LabelScheme(labels)
    indices = np.array([labels.index(label) for label in sequence.split()])
    starts = scheme.starts(indices).tolist()
    found = zip(starts, [*starts[1:], len(indices)])
    return [(scheme.types[indices[a]], a, b) for a, b in found if labels[indices[a]] not in ("O", "o")]


@pytest.mark.parametrize(
    ("labels", "sequence", "expected"),
    [
        (IOB, "O B-PER I-PER O", [("PER", 1, 3)]),
        (IOB, "B-PER B-PER I-PER", [("PER", 0, 1), ("PER", 1, 3)]),
        (IOB, "I-PER I-PER O I-LOC", [("PER", 0, 2), ("LOC", 3, 4)]),  # IOB1
        (IOB, "I-PER B-PER I-PER", [("PER", 0, 1), ("PER", 1, 3)]),  # IOB1
        (IOB, "B-PER I-LOC I-LOC", [("PER", 0, 1), ("LOC", 1, 3)]),  # not valid
        (IOBES, "B-PER I-PER E-PER S-PER", [("PER", 0, 3), ("PER", 3, 4)]),
        (IOBES, "S-PER S-PER B-PER E-PER I-PER", [("PER", 0, 1), ("PER", 1, 2), ("PER", 2, 4), ("PER", 4, 5)]),
        (BILOU, "U-PER B-PER I-PER L-PER O", [("PER", 0, 1), ("PER", 1, 4)]),
        (("B-X", "M-X", "E-X", "S-X"), "B-X M-X E-X S-X", [("X", 0, 3), ("X", 3, 4)]),  # BMES
        (("O", "PER", "LOC"), "PER PER O PER LOC", [("PER", 0, 2), ("PER", 3, 4), ("LOC", 4, 5)]),
        (("o", "b-per", "i-per"), "o b-per i-per b-per", [("per", 1, 3), ("per", 3, 4)]),
        (("O", "B", "I"), "O B I B I I", [("", 1, 3), ("", 3, 6)]),
        (("O", "I-", "B-"), "O I- I- B- I-", [("", 1, 3), ("", 3, 5)]),
        (("O", "B-O", "I-O"), "O B-O I-O O I-O", [("O", 1, 3), ("O", 4, 5)]),
        (("O", "B-X-Y", "I-X-Y", "B-X"), "B-X-Y I-X-Y B-X", [("X-Y", 0, 2), ("X", 2, 3)]),
        (("E-mail", "S-bahn", "U-boat", "PER-FIRST"), "E-mail E-mail S-bahn", [("E-mail", 0, 2), ("S-bahn", 2, 3)]),
        (("N", "I", "S", "V"), "I I S", [("I", 0, 2), ("S", 2, 3)]),  # parts of speech, not prefixes
    ],
)
def test_spans_of_every_scheme(labels: tuple[str, ...], sequence: str, expected: list[tuple[str, int, int]]) -> None:
    assert spans(labels, sequence) == expected


def test_names_match_labels_and_types_but_o_only_itself() -> None:
    scheme = LabelScheme(("O", "B-O", "I-O", "B-PER", "I-PER", "PER"))
    assert scheme.matching(["O"]).tolist() == [True, False, False, False, False, False]
    assert scheme.matching(["PER"]).tolist() == [False, False, False, True, True, True]
    assert scheme.matching(["B-PER", "I-O"]).tolist() == [False, False, True, True, False, False]
    assert not scheme.matching([]).any()


def follows_iob2(before: str | None, label: str | None) -> bool:
    """Written from the definition: I-X only behind B-X or I-X."""
    return label is None or label[:2] != "I-" or (before is not None and before in ("B" + label[1:], label))


def follows_iob1(before: str | None, label: str | None) -> bool:
    """B-X only right behind an entity of X."""
    return label is None or label[:2] != "B-" or (before is not None and before[1:] == label[1:])


def follows_iobes(before: str | None, label: str | None) -> bool:
    """What B- or I- opened goes on with I- or E- of its type, and nothing else does."""
    is_open = before is not None and before[0] in "BI"
    goes_on = label is not None and label[0] in "IE"
    return is_open == goes_on and (not is_open or before[1:] == label[1:])  # type: ignore[index]


def follows_bilou(before: str | None, label: str | None) -> bool:
    renamed = str.maketrans("LU", "ES")
    return follows_iobes(before and before.translate(renamed), label and label.translate(renamed))


SCHEMES = [
    (IOB, False, follows_iob2),
    (IOB, True, follows_iob1),
    (IOBES, False, follows_iobes),
    (BILOU, False, follows_bilou),
]


@pytest.mark.parametrize(("labels", "iob1", "follows"), SCHEMES)
def test_the_best_valid_sequence_is_the_one_that_trying_all_finds(labels, iob1, follows) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    for length in (1, 2, 3, 4):
        valid = [
            sequence
            for sequence in itertools.product(range(len(labels)), repeat=length)
            if all(follows(*pair) for pair in itertools.pairwise([None, *(labels[index] for index in sequence), None]))
        ]
        for _ in range(20):
            scores = np.log(rng.dirichlet(np.full(len(labels), 0.5), length))
            expected = max(valid, key=lambda sequence: sum(scores[range(length), sequence]))
            found = LabelScheme(labels).best_sequence(scores, iob1=iob1)
            assert found.tolist() == list(expected)


@given(st.data())
def test_odd_labels_have_a_best_sequence(data: st.DataObject) -> None:
    labels = data.draw(st.lists(st.sampled_from(ODD + IOBES), min_size=1, max_size=8))
    length = data.draw(st.integers(1, 6))
    scores = np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=(length, len(labels)))
    scheme = LabelScheme(labels)
    iob1 = data.draw(st.booleans())
    found = scheme.best_sequence(scores, iob1=iob1)
    first, follows, last = scheme._valid(iob1)
    assert first[found[0]]
    assert last[found[-1]]
    assert follows[found[:-1], found[1:]].all()
    starts = scheme.starts(found)
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()


def test_a_sequence_that_is_valid_already_stays() -> None:
    scores = np.eye(len(IOB))[[0, 1, 2, 2, 0, 3, 3, 4]]
    assert LabelScheme(IOB).best_sequence(scores, iob1=False).tolist() == [0, 1, 2, 2, 0, 3, 3, 4]


def test_without_a_begin_a_word_by_itself_is_an_end() -> None:
    """IOE2: every entity ends with E-, one of a single word too."""
    scores = np.log([[0.9, 0.1]])
    assert LabelScheme(["I-LOC", "E-LOC"]).best_sequence(scores, iob1=False).tolist() == [1]
