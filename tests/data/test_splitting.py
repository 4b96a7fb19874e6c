"""What is said of examples before training, and examples held out of others."""

import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from distilbert.data.examples import Data, LabelledText, Question
from distilbert.data.splitting import hold_out, share_of
from distilbert.data.summary import summary
from distilbert.errors import InputError


def texts(*pairs: tuple[str, str]) -> Data[LabelledText]:
    examples = [LabelledText(text, label) for text, label in pairs]
    return Data("reviews.csv", examples, tuple(sorted({label for _, label in pairs})), "single_label_classification")


def test_a_share_of_each_label_and_the_same_texts_on_one_side() -> None:
    data = texts(*((f"text {index % 160}", "rare" if index % 160 % 10 == 0 else "usual") for index in range(200)))
    rest, out = hold_out(data, 0.1, seed=0)
    assert len(rest.examples) + len(out.examples) == 200
    assert not {each.text for each in rest.examples} & {each.text for each in out.examples}
    assert 1 <= Counter(each.label for each in out.examples)["rare"] <= 3
    assert 16 <= len(out.examples) <= 24
    assert out.source == "0.1 of reviews.csv"
    assert hold_out(data, 0.1, seed=0)[1].examples == out.examples
    assert hold_out(data, 0.1, seed=1)[1].examples != out.examples
    every = list(data.examples)
    assert out.examples == [each for each in every if each in set(out.examples)]


def test_labels_too_rare_to_give_one_each_give_some_together() -> None:
    data = texts(*((f"text {index}", f"label {index % 100}") for index in range(200)))
    rest, out = hold_out(data, 0.2, seed=0)
    assert 35 <= len(out.examples) <= 45
    assert len({each.label for each in rest.examples}) == 100  # one of each is left to learn from
    lone = texts(("a", "x"), *((f"text {index}", f"label {index % 3}") for index in range(9)))
    assert "x" in {each.label for each in hold_out(lone, 0.2, seed=0)[0].examples}


def test_questions_of_one_context_stay_together() -> None:
    examples = [Question(str(index), "q", f"context {index // 10}", ()) for index in range(100)]
    rest, out = hold_out(Data("squad.json", examples), 0.2, seed=3)
    assert len(out.examples) == 20
    assert not {each.context for each in rest.examples} & {each.context for each in out.examples}


def test_too_few_to_hold_out() -> None:
    with pytest.raises(InputError, match=r"reviews.csv: has too few examples to hold out 0.1"):
        hold_out(texts(("a", "x"), ("b", "y")), 0.1, seed=0)
    with pytest.raises(InputError, match=r"to hold out 0.2 of them: 30 of 2 different texts; give a file of others"):
        hold_out(texts(*[("a", "x"), ("b", "y")] * 15), 0.2, seed=0)


@pytest.mark.parametrize(
    ("value", "share"),
    [("0.1", 0.1), (".25", 0.25), ("1e-2", 0.01), ("10%", 0.1), ("2.5 %", 0.025), ("dev.csv", None), (None, None)],
)
def test_a_share_is_told_from_a_file(value: str | None, share: float | None) -> None:
    assert share_of(value) == share


@pytest.mark.parametrize("value", ["0.0", "1.5", "2", "1.0", "100%"])
def test_a_number_that_is_no_share(value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"eval is a file, or a share of the examples between 0 and 1, and {value} is"):
        share_of(value)
    (tmp_path / value).touch()
    assert share_of(value) is None


def test_what_is_said_before_training() -> None:
    data = texts(
        *(("good", "Positive"), ("fine", "positive"), ("ok", "positive"), ("bad", "neg"), ("nan", "neg")),
        *(("same", "neg"), ("same", "positive"), ("again", "neg"), ("again", "neg")),
    )
    assert summary(data) == [
        "labels: neg 5, positive 3, Positive 1",
        "labels 'Positive' and 'positive' differ in how they are written alone; "
        "--labels Positive=positive makes them one",
        "2 texts stand in it more than once, 1 of them with different labels",
        "texts that may stand for a missing one: 'nan' 1",
    ]
    shared = summary(texts(("good", "neg"), ("new", "neg")), data)
    assert shared == ["labels: neg 2", "1 of its texts stand in reviews.csv as well: scores on them say little"]
    same = summary(texts(("same", "neg"), ("same", "positive")))
    assert same == ["labels: neg 1, positive 1", "all its texts are the same: there is nothing to learn from"]
    once = summary(texts(("same", "neg"), ("same", "neg"), ("new", "neg")))
    assert once == ["labels: neg 3", "1 text stands in it more than once"]
    many = texts(*((f"t{index}", f"l{index % 30:02}") for index in range(65)))
    assert summary(many) == ["30 labels, from 2 times 'l29' to 3 times 'l00'"]
    more = dataclasses.replace(data, labels=(*data.labels, "good"))
    assert "labels without an example: good; --labels LABEL=NAME gives a label another name" in summary(more)
    assert "labels without an example: Positive, good" in summary(
        dataclasses.replace(more, examples=data.examples[1:]), data
    )
    assert len(summary(texts(("one", "long " * 999), ("two", "b")))[0]) < 200
    numbers = Data("n.csv", [LabelledText(text, 2.5) for text in "ab"], ("n",), "regression")
    assert summary(numbers) == ["all its numbers are 2.5: their order has no score"]
