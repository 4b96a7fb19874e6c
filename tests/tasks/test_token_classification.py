import dataclasses
import itertools
import json
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Maker, random_weights, small_config
from distilbert import Entity, InputError, LongTextWarning, TokenClassifier, load
from distilbert.batch import Batch
from distilbert.folder.checkpoint import Head, save_checkpoint
from distilbert.tasks.token_classification import Aggregation
from helpers.hard_text import anything, naughty_and_foreign
from helpers.local_model import save_local_model

IOB = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
AGGREGATIONS: tuple[Aggregation, ...] = ("none", "simple", "first", "average", "max")


def id2label(labels: Sequence[str]) -> dict[str, str]:
    return {str(index): label for index, label in enumerate(labels)}


@pytest.fixture
def tagger(make_checkpoint: Maker) -> TokenClassifier:
    task = load(make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label=id2label(IOB)))
    assert isinstance(task, TokenClassifier)
    return task


class Dictated:
    """An engine that gives each token what was asked for its piece; the first label for all others."""

    def __init__(self, task: TokenClassifier, wanted: dict[str, str | dict[str, float]]) -> None:
        """`wanted`: a piece -> its label, or its probabilities."""
        labels = task.config.labels
        self.table = np.zeros((task.config.vocab_size, len(labels)), np.float32)
        self.table[:, 0] = 9
        for piece, label in wanted.items():
            index = task.tokenizer.token_id(piece)
            assert index is not None, piece
            probabilities = label if isinstance(label, dict) else {label: 0.999}
            rest = (1 - sum(probabilities.values())) / max(len(labels) - len(probabilities), 1)
            self.table[index] = np.log([probabilities.get(name, max(rest, 1e-9)) for name in labels])

    def run(self, batch: Batch) -> np.ndarray:
        return self.table[batch.ids]


@pytest.fixture
def dictate(make_checkpoint: Maker) -> Callable[..., TokenClassifier]:
    """A task with these labels whose every piece has the label that is said, and the first label otherwise."""

    def make(labels: Sequence[str], wanted: dict[str, str | dict[str, float]]) -> TokenClassifier:
        task = load(make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label=id2label(labels)))
        assert isinstance(task, TokenClassifier)
        task.model = dataclasses.replace(task.model, engine=Dictated(task, wanted))
        return task

    return make


def found(entities: list[Entity]) -> list[tuple[str, str]]:
    return [(entity.label, entity.text) for entity in entities]


def assert_same(ours: list[Entity], theirs: list[Entity], tolerance: float = 1e-5) -> None:
    assert [dataclasses.replace(e, score=0) for e in ours] == [dataclasses.replace(e, score=0) for e in theirs]
    np.testing.assert_allclose([e.score for e in ours], [e.score for e in theirs], rtol=0, atol=tolerance)


# --- against Transformers ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_equals_transformers(make_checkpoint: Maker, sentences: list[str], seed: int) -> None:
    """Labels, places and scores of the pipeline, for IOB labels and bare ones, in every aggregation."""
    transformers = pytest.importorskip("transformers")
    labels = IOB if seed % 2 else ("O", "NOUN", "VERB", "LABEL_3")
    folder = make_checkpoint(Head.TOKEN_CLASSIFICATION, seed=seed, id2label=id2label(labels))
    texts = [*sentences[seed * 4 : seed * 4 + 4], "Zoë über São Paulo, naïve 東京 U.S. 3-0!"]
    ours = load(folder)
    pipeline = transformers.pipeline("token-classification", model=str(folder), tokenizer=str(folder), device="cpu")
    for aggregation in AGGREGATIONS:
        ignored = ["O"] if aggregation == "first" else []
        theirs = pipeline(texts, aggregation_strategy=aggregation, ignore_labels=ignored)
        key = "entity" if aggregation == "none" else "entity_group"
        for text, mine, expected in zip(texts, ours(texts, aggregation=aggregation, ignore_labels=ignored), theirs):
            converted = [
                Entity(e[key], text[e["start"] : e["end"]], e["start"], e["end"], float(e["score"])) for e in expected
            ]
            assert_same(mine, converted)


