"""Question answering: long contexts, the call, and places in any text."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distilbert import Answer, InputError, LongTextWarning, QuestionAnswerer
from distilbert.folder.checkpoint import Head
from helpers.answers import PAIRS, same, tell, triples
from helpers.hard_text import NAUGHTY, anything, naughty_and_foreign

# --- long contexts ----------------------------------------------------------------------------------


def test_truncation_is_never_silent(answerer: QuestionAnswerer) -> None:
    question, context = PAIRS[-1]
    with pytest.warns(LongTextWarning, match=r"1 of 2 contexts is longer than one window and was cut"):
        cut = answerer(question, [context, "short"], top_k=10**6, align_to_words=False, long_text="truncate")
    first = answerer.tokenizer.pair_windows(question, context, 128, 0)[0]
    assert max(answer.end for answer in cut[0]) == first.encoding.offsets[-2, 1]
    with pytest.raises(InputError, match=r"context 1 has \d+ tokens, and a window has room for \d+"):
        answerer(question, ["short", context], long_text="error")
    assert answerer(question, "short", long_text="error").text == "short"
    assert max(answer.end for answer in answerer(question, context, top_k=10**6)) == len(context)


def test_a_window_is_at_most_what_the_model_reads(answerer: QuestionAnswerer) -> None:
    question, context = PAIRS[-1]
    assert answerer(question, context) == answerer(question, context, max_seq_len=128)
    ((start, _),) = answerer.logits(question, context, max_seq_len=64)
    windows = answerer.tokenizer.pair_windows(question, context, 64, _stride(answerer, question, 64))
    assert len(start) == sum(len(window.encoding) for window in windows)


def _stride(task: QuestionAnswerer, question: str, most: int) -> int:
    return (most - 3 - (len(task.tokenizer.encode(question)) - 2)) // 2


# --- the call ---------------------------------------------------------------------------------------


def test_one_question_or_context_for_many_and_as_many_of_each(answerer: QuestionAnswerer) -> None:
    (first, one), (second, two) = PAIRS[0], PAIRS[1]
    alone = answerer(first, one)
    assert isinstance(alone, Answer)
    assert answerer([first], one) == answerer(first, [one]) == answerer([first], [one]) == [alone]
    assert answerer(first, [one, two]) == [alone, answerer(first, two)]
    assert answerer([first, second], two) == [answerer(first, two), answerer(second, two)]
    assert answerer([first, second], [one, two]) == [alone, answerer(second, two)]
    assert answerer((q for q in [first, second]), (c for c in [one, two])) == [alone, answerer(second, two)]
    assert answerer(first, []) == answerer([], one) == answerer([], []) == []
    assert answerer(first, one, top_k=2)[0] == alone
    assert alone.to_dict().keys() == {"text", "start", "end", "score"}


@pytest.mark.parametrize("empty", ["", " \n\t", "\0\u200b"])
def test_tf_2623_an_empty_context_or_question_is_an_error(answerer: QuestionAnswerer, empty: str) -> None:
    with pytest.raises(InputError, match=r"context 1 is empty; there is nothing to answer from"):
        answerer("who ?", ["john", empty])
    with pytest.raises(InputError, match=r"question 2 is empty"):
        answerer(["who ?", "where ?", empty], "john")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"question": "who " * 65}, r"question 0 has 65 tokens, more than max_question_len=64"),
        (
            {"question": "who " * 50, "max_seq_len": 53},
            r"question 0 has 50 tokens, which leaves none of 53 for the context",
        ),
        ({"question": ["a", "b"], "context": ["c"]}, r"2 questions and 1 context cannot be paired"),
        ({"question": ["a", 5]}, r"pair 1 must be a question and a context, two strings"),
        ({"question": None}, r"give a string or a list of them, not NoneType"),
        ({"context": b"john"}, r"give a string or a list of them, not bytes"),
        ({"top_k": 0}, r"top_k must be at least 1, not 0"),
        ({"top_k": None}, r"top_k must be a whole number of at least 1, not None"),
        ({"max_answer_len": 0}, r"max_answer_len must be at least 1, not 0"),
        ({"doc_stride": -1}, r"doc_stride must be at least 0, not -1"),
        ({"max_seq_len": 1.5}, r"max_seq_len must be a whole number"),
        ({"max_question_len": 0}, r"max_question_len must be at least 1"),
        ({"long_text": "cut"}, r"long_text must be"),
    ],
)
def test_wrong_arguments_are_named(answerer: QuestionAnswerer, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        answerer(**{"question": "who ?", "context": "john"} | arguments)


@pytest.mark.parametrize("pair", ["ab", ("a",), ("a", None), 7])
def test_wrong_pairs_are_named(answerer: QuestionAnswerer, pair: Any) -> None:
    with pytest.raises(InputError, match=r"pair 1 must be a question and a context"):
        list(answerer.stream([("who ?", "john"), pair]))


# --- any text ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def steady(of_both_cases: Callable[..., dict[bool, QuestionAnswerer]]) -> dict[bool, QuestionAnswerer]:
    return of_both_cases(Head.QUESTION_ANSWERING, max_position_embeddings=32)


def assert_places(context: str, answers: list[Answer]) -> None:
    for answer in answers:
        assert answer.text == context[answer.start : answer.end]
        assert 0 <= answer.score <= 1 + 1e-6
        assert answer.text or (answer.start, answer.end) == (0, 0)


@settings(max_examples=150)
@given(
    context=anything,
    aligned=st.booleans(),
    none=st.booleans(),
    lower=st.booleans(),
    stride=st.integers(0, 40),
    top_k=st.integers(2, 9),
)
def test_places_are_right_in_any_text(
    steady: dict[bool, QuestionAnswerer],
    context: str,
    aligned: bool,
    none: bool,
    lower: bool,
    stride: int,
    top_k: int,
) -> None:
    task = steady[lower]
    if len(task.tokenizer.encode(context)) == 2:
        with pytest.raises(InputError, match="is empty"):
            task("who ?", context)
        return
    options = {"top_k": top_k, "align_to_words": aligned, "no_answer": none, "doc_stride": stride}
    answers = task("who ?", context, **options)
    assert_places(context, answers)
    assert len({(answer.start, answer.end) for answer in answers}) == len(answers)


def test_naughty_contexts_and_their_neighbours(answerer: QuestionAnswerer) -> None:
    good = "a plain sentence"
    contexts = [text for naughty in naughty_and_foreign() for text in (f"film {naughty}", good)]
    results = answerer("who ?", contexts, top_k=4, no_answer=True)
    for context, answers in zip(contexts, results):
        assert_places(context, answers)
    alone = triples(answerer("who ?", good, top_k=4, no_answer=True))
    assert all(same(triples(answers), alone, 1e-6) for answers in results[1::2])


def test_naughty_questions(answerer: QuestionAnswerer) -> None:
    for question in NAUGHTY:
        if 0 < len(answerer.tokenizer.encode(question)) - 2 <= 64:
            assert answerer(question, "a plain sentence").text
        else:
            with pytest.raises(InputError, match=r"question 0 (is empty|has \d+ tokens)"):
                answerer(question, "a plain sentence")


def test_tf_3058_accents_that_the_tokenizer_strips_belong_to_the_answer(told: QuestionAnswerer) -> None:
    tell(told, "jose")
    for aligned in (True, False):
        assert told("who ?", "this is a film of Jose\u0301 and a film", align_to_words=aligned).text == "Jose\u0301"


# --- wider data -------------------------------------------------------------------------------------


def test_naughty_strings_of_the_world_and_49_languages(answerer: QuestionAnswerer, shared_data: Path) -> None:
    strings = json.loads((shared_data / "blns" / "blns.json").read_text(encoding="utf-8"))
    languages = [path.read_text(encoding="utf-8")[:3000] for path in sorted((shared_data / "udhr").glob("*"))]
    assert len(strings) > 500
    assert len(languages) >= 49
    contexts = [f"film {text}" for text in strings + languages]
    for context, answers in zip(contexts, answerer("who ?", contexts, top_k=3)):
        assert_places(context, answers)
    questions = [text for text in strings if 0 < len(answerer.tokenizer.encode(text)) - 2 <= 64]
    assert len(answerer(questions, "a film of king john")) == len(questions) > 400


def test_long_contexts_have_the_answers_of_the_paragraphs_that_hold_them(
    told: QuestionAnswerer, shared_data: Path
) -> None:
    """SQuAD's paragraphs joined to 3,000 words, each gold answer that stands in them once."""
    path = shared_data / "squad_dev" / "squad-dev-v1.1.rebuilt.json"
    article = json.loads(path.read_text(encoding="utf-8"))["data"][0]["paragraphs"]
    chosen: list[dict[str, Any]] = []
    while sum(len(paragraph["context"].split()) for paragraph in chosen) < 3000:
        chosen.append(article[len(chosen)])
    joined = "\n".join(paragraph["context"] for paragraph in chosen)
    compared = 0
    for context, qa in ((paragraph["context"], qa) for paragraph in chosen for qa in paragraph["qas"][:3]):
        answer, question = qa["answers"][0]["text"], qa["question"]
        tell(told, answer)
        alone = told(question, context, no_answer=True)
        if joined.lower().count(answer.lower()) == 1 and alone.text == answer:
            found = told(question, joined, no_answer=True)
            assert (found.text, found.start) == (answer, joined.index(answer))
            assert found.score == pytest.approx(alone.score, abs=0.3)
            compared += 1
    assert compared > 20
