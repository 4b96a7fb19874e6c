"""Teachers of our own family and of others say what Transformers' models say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from conftest import Maker  # noqa: E402
from distilbert.distill import distill  # noqa: E402
from distilbert.distill.teacher import ForeignTeacher, NativeTeacher, RequestedOutputs, open_teacher  # noqa: E402
from distilbert.errors import CheckpointError, InputError  # noqa: E402
from distilbert.folder.checkpoint import Head  # noqa: E402
from distilbert.tasks.task import FIRST  # noqa: E402
from distilbert.train.objective import Item  # noqa: E402
from helpers.distillers import settings, teacher_of  # noqa: E402

EVERYTHING = RequestedOutputs(states=(0, 1, 2), relations=True)
KINDS = {
    "text-classification": "BertForSequenceClassification",
    "token-classification": "BertForTokenClassification",
    "question-answering": "BertForQuestionAnswering",
    "fill-mask": "BertForMaskedLM",
}


@pytest.fixture
def bert(tmp_path: Path, vocab: Path) -> Any:
    """`bert(task)` writes a small BERT of random weights with that head."""

    def make(task: str, **changes: Any) -> Path:
        torch.manual_seed(0)
        config = transformers.BertConfig(
            vocab_size=6000, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
            max_position_embeddings=128, id2label={0: "no", 1: "yes"}, **changes,
        )  # fmt: skip
        folder = tmp_path / f"bert-{task}"
        getattr(transformers, KINDS[task])(config).save_pretrained(folder)
        (folder / "vocab.txt").write_bytes(vocab.read_bytes())
        (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
        return folder

    return make


def pairs(teacher: Any, sentences: list[str], rows: bool) -> list[Item]:
    read = teacher.tokenizer.encode_batch(sentences[:4], sentences[4:8])
    return [Item((ours.ids,), (FIRST,) if rows else None, 0) for ours in read]


def padded(items: list[Item], separator: int | None) -> dict[str, Any]:
    """As Transformers reads pairs, token types included."""
    texts = [torch.from_numpy(item.texts[0]) for item in items]
    ids = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(text) for text in texts], batch_first=True)
    second = torch.zeros_like(ids)
    for row, item in enumerate(items):
        first, last = np.flatnonzero(item.texts[0] == separator)
        second[row, first + 1 : last + 1] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": second}


@pytest.mark.parametrize("task", KINDS)
def test_a_bert_says_what_it_says_in_transformers(task: str, bert: Any, sentences: list[str]) -> None:
    folder = bert(task)
    teacher = open_teacher(folder, task)
    assert isinstance(teacher, ForeignTeacher)
    items = pairs(teacher, sentences, task == "text-classification")
    outputs = teacher.compute(items, EVERYTHING)
    model = getattr(transformers, KINDS[task]).from_pretrained(folder).eval()
    given = padded(items, teacher.tokenizer.sep_token_id)
    with torch.no_grad():
        expected = model(**given, output_hidden_states=True)
    inside = given["attention_mask"].bool()
    if task == "text-classification":
        wanted = expected.logits
    elif task == "question-answering":
        wanted = torch.stack([expected.start_logits, expected.end_logits], -1)[inside]
    else:
        wanted = expected.logits[inside]
    torch.testing.assert_close(outputs.output, wanted, rtol=0, atol=1e-5)
    assert outputs.output.shape[-1] == teacher.width(EVERYTHING)
    for ours, theirs in zip(outputs.states, expected.hidden_states, strict=True):
        torch.testing.assert_close(ours, theirs[inside], rtol=0, atol=1e-5)
    query = model.bert.encoder.layer[-1].attention.self.query(expected.hidden_states[1])
    torch.testing.assert_close(outputs.relations[0], query[inside].detach(), rtol=0, atol=1e-5)


def test_a_distilbert_says_what_it_says_in_transformers(make_checkpoint: Maker, sentences: list[str]) -> None:
    folder = teacher_of("text-classification", make_checkpoint)
    teacher = open_teacher(folder, "text-classification")
    assert isinstance(teacher, NativeTeacher)
    items = pairs(teacher, sentences, True)
    outputs = teacher.compute(items, EVERYTHING)
    model = transformers.DistilBertForSequenceClassification.from_pretrained(folder).eval()
    given = {
        name: ours for name, ours in padded(items, teacher.tokenizer.sep_token_id).items() if name != "token_type_ids"
    }
    with torch.no_grad():
        expected = model(**given, output_hidden_states=True)
    torch.testing.assert_close(outputs.output, expected.logits, rtol=0, atol=1e-5)
    inside = given["attention_mask"].bool()
    for ours, theirs in zip(outputs.states, expected.hidden_states, strict=True):
        torch.testing.assert_close(ours, theirs[inside], rtol=0, atol=1e-5)
    # with nothing wanted of the inside, the last layer is cut to the head's rows: the same output
    torch.testing.assert_close(teacher.compute(items, RequestedOutputs()).output, outputs.output, rtol=0, atol=1e-5)


@pytest.mark.parametrize("task", KINDS)
def test_a_bert_teaches_a_distilbert(task: str, bert: Any, tmp_path: Path, sentences: list[str]) -> None:
    labels = {"id2label": {0: "B-A", 1: "O"}} if task == "token-classification" else {}
    folder = bert(task)
    if labels:
        config = transformers.AutoConfig.from_pretrained(folder, **labels)
        config.save_pretrained(folder)
    done = distill(settings(task, folder, tmp_path, sentences[:24], dim=0, heads=0, cosine=1.0, epochs=1), quiet=True)
    assert done.scores


def test_teachers_that_cannot_teach_say_why(bert: Any, make_checkpoint: Maker, tmp_path: Path) -> None:
    folder = bert("fill-mask")
    with pytest.raises(CheckpointError, match=r"bert-fill-mask: has no head for text-classification: \S+ is missing"):
        open_teacher(folder, "text-classification")
    with pytest.raises(InputError, match="is no DistilBERT; for sentence-similarity, `distilbert convert` makes one"):
        open_teacher(folder, "sentence-similarity")
    with pytest.raises(
        InputError, match="bare: has no head for text-classification, and cannot teach it: train it first"
    ):
        open_teacher(make_checkpoint(Head.NONE, name="bare"), "text-classification")
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="Transformers cannot open it as a teacher"):
        open_teacher(folder, "fill-mask")