def test_words_equal_transformers_where_no_word_is_split(make_checkpoint: Maker, sentences: list[str]) -> None:
    transformers = pytest.importorskip("transformers")
    folder = make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label=id2label(IOB))
    pipeline = transformers.pipeline("token-classification", model=str(folder), tokenizer=str(folder), device="cpu")
    texts = [[word for word in text.split() if word.isalpha()] for text in sentences[:20]]
    for aggregation in ("first", "average", "max"):
        for words, mine in zip(texts, load(folder).from_words(texts, aggregation=aggregation)):
            theirs = pipeline([words], aggregation_strategy=aggregation, is_split_into_words=True)[0]
            text = " ".join(words)
            assert [(e.label, e.text) for e in mine] == [
                (e["entity_group"], text[e["start"] : e["end"]]) for e in theirs
            ]
            np.testing.assert_allclose([e.score for e in mine], [e["score"] for e in theirs], rtol=0, atol=1e-5)


def test_logits_equal_transformers(make_checkpoint: Maker, sentences: list[str]) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label=id2label(IOB))
    model = transformers.DistilBertForTokenClassification.from_pretrained(folder)
    ours = load(folder)
    for text, logits in zip(sentences[:10], ours.logits(sentences[:10])):
        with torch.no_grad():
            expected = model(torch.tensor(ours.tokenizer.encode(text).ids)[None]).logits[0].numpy()
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


# --- labels -----------------------------------------------------------------------------------------


def test_rust_bert_fault_4_labels_of_any_scheme_give_results(dictate: Callable[..., TokenClassifier]) -> None:
    schemes = {
        ("O", "B-PER", "I-PER", "E-PER", "S-PER"): ("B-PER", "E-PER", "S-PER"),
        ("O", "B-PER", "I-PER", "L-PER", "U-PER"): ("B-PER", "L-PER", "U-PER"),
        ("O", "B-PER", "I-PER"): ("B-PER", "I-PER", "B-PER"),
        ("o", "b-PER", "i-PER"): ("b-PER", "i-PER", "b-PER"),
    }
    for labels, (begin, end, single) in schemes.items():
        task = dictate(labels, {"king": begin, "john": end, "mary": single})
        assert found(task("king john mary met king john .", ignore_labels=("O", "o"))) == [
            ("PER", "king john"),
            ("PER", "mary"),
            ("PER", "king john"),
        ]


def test_tf_30028_an_entity_of_type_o_is_not_lost(dictate: Callable[..., TokenClassifier]) -> None:
    task = dictate(("O", "B-O", "I-O"), {"king": "B-O", "john": "I-O"})
    assert found(task("the king john fell")) == [("O", "king john")]
    assert found(task("the king john fell", ignore_labels=())) == [("O", "the"), ("O", "king john"), ("O", "fell")]
    assert task("the king john fell", ignore_labels=("O", "B-O")) == []


def test_tf_23322_words_with_marks_inside_stay_whole_as_words(dictate: Callable[..., TokenClassifier]) -> None:
    task = dictate(("O", "B-SUM", "I-SUM"), {"5": "B-SUM", ".": "B-SUM", "97": "O", ",": "B-SUM", "4": "B-SUM"})
    assert found(task.from_words([["total", "5.97,4", "paid"]])[0]) == [("SUM", "5.97,4")]


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("simple", [("PER", "love"), ("LOC", "ly")]),
        ("first", [("PER", "lovely")]),
        ("average", [("LOC", "lovely")]),
        ("max", [("LOC", "lovely")]),
    ],
)
def test_tf_27876_and_12593_words_are_labelled_whole(
    dictate: Callable[..., TokenClassifier], aggregation: Aggregation, expected: list[tuple[str, str]]
) -> None:
    task = dictate(IOB, {"love": {"B-PER": 0.5, "B-LOC": 0.3}, "##ly": {"I-LOC": 0.1, "B-LOC": 0.8}})
    assert [task.tokenizer.token(int(i)) for i in task.tokenizer.encode("lovely").ids[1:-1]] == ["love", "##ly"]
    assert found(task("a lovely", aggregation=aggregation)) == expected


