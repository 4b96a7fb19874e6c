"""Real checkpoints give what their makers and users published. Needs the Hugging Face hub, or its cache."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distilbert
from distilbert import BertTokenizer
from distilbert.batch import Batch
from distilbert.engine.onnx import OnnxEngine
from distilbert.folder.checkpoint import Head, open_checkpoint
from distilbert.folder.hub import resolve

pytestmark = pytest.mark.network

PUBLISHED = json.loads((Path(__file__).parent / "data" / "published_outputs.json").read_text(encoding="utf-8"))


def cases(section: str) -> list[Any]:
    return PUBLISHED[section]["cases"]


def folder(section: str) -> Path:
    return resolve(PUBLISHED[section]["model"])


def onnx_rows(section: str, head: Head, ids: list[int]) -> np.ndarray:
    """The CPU engine's output for every token of one text."""
    engine = OnnxEngine(open_checkpoint(folder(section)), head, all_rows=True, threads=2)
    return engine.run(Batch.pack([np.array(ids)]))


# the CPU engine and the tasks -------------------------------------------------------------------------


def test_hidden_states() -> None:
    case = cases("hidden_states")[1]  # the other one has a mask that a packed batch cannot have
    rows, columns = slice(*case["rows"]), slice(*case["columns"])
    hidden = onnx_rows("hidden_states", Head.NONE, case["input_ids"])
    np.testing.assert_allclose(hidden[rows, columns], case["expected"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("case", cases("logits"))
def test_logits(case: dict[str, Any]) -> None:
    logits = onnx_rows("logits", Head.SEQUENCE_CLASSIFICATION, case["input_ids"])[0]
    np.testing.assert_allclose(logits, case["logits"], rtol=0, atol=1e-4)
    if "text" in case:
        assert BertTokenizer.from_folder(folder("logits")).encode(case["text"]).ids.tolist() == case["input_ids"]


@pytest.mark.parametrize("case", cases("labels"))
def test_labels(case: dict[str, Any]) -> None:
    result = distilbert.load(folder("labels"), "text-classification")(case["text"])
    assert result.label == case["label"]
    assert result.score == pytest.approx(case["score"], abs=case["atol"])


@pytest.mark.parametrize("case", cases("fills"))
def test_fills(case: dict[str, Any]) -> None:
    fills = distilbert.load(folder("fills"), "fill-mask")(case["text"], top_k=5)
    if "order" in case:
        assert [fill.token for fill in fills] == case["order"]
    else:
        assert [(fill.token, fill.token_id) for fill in fills] == [(token, index) for token, index, _ in case["top"]]
        assert [fill.score for fill in fills] == pytest.approx([score for *_, score in case["top"]], abs=1e-4)


@pytest.mark.parametrize("case", cases("answers"))
def test_answers(case: dict[str, Any]) -> None:
    answer = distilbert.load(folder("answers"), "question-answering")(case["question"], case["context"])
    assert (answer.text, answer.start, answer.end) == (case["answer"], case["start"], case["end"])
    assert answer.score == pytest.approx(case["score"], abs=case["atol"])


def test_answer_logits() -> None:
    case = PUBLISHED["answer_logits"]
    model = distilbert.load(folder("answer_logits"), "question-answering")
    ((starts, ends),) = model.logits(case["question"], case["context"])
    np.testing.assert_allclose(starts, case["start"], rtol=0, atol=2e-4)
    np.testing.assert_allclose(ends, case["end"], rtol=0, atol=2e-4)


# the PyTorch model ------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases("hidden_states"))
def test_hidden_states_of_the_module(case: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    from distilbert.nn import DistilBertModel

    model = DistilBertModel.from_pretrained(folder("hidden_states")).eval()
    mask = case["attention_mask"]
    with torch.no_grad():
        output = model(torch.tensor([case["input_ids"]]), None if mask is None else torch.tensor([mask]))
    hidden = output.last_hidden_state[0, slice(*case["rows"]), slice(*case["columns"])]
    np.testing.assert_allclose(hidden, case["expected"], rtol=0, atol=1e-4)


def test_texts_of_a_batch_without_a_mask() -> None:
    torch = pytest.importorskip("torch")
    from distilbert.nn import DistilBertModelClassifier

    tokenizer = BertTokenizer.from_folder(folder("unmasked_batch"))
    texts = [torch.from_numpy(tokenizer.encode(case["text"]).ids) for case in cases("unmasked_batch")]
    model = DistilBertModelClassifier.from_pretrained(folder("unmasked_batch")).eval()
    with torch.no_grad():
        scores = model(torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)).logits.softmax(-1)
    assert [model.config.labels[i] for i in scores.argmax(-1)] == [case["label"] for case in cases("unmasked_batch")]
    np.testing.assert_allclose(scores.amax(-1), [case["score"] for case in cases("unmasked_batch")], rtol=0, atol=1e-4)


def test_the_classic_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "examples")
    import masked_lm

    masked_lm.print_missing_words(folder("unmasked_masks"), top=1)
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith(" ")]
    assert words == PUBLISHED["unmasked_masks"]["words"]
