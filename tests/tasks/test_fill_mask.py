import json
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Maker, random_weights, small_config
from distilbert import Activation, BertTokenizer, InputError, LongTextWarning, MaskFiller, TokenizerError, load
from distilbert.folder.checkpoint import Head
from helpers.reference import forward
from helpers.spy import Spy

ONE = "The film is a [MASK] , and often a moving one ."
TWO = "A [MASK] of a man who [MASK] the wrong train ."


@pytest.fixture
def filler(make_checkpoint: Maker) -> MaskFiller:
    task = load(make_checkpoint(Head.MASKED_LM))
    assert isinstance(task, MaskFiller)
    return task


def probabilities(filler: MaskFiller, pieces: list[str], place: int) -> np.ndarray:
    """Of every piece at one place of a text, by the NumPy model."""
    ids = np.array([filler.tokenizer.token_id(piece) for piece in pieces])
    weights = random_weights(small_config(Head.MASKED_LM), Head.MASKED_LM)
    del weights["vocab_projector.weight"]
    logits = forward(filler.config, weights, ids, Head.MASKED_LM)[place]
    exp = np.exp(logits - logits.max())
    return exp / exp.sum()


@pytest.mark.parametrize(("number", "activation"), list(enumerate(Activation.__members__)))
def test_equals_transformers(make_checkpoint: Maker, number: int, activation: str) -> None:
    transformers = pytest.importorskip("transformers")
    tied = number % 2 == 0
    folder = make_checkpoint(Head.MASKED_LM, seed=number, activation=activation, tie_word_embeddings=tied)
    pipeline = transformers.pipeline("fill-mask", model=str(folder), tokenizer=str(folder), device="cpu")
    filler = load(folder)
    for text in (ONE, TWO, "[MASK]", "film " * 100 + "[MASK] ."):
        expected = pipeline(text, top_k=7)
        expected = expected if isinstance(expected[0], list) else [expected]
        result = filler(text, top_k=7)
        result = result if isinstance(result[0], list) else [result]
        assert len(result) == len(expected)
        for ours, theirs in zip(result, expected, strict=True):
            assert [fill.token_id for fill in ours] == [fill["token"] for fill in theirs]
            assert [fill.token for fill in ours] == [fill["token_str"] for fill in theirs]
            np.testing.assert_allclose([fill.score for fill in ours], [fill["score"] for fill in theirs], atol=1e-5)


def test_logits_equal_transformers(make_checkpoint: Maker, sentences: list[str]) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = make_checkpoint(Head.MASKED_LM, seed=3)
    model = transformers.DistilBertForMaskedLM.from_pretrained(folder).eval()
    filler = load(folder)
    texts = [text.replace(" the ", " [MASK] ").replace(" and ", " [MASK] ") for text in sentences[:20]]
    texts = [text for text in texts if "[MASK]" in text]
    assert len(texts) > 10
    for text, logits in zip(texts, filler.logits(texts), strict=True):
        ids = torch.tensor(filler.tokenizer.encode(text).ids)
        with torch.inference_mode():
            expected = model(ids[None]).logits[0][ids == filler.tokenizer.mask_token_id].numpy()
        np.testing.assert_allclose(logits, expected, atol=1e-5 * np.abs(expected).max())


# targets --------------------------------------------------------------------------------------------


def test_a_target_of_one_piece_has_the_score_of_transformers(make_checkpoint: Maker) -> None:
    transformers = pytest.importorskip("transformers")
    folder = make_checkpoint(Head.MASKED_LM)
    pipeline = transformers.pipeline("fill-mask", model=str(folder), tokenizer=str(folder), device="cpu")
    targets = ["film", "Film", "man", "##s", "day"]
    for text in (ONE, TWO):
        expected = pipeline(text, targets=targets)
        expected = expected if isinstance(expected[0], list) else [expected]
        result = load(folder)(text, targets=targets)
        result = result if isinstance(result[0], list) else [result]
        for ours, theirs in zip(result, expected, strict=True):
            assert [fill.token for fill in ours] == [fill["token_str"] for fill in theirs]
            np.testing.assert_allclose([fill.score for fill in ours], [fill["score"] for fill in theirs], rtol=1e-4)