def test_bare_labels_keep_their_hyphens(dictate: Callable[..., TokenClassifier]) -> None:
    task = dictate(("O", "PER-FIRST", "E-mail", "phone"), {"john": "PER-FIRST", "king": "E-mail"})
    assert found(task("king john king")) == [("E-mail", "king"), ("PER-FIRST", "john"), ("E-mail", "king")]


def test_tf_3058_accents_that_the_tokenizer_strips_belong_to_the_word(dictate: Callable[..., TokenClassifier]) -> None:
    """Transformers takes "é" of two characters for a subword, and ends the entity before the accent."""
    task = dictate(IOB, {"jose": "B-PER", "e": "B-LOC"})
    text = "e\u0301 Jose\u0301 met Jose\u0301"
    for aggregation in AGGREGATIONS[1:]:
        entities = task(text, aggregation=aggregation)
        assert found(entities) == [("LOC", "e\u0301"), ("PER", "Jose\u0301"), ("PER", "Jose\u0301")]


@pytest.mark.parametrize(
    "labels", [("",), ("O",), ("-", "I-", "B-"), ("B", "I", "O"), ("B-", "O-", "--"), ("I-X", "x")]
)
def test_odd_labels_never_crash(make_checkpoint: Maker, labels: tuple[str, ...], sentences: list[str]) -> None:
    task = load(make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label=id2label(labels)))
    for aggregation, valid in itertools.product(AGGREGATIONS, (False, True, "IOB1")):
        for text, entities in zip(
            sentences[:3], task(sentences[:3], aggregation=aggregation, valid_sequences=valid, ignore_labels=())
        ):
            assert [e.start for e in entities] == sorted(e.start for e in entities)
            assert all(e.text == text[e.start : e.end] for e in entities)


def test_valid_sequences_repair_what_single_tokens_get_wrong(dictate: Callable[..., TokenClassifier]) -> None:
    task = dictate(IOB, {"king": {"B-PER": 0.6, "B-LOC": 0.4}, "john": {"I-LOC": 0.9, "I-PER": 0.05}})
    assert found(task("the king john fell", aggregation="none")) == [("B-PER", "king"), ("I-LOC", "john")]
    repaired = task("the king john fell", valid_sequences=True)
    assert found(repaired) == [("LOC", "king john")]
    assert repaired[0].score == pytest.approx((0.4 + 0.9) / 2, abs=1e-5)


def test_iob1_is_a_scheme_of_its_own(dictate: Callable[..., TokenClassifier]) -> None:
    task = dictate(IOB, {"king": {"I-PER": 0.9, "B-PER": 0.09}, "john": "B-PER"})
    text = "king john met king"
    assert found(task(text, valid_sequences="IOB1")) == found(task(text))
    assert [e.label for e in task(text, aggregation="none", valid_sequences=True)] == ["B-PER", "B-PER", "B-PER"]


# --- words ------------------------------------------------------------------------------------------


def test_words_count_words(dictate: Callable[..., TokenClassifier]) -> None:
    task = dictate(IOB, {"new": "B-LOC", "york": "I-LOC", "john": "B-PER"})
    words = [["", "New", "\u200b", "York", "and", "John"], ["john"], []]
    assert task.from_words(words)[0] == [
        Entity("LOC", "New \u200b York", 1, 4, pytest.approx(0.999, abs=1e-5)),
        Entity("PER", "John", 5, 6, pytest.approx(0.999, abs=1e-5)),
    ]
    assert [len(entities) for entities in task.from_words(words)] == [2, 1, 0]


def test_each_word_has_one_label_at_most(tagger: TokenClassifier, sentences: list[str]) -> None:
    texts = [text.split() for text in sentences[:10]]
    for aggregation in AGGREGATIONS:
        for words, entities in zip(texts, tagger.from_words(texts, aggregation=aggregation, ignore_labels=())):
            covered = [index for e in entities for index in range(e.start, e.end)]
            assert covered == list(range(len(words)))
            assert all(e.text == " ".join(words[e.start : e.end]) for e in entities)


