import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Maker
from distilbert import Activation, ChoiceClassifier, Classification, InputError, load
from distilbert.folder.checkpoint import Head
from distilbert.tasks.numbers import softmax

PROMPT = "a boy gets on a train and"
CHOICES = ["looks out of the window .", "is a film by a french woman .", "!", "goes home to his father , who is ill ."]


@pytest.fixture
def chooser(make_checkpoint: Maker) -> ChoiceClassifier:
    task = load(make_checkpoint(Head.MULTIPLE_CHOICE))
    assert isinstance(task, ChoiceClassifier)
    return task


def scores(results: list[Classification]) -> dict[str, float]:
    return {each.label: each.score for each in results}


@pytest.mark.parametrize(("seed", "activation"), list(enumerate(Activation.__members__)))
def test_equals_transformers(make_checkpoint: Maker, sentences: list[str], seed: int, activation: str) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = make_checkpoint(Head.MULTIPLE_CHOICE, seed=seed, activation=activation)
    model = transformers.DistilBertForMultipleChoice.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    chooser = load(folder)
    for prompt, choices in (
        (PROMPT, CHOICES),
        (sentences[seed], sentences[seed + 1 : seed + 4]),
        (" ".join(sentences[:20]), sentences[20:25]),
    ):
        encoded = tokenizer(
            [prompt] * len(choices), choices, padding=True, truncation=True, max_length=128, return_tensors="pt"
        )
        with torch.inference_mode():
            inputs = {key: encoded[key][None] for key in ("input_ids", "attention_mask")}
            expected = model(**inputs).logits[0].numpy()
        np.testing.assert_allclose(chooser.logits(prompt, choices), expected, atol=1e-5)
        expected_scores = dict(zip(choices, softmax(expected).tolist(), strict=True))
        assert scores(chooser(prompt, choices)) == pytest.approx(expected_scores, abs=1e-5)


@settings(max_examples=30)
@given(choices=st.permutations(CHOICES))
def test_best_first_whatever_the_order(chooser: ChoiceClassifier, choices: list[str]) -> None:
    ours, expected = chooser(PROMPT, choices), chooser(PROMPT, CHOICES)
    assert [each.label for each in ours] == [each.label for each in expected]
    assert [each.score for each in ours] == sorted((each.score for each in ours), reverse=True)
    assert sum(each.score for each in ours) == pytest.approx(1, abs=1e-6)


def test_streams_of_prompts_with_any_number_of_choices(chooser: ChoiceClassifier, sentences: list[str]) -> None:
    questions = [(sentences[place], sentences[100 : 101 + place % 7]) for place in range(60)]
    alone = [chooser(prompt, choices) for prompt, choices in questions]
    endless = chooser.stream(itertools.cycle(questions))
    for expected in alone + alone:
        assert scores(next(endless)) == pytest.approx(scores(expected), abs=1e-6)
    assert list(chooser.stream([])) == []


def test_equal_choices_stay_in_order(chooser: ChoiceClassifier) -> None:
    assert [each.score for each in chooser(PROMPT, ["home ."] * 3)] == pytest.approx([1 / 3] * 3)
    assert chooser(PROMPT, iter(["home ."]))[0].score == 1


def test_long_texts(chooser: ChoiceClassifier) -> None:
    words = ["film"] * 130 + ["war"] * 100
    prompt = " ".join(words)
    cut = {each.label: each for each in chooser(prompt, ["!", CHOICES[0]])}
    assert cut["!"].truncated
    assert cut["!"].tokens == 128
    parts = [words[place : place + 124] for place in range(0, len(words), 124)]
    expected = np.average(
        [chooser.logits(" ".join(part), ["!"], long_text="error")[0] for part in parts],
        weights=[len(part) + 4 for part in parts],
    )
    assert chooser.logits(prompt, ["!"], long_text="window")[0] == pytest.approx(expected, abs=1e-5)
    (result,) = chooser(prompt, ["!"], long_text="window")
    assert (result.truncated, result.tokens) == (False, 230 + 4 * 2)
    with pytest.raises(InputError, match="prompt 0 with choice 1 is longer than the 128 tokens"):
        chooser(PROMPT, ["!", prompt], long_text="error")


@pytest.mark.parametrize(
    ("prompt", "choices", "message"),
    [
        (PROMPT, [], "prompt 0 has no choices"),
        (PROMPT, "home", "the choices of prompt 0 as a list of strings"),
        (PROMPT, None, "the choices of prompt 0 as a list of strings"),
        (PROMPT, ["home", 3], "choice 1 of prompt 0 must be a string, not int"),
        (None, ["home"], "prompt 0 must be a string, not NoneType"),
    ],
)
def test_wrong_input(chooser: ChoiceClassifier, prompt: str, choices: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        chooser(prompt, choices)
    with pytest.raises(InputError, match=message):
        chooser.logits(prompt, choices)


def test_wrong_options(chooser: ChoiceClassifier) -> None:
    with pytest.raises(InputError, match="long_text must be"):
        chooser(PROMPT, CHOICES, long_text="cut")
    with pytest.raises(InputError, match="prompt 1 must come as a tuple"):
        list(chooser.stream([(PROMPT, CHOICES), (PROMPT, CHOICES, 3)]))
    with pytest.raises(InputError, match="prompt 1 has no choices"):
        list(chooser.stream([(PROMPT, CHOICES), (PROMPT, [])]))