def test_a_whole_word_target_is_scored_as_a_whole_tf17374(filler: MaskFiller) -> None:
    before, after = ["[CLS]", "a"], ["film", "[SEP]"]
    pieces = [filler.tokenizer.token(int(i)) for i in filler.tokenizer.encode("Filmishs").ids[1:-1]]
    assert pieces == ["film", "##ish", "##s"]
    expected = 1.0
    for place, piece in enumerate(pieces):
        row = probabilities(filler, [*before, *pieces[:place], *["[MASK]"] * (3 - place), *after], 2 + place)
        expected *= row[filler.tokenizer.token_id(piece)]
    (fill,) = filler("a [MASK] film", targets="Filmishs")
    assert fill.score == pytest.approx(expected, rel=1e-4)
    assert (fill.token, fill.token_id, fill.text) == ("Filmishs", None, "a Filmishs film")


def test_targets_are_ranked_and_not_renormalised(filler: MaskFiller) -> None:
    targets = ["day", "film", "Filmish", "man"]
    alone = {fill.token: fill.score for target in targets for fill in filler(ONE, targets=[target])}
    together = filler(ONE, targets=targets)
    assert {fill.token: fill.score for fill in together} == pytest.approx(alone, rel=1e-5)
    assert [fill.score for fill in together] == sorted(alone.values(), reverse=True)
    assert filler(ONE, targets=targets, top_k=2) == together[:2]


def test_each_mask_of_several_has_its_targets(filler: MaskFiller) -> None:
    first, second = filler(TWO, targets=["film", "Filmish"])
    assert {fill.text for fill in first} == {
        "A film of a man who [MASK] the wrong train .",
        "A Filmish of a man who [MASK] the wrong train .",
    }
    assert {fill.token for fill in second} == {"film", "Filmish"}
    assert {fill.score for fill in first}.isdisjoint({fill.score for fill in second})


def test_the_same_target_twice_counts_once(filler: MaskFiller) -> None:
    assert [fill.token for fill in filler(ONE, targets=["film", "FILM", "film"])] == ["film"]


@pytest.mark.parametrize("target", ["", "   ", "film ☃", "\x00"])
def test_a_target_that_cannot_be_spelled(filler: MaskFiller, target: str) -> None:
    with pytest.raises(InputError, match=r"target .* cannot be spelled"):
        filler(ONE, targets=["film", target])


def test_wrong_targets(filler: MaskFiller) -> None:
    with pytest.raises(InputError, match="at least one target"):
        filler(ONE, targets=[])
    with pytest.raises(InputError, match="must be a string, not int"):
        filler(ONE, targets=[3])
    with pytest.raises(InputError, match="200 pieces; the model has room for 63"):
        filler(ONE, targets="film " * 200)


# masks -----------------------------------------------------------------------------------------------


def test_several_masks_each_have_their_list_tf10158(filler: MaskFiller) -> None:
    one, two = filler([ONE, TWO], top_k=3)
    assert len(one) == 3
    assert [len(fills) for fills in two] == [3, 3]
    assert two[0][0].text == f"A {two[0][0].token} of a man who [MASK] the wrong train ."
    assert two[1][0].text == f"A [MASK] of a man who {two[1][0].token} the wrong train ."


def test_only_the_masked_rows_reach_the_vocabulary(filler: MaskFiller) -> None:
    spy = Spy(filler)
    filler([ONE, TWO] * 10)
    assert spy.rows == 30