# --- long texts -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory, vocab: Path) -> tuple[TokenClassifier, TokenClassifier]:
    """One model that sees neighbours only, reading 128 tokens and reading 4,096."""
    tasks = [
        load(
            save_local_model(
                tmp_path_factory.mktemp(f"near-{longest}"),
                Head.TOKEN_CLASSIFICATION,
                vocab,
                longest=longest,
                id2label=id2label(IOB),
            )
        )
        for longest in (128, 4096)
    ]
    assert isinstance(tasks[0], TokenClassifier)
    assert isinstance(tasks[1], TokenClassifier)
    return tasks[0], tasks[1]


@pytest.mark.parametrize("aggregation", ["none", "simple", "average"])
@pytest.mark.parametrize("stride", [None, 16, 110])
def test_a_text_in_windows_gives_what_reading_it_at_once_gives(
    near: tuple[TokenClassifier, TokenClassifier],
    sentences: list[str],
    aggregation: Aggregation,
    stride: int | None,
) -> None:
    """Rust-bert fault 1 (wrong after the first windows), tf#4501 and tf#5983 (a crash over 512 tokens)."""
    windows, at_once = near
    text = " ".join(sentences[:50])
    expected = at_once(text, aggregation=aggregation)
    assert len(expected) > 300
    assert_same(windows(text, aggregation=aggregation, stride=stride), expected, tolerance=1e-3)
    np.testing.assert_allclose(windows.logits(text, stride=stride)[0], at_once.logits(text)[0], rtol=0, atol=1e-3)


def test_a_window_without_overlap_does_change_the_entities(
    near: tuple[TokenClassifier, TokenClassifier], sentences: list[str]
) -> None:
    """So the test above can fail: seams matter to this model."""
    windows, at_once = near
    text = " ".join(sentences[:50])
    assert windows(text, stride=0) != at_once(text)
    assert np.abs(windows.logits(text, stride=0)[0] - at_once.logits(text)[0]).max() > 0.1


def test_entities_of_a_long_text_are_those_of_the_pieces_that_hold_them(
    near: tuple[TokenClassifier, TokenClassifier], sentences: list[str]
) -> None:
    windows, _ = near
    pieces = sentences[:60]
    text = " ".join(pieces)
    alone = windows(pieces, aggregation="none")
    starts = np.cumsum([0, *(len(piece) + 1 for piece in pieces)])
    compared = 0
    joined = {(e.start, e.end): e for e in windows(text, aggregation="none")}
    for piece, start, entities in zip(pieces, starts.tolist(), alone):
        for e in entities:
            if e.start > 40 and e.end < len(piece) - 40:  # beyond the reach of the neighbours
                other = joined[start + e.start, start + e.end]
                assert (other.label, other.text) == (e.label, e.text)
                assert other.score == pytest.approx(e.score, abs=1e-3)
                compared += 1
    assert compared > 200


class Positions:
    """An engine that labels the outer three tokens of a window wrongly, as LOC or PER, and all others as asked."""

    def __init__(self, task: TokenClassifier, wanted: dict[str, str | dict[str, float]]) -> None:
        self.inside = Dictated(task, wanted)

    def run(self, batch: Batch) -> np.ndarray:
        logits = self.inside.run(batch)
        last = np.repeat(batch.lengths, batch.lengths) - 1
        at_edge = (batch.positions < 3) | (batch.positions > last - 3)
        logits[at_edge] = logits[at_edge][:, ::-1]
        return logits


@pytest.mark.parametrize("shift", range(6))
def test_an_entity_at_a_seam_is_neither_lost_nor_doubled_nor_cut(
    dictate: Callable[..., TokenClassifier], shift: int
) -> None:
    """Every place of a seam in an entity is tried: it is six tokens from one to the next."""
    wanted: dict[str, str | dict[str, float]] = {"king": "B-PER", "john": "I-PER", "the": "O"}
    task = dictate(IOB, wanted)
    task.model = dataclasses.replace(task.model, engine=Positions(task, wanted))
    name = "king john john john"
    text = "the " * (3 + shift) + f"{name} the the " * 80 + "the the the"
    for stride in (16, 31, 64, 120):
        entities = task(text, stride=stride, ignore_labels=("O", "LOC"))  # the outer tokens of the text are LOC
        assert found(entities) == [("PER", name)] * 80
        assert all(e.text == text[e.start : e.end] for e in entities)


class Numbered:
    """An engine whose every output is the number of the window."""

    def __init__(self) -> None:
        self.windows = 0

    def run(self, batch: Batch) -> np.ndarray:
        numbers = self.windows + batch.texts
        self.windows += batch.size
        return np.repeat(numbers[:, None], len(IOB), 1).astype(np.float32)


def test_all_tokens_of_a_word_are_read_in_one_window(tagger: TokenClassifier) -> None:
    engine = Numbered()
    tagger.model = dataclasses.replace(tagger.model, engine=engine)
    text = "a " + "cartoonist " * 150  # four pieces each
    words = tagger.tokenizer.encode(text).word_ids
    for stride in (8, 9, 10, 11, None, 100):
        numbers = tagger.logits(text, stride=stride)[0][:, 0]
        assert all(len(set(numbers[words == word])) == 1 for word in range(151))
        assert len(set(numbers)) == len(tagger.tokenizer.windows(text, 128, 31 if stride is None else stride))


def test_rehydra_82_truncation_is_never_silent(tagger: TokenClassifier, sentences: list[str]) -> None:
    long = " ".join(sentences[:20])
    with pytest.warns(LongTextWarning, match=r"1 of 2 texts are longer than 128 tokens and were cut"):
        cut = tagger([long, "short"], long_text="truncate")
    with pytest.raises(InputError, match=r"text 1 is longer than the 128 tokens"):
        tagger(["short", long], long_text="error")
    assert 0 < max(e.end for e in cut[0]) < len(long) / 2
    assert max(e.end for e in tagger(long, ignore_labels=())) == len(long)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tagger([long, "short"])
    with pytest.warns(LongTextWarning):
        assert tagger.from_words([long.split()], long_text="truncate")[0]


# --- places in the text -----------------------------------------------------------------------------