def test_masks_are_read_with_both_sides_and_attend_to_themselves(filler: MaskFiller) -> None:
    """candle's example feeds a causal mask and hides [MASK] itself (PEERS, fault 8)."""
    pieces = ["[CLS]", "a", "[MASK]", "film", "and", "[MASK]", "[SEP]"]
    text = "a [MASK] film and [MASK]"
    for place, fills in zip((2, 5), filler(text, top_k=None), strict=True):
        expected = probabilities(filler, pieces, place)
        np.testing.assert_allclose(
            [fill.score for fill in fills], expected[[fill.token_id for fill in fills]], atol=1e-6
        )
    ends = [filler(f"a [MASK] film and {end}")[0].score for end in ("love", "death")]
    assert abs(ends[0] - ends[1]) > 1e-5


@pytest.mark.parametrize("text", ["", "no mask here", "[mask]", "[ MASK ]", "[MAS K]"])
def test_no_mask_is_an_error_that_shows_how_to_write_one(filler: MaskFiller, text: str) -> None:
    with pytest.raises(InputError, match=r"text 1 has no mask; write one as in .*\[MASK\]"):
        filler([ONE, text])


def test_the_mask_is_the_tokenizers_own(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(Head.MASKED_LM)
    backend = BertTokenizer.from_folder(folder).backend
    backend.add_special_tokens(["<gap>"])
    backend.save(str(folder / "tokenizer.json"))
    config = json.loads((folder / "config.json").read_text())
    assert backend.get_vocab_size() == config["vocab_size"] + 1
    pieces = json.loads((folder / "tokenizer.json").read_text())
    gap = pieces["added_tokens"][-1]
    gap["id"] = 5  # [unused4]
    vocab = pieces["model"]["vocab"]
    del vocab[next(piece for piece, index in vocab.items() if index == 5)]
    vocab["<gap>"] = 5
    (folder / "tokenizer.json").write_text(json.dumps(pieces))
    (folder / "tokenizer_config.json").write_text(json.dumps({"mask_token": "<gap>"}))
    filler = load(folder)
    with pytest.raises(InputError, match="is the <gap> of"):
        filler(ONE)
    assert filler("a <gap> film", top_k=1)[0].text.endswith(" film")


def test_a_vocabulary_without_a_mask(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(Head.MASKED_LM)
    vocab = (folder / "vocab.txt").read_text(encoding="utf-8").replace("[MASK]", "[unused]")
    (folder / "vocab.txt").write_text(vocab, encoding="utf-8")
    with pytest.raises(TokenizerError, match=r"lacks the mask '\[MASK\]'"):
        load(folder)


@pytest.mark.parametrize(
    ("text", "token", "expected"),
    [
        ("Comparing orange [MASK] to Äpfel!", "##s", "Comparing oranges to Äpfel!"),
        ("Comparing orange[MASK] to Äpfel!", "##s", "Comparing oranges to Äpfel!"),
        ("[MASK]: 100%", "##s", "s: 100%"),
        ("Él dijo:  «[MASK]» 😀\n", "film", "Él dijo:  «film» 😀\n"),
        ("e\u0301\ud800 [MASK]漢字", "film", "e\u0301\ud800 film漢字"),
    ],
)
def test_the_text_is_the_callers_own_with_the_mask_replaced(
    filler: MaskFiller, text: str, token: str, expected: str
) -> None:
    (fill,) = filler(text, targets=token)
    assert fill.token == token
    assert fill.text == expected


@settings(max_examples=40)
@given(parts=st.lists(st.text(max_size=20), min_size=2, max_size=5))
def test_a_text_is_cut_at_its_masks(filler: MaskFiller, parts: list[str]) -> None:
    text = "[MASK]".join(parts)
    fills = filler(text, targets="film")
    fills = fills if isinstance(fills[0], list) else [fills]
    marks = text.split("[MASK]")
    assert len(fills) == len(marks) - 1
    for place, (fill,) in enumerate(fills):
        assert fill.text == "[MASK]".join(marks[: place + 1]) + "film" + "[MASK]".join(marks[place + 1 :])


# scores and order -----------------------------------------------------------------------------------


def test_top_k(filler: MaskFiller) -> None:
    everything = filler(ONE, top_k=None)
    assert sum(fill.score for fill in everything) == pytest.approx(1, abs=1e-5)
    assert sorted(fill.token_id for fill in everything) == list(range(6000))
    scores = [fill.score for fill in everything]
    assert scores == sorted(scores, reverse=True)
    assert filler(ONE, top_k=9000) == everything
    assert filler(ONE, top_k=3) == everything[:3]
    for wrong in (0, -1, 2.0, "5", True):
        with pytest.raises(InputError, match="top_k"):
            filler(ONE, top_k=wrong)


def test_equal_scores_come_in_the_order_of_the_vocabulary(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(Head.MASKED_LM)
    filler = load(folder)
    spy = Spy(filler)
    spy.run = lambda batch: np.zeros((len(batch.rows), 6000), np.float32)  # type: ignore[method-assign]
    assert [fill.token_id for fill in filler(ONE)] == [0, 1, 2, 3, 4]


def test_a_projector_wider_than_the_vocabulary(make_checkpoint: Maker) -> None:
    filler = load(make_checkpoint(Head.MASKED_LM, vocab_size=6008))
    assert len(filler(ONE, top_k=None)) == 6008


# long texts -----------------------------------------------------------------------------------------

LONG = "film " * 150 + "[MASK] " + "man " * 300 + "[MASK] " + "day " * 20


def test_each_mask_of_a_long_text_is_read_in_its_middle(filler: MaskFiller) -> None:
    spy = Spy(filler)
    first, second = filler(LONG)
    assert [batch.longest for batch in spy.batches] == [128]
    middle = "film " * 63 + "[MASK] " + "man " * 62  # 126 tokens, and [CLS] and [SEP]
    end = "man " * 105 + "[MASK] " + "day " * 20
    for fills, window in ((first, middle), (second, end)):
        expected = filler(window, long_text="error")
        assert [fill.token for fill in fills] == [fill.token for fill in expected]
        np.testing.assert_allclose([f.score for f in fills], [f.score for f in expected], rtol=1e-4)
    assert first[0].text == LONG.replace("[MASK]", first[0].token, 1)


def test_logits_of_a_long_text_are_in_the_order_of_its_masks(filler: MaskFiller) -> None:
    text = " [MASK] ".join(sentence for sentence in ["a film", "man " * 200, "day " * 40, "end " * 130, "film"])
    (logits,) = filler.logits(text)
    fills = filler(text, top_k=1)
    assert [fill[0].token_id for fill in fills] == logits.argmax(1).tolist()


def test_a_mask_is_never_cut_off_silently(filler: MaskFiller) -> None:
    with pytest.raises(InputError, match=r'text 1 has a mask beyond the 128 tokens .*long_text="window"'):
        filler([ONE, LONG], long_text="truncate")
    with pytest.raises(InputError, match="text 0 is longer than the 128 tokens"):
        filler(LONG, long_text="error")
    with pytest.raises(InputError, match="long_text must be"):
        filler(ONE, long_text="cut")


def test_a_cut_text_is_told_of(filler: MaskFiller) -> None:
    text = ONE + " film" * 200
    with pytest.warns(LongTextWarning, match="1 of 2 texts is longer than 128 tokens"):
        cut = filler([text, ONE], long_text="truncate")[0]
    expected = filler(ONE + " film" * (126 - 13), long_text="error")
    assert [fill.token for fill in cut] == [fill.token for fill in expected]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        filler([text, ONE])


@pytest.mark.parametrize("before", [0, 60, 124, 125, 130, 400])
def test_a_long_target_in_a_full_text_is_read_whole(filler: MaskFiller, before: int) -> None:
    text = "film " * before + "[MASK]" + " man" * max(0, 125 - before)
    (fill,) = filler(text, targets="Filmishs")
    assert 0 < fill.score < 1


# any text -------------------------------------------------------------------------------------------


def test_memory_stays_small_however_many_masks(filler: MaskFiller) -> None:
    spy = Spy(filler)
    texts = ["a [MASK] film ."] * 1500  # 36 MB of logits
    tracemalloc.start()
    filler(texts, top_k=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spy.rows == 1500
    assert peak < 15e6