def assert_places(text: str, entities: list[Entity]) -> None:
    end = 0
    for entity in entities:
        assert entity.text == text[entity.start : entity.end]
        assert entity.text
        assert end <= entity.start
        assert 0 <= entity.score <= 1 + 1e-6
        end = entity.end


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory, vocab: Path) -> dict[bool, TokenClassifier]:
    """Lower-casing and not, for hypothesis, which runs many examples in one test."""
    tasks = {}
    for lower in (True, False):
        folder = tmp_path_factory.mktemp("steady")
        config = small_config(Head.TOKEN_CLASSIFICATION, id2label=id2label(IOB), max_position_embeddings=24)
        save_checkpoint(folder, config, random_weights(config, Head.TOKEN_CLASSIFICATION))
        (folder / "vocab.txt").write_bytes(vocab.read_bytes())
        (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": lower}))
        tasks[lower] = load(folder)
    return tasks  # type: ignore[return-value]


@settings(max_examples=150)
@given(
    text=anything,
    aggregation=st.sampled_from(AGGREGATIONS),
    ignored=st.sampled_from([("O",), ()]),
    lower=st.booleans(),
    stride=st.integers(0, 21),
)
def test_places_are_right_in_any_text(
    steady: dict[bool, TokenClassifier],
    text: str,
    aggregation: Aggregation,
    ignored: tuple[str, ...],
    lower: bool,
    stride: int,
) -> None:
    assert_places(text, steady[lower](text, aggregation=aggregation, ignore_labels=ignored, stride=stride))


@settings(max_examples=60)
@given(words=st.lists(anything.map(lambda text: text[:12]), max_size=40), aggregation=st.sampled_from(AGGREGATIONS))
def test_words_of_any_kind(steady: dict[bool, TokenClassifier], words: list[str], aggregation: Aggregation) -> None:
    entities = steady[True].from_words([words], aggregation=aggregation, ignore_labels=())[0]
    assert all(e.text == " ".join(words[e.start : e.end]) for e in entities)
    covered = [index for e in entities for index in range(e.start, e.end)]
    assert covered == sorted(set(covered))


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_naughty_strings_and_their_neighbours(tagger: TokenClassifier, aggregation: Aggregation) -> None:
    good = "a plain sentence"
    texts = [text for naughty in naughty_and_foreign() for text in (naughty, good)]
    results = tagger(texts, aggregation=aggregation, ignore_labels=())
    for text, entities in zip(texts, results):
        assert_places(text, entities)
    alone = tagger(good, aggregation=aggregation, ignore_labels=())
    for entities in results[1::2]:
        assert_same(entities, alone, tolerance=1e-6)
    assert tagger("", aggregation=aggregation) == []


def test_combining_marks_are_not_left_behind(tagger: TokenClassifier) -> None:
    for text in ("Jose\u0301", "ก็ดี", "I \u2764\ufe0f", "x\u0301\u0302 y"):
        last = tagger(text, ignore_labels=())[-1]
        assert last.end == len(text)
        assert not any(unicodedata.combining(text[e.end]) for e in tagger(text, ignore_labels=())[:-1])


# --- the call ---------------------------------------------------------------------------------------


def test_a_list_gives_a_list(tagger: TokenClassifier) -> None:
    assert tagger([]) == []
    assert tagger.from_words([]) == []
    assert tagger.logits([]) == []
    assert tagger(["one film"]) == [tagger("one film")]
    assert tagger(("one film", "two")) == [tagger("one film"), tagger("two")]
    assert [logits.shape for logits in tagger.logits("one film")] == [(4, 5)]
    assert tagger("one film", ignore_labels=())[0].to_dict().keys() == {"label", "text", "start", "end", "score"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"texts": 3}, "give a string or a list of them, not int"),
        ({"texts": b"bytes"}, "give a string or a list of them, not bytes"),
        ({"texts": ["a", None]}, "text 1 must be a string, not NoneType"),
        ({"texts": "a", "aggregation": "mean"}, "aggregation must be"),
        ({"texts": "a", "ignore_labels": "O"}, "ignore_labels must be a list of labels, not 'O'"),
        ({"texts": "a", "ignore_labels": None}, "ignore_labels must be a list of labels, not None"),
        ({"texts": "a", "valid_sequences": "IOB2"}, "valid_sequences must be True, False or 'IOB1'"),
        ({"texts": "a", "stride": 126}, "stride must be below 126"),
        ({"texts": "a", "stride": -1}, "stride must be at least 0"),
        ({"texts": "a", "long_text": "cut"}, "long_text must be"),
    ],
)
def test_wrong_arguments_are_named(tagger: TokenClassifier, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tagger(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("texts", ["a string", [["a"], "b"], [["a", 1]], [[["a"]]], 5])
def test_wrong_words_are_named(tagger: TokenClassifier, texts: object) -> None:
    with pytest.raises(InputError, match=r"must be a list of words|give a list or another iterable of lists of words"):
        tagger.from_words(texts)  # type: ignore[arg-type]


# --- wider data -------------------------------------------------------------------------------------


def test_naughty_strings_of_the_world_and_49_languages(tagger: TokenClassifier, shared_data: Path) -> None:
    strings = json.loads((shared_data / "blns" / "blns.json").read_text(encoding="utf-8"))
    languages = [path.read_text(encoding="utf-8")[:3000] for path in sorted((shared_data / "udhr").glob("*"))]
    assert len(strings) > 500
    assert len(languages) >= 49
    texts = strings + languages
    for text, entities in zip(texts, tagger(texts, aggregation="max")):
        assert_places(text, entities)


def test_long_reviews_in_windows(near: tuple[TokenClassifier, TokenClassifier], shared_data: Path) -> None:
    windows, at_once = near
    lines = (shared_data / "movie_reviews" / "reviews.jsonl").read_text(encoding="utf-8").splitlines()
    reviews = sorted((json.loads(line)["text"] for line in lines), key=len)
    for text in [*reviews[:3], *reviews[1000:1003], reviews[-40]]:
        assert_same(windows(text), at_once(text, long_text="error"), tolerance=1e-3)
