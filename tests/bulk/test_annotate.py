"""Arrow in, Arrow out: the columns of every task, the libraries that speak Arrow, rows at fault, pickles."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pyarrow")

import pyarrow as pa

from conftest import Maker
from distilbert import InputError, load
from distilbert.bulk import Annotator
from distilbert.folder.checkpoint import Head

TEXTS = ["a charming film", None, "war and peace in Paris"]
NLI = {"id2label": {"0": "ENTAILMENT", "1": "NEUTRAL", "2": "CONTRADICTION"}}


def rows(annotator: Annotator, **columns: Any) -> list[dict[str, Any]]:
    found = annotator(pa.table(columns))
    assert found.schema.names[: len(columns)] == list(columns)
    return found.select(annotator.schema.names).to_pylist()


def plain(results: Any) -> Any:
    return [plain(each) for each in results] if isinstance(results, list) else results.to_dict()


def test_labels(model: Path) -> None:
    first, none, last = rows(Annotator(model), text=TEXTS)
    for row, text in ((first, TEXTS[0]), (last, TEXTS[2])):
        single = load(model)(text)
        assert row == {"label": single.label, "score": pytest.approx(single.score), "truncated": False, "error": None}
    assert none == dict.fromkeys(first)
    (several, *_) = rows(Annotator(model, options={"top_k": None}), text=TEXTS)
    assert [each["label"] for each in several["labels"]] == [each.label for each in load(model)(TEXTS[0], top_k=None)]


def test_entities(make_checkpoint: Maker) -> None:
    model = make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label={"0": "O", "1": "B-PER", "2": "I-PER"}, num_labels=3)
    found = rows(Annotator(model), text=TEXTS)
    expected = plain(load(model)([TEXTS[0], TEXTS[2]]))
    assert [found[0]["entities"], found[2]["entities"]] == [
        [{**each, "score": pytest.approx(each["score"], abs=1e-6)} for each in entities] for entities in expected
    ]
    assert found[1]["entities"] is None
    assert any(expected)


def test_answers(make_checkpoint: Maker) -> None:
    model = make_checkpoint(Head.QUESTION_ANSWERING)
    columns = {"question": ["who ?", "what ?"], "context": ["a film of Paris", None]}
    first, none = rows(Annotator(model, "question", pair_column="context"), **columns)
    answer = load(model)("who ?", "a film of Paris")
    assert first["answer"] == {**answer.to_dict(), "score": pytest.approx(answer.score)}
    assert none["answer"] is None
    several = rows(Annotator(model, "question", pair_column="context", options={"top_k": 2}), **columns)
    assert len(several[0]["answers"]) == 2


def test_fills_and_a_text_without_a_mask(make_checkpoint: Maker) -> None:
    model = make_checkpoint(Head.MASKED_LM)
    found = rows(Annotator(model, options={"top_k": 2}), text=["a [MASK] film", "no mask", "[MASK] and [MASK]"])
    assert [len(row["fills"] or ()) for row in found] == [1, 0, 2]
    assert found[0]["fills"][0][0]["token"] == load(model)("a [MASK] film")[0].token
    assert found[1]["error"].startswith("the text has no mask")
    with pytest.raises(InputError, match="has no mask"):
        Annotator(model, errors="stop")(pa.table({"text": ["no mask"]}))


@pytest.mark.parametrize("output", ["float32", "int8", "uint8", "binary", "ubinary"])
def test_vectors(make_checkpoint: Maker, output: Any) -> None:
    model = make_checkpoint(Head.NONE)
    found = Annotator(model, options={"output": output})(pa.table({"text": TEXTS}))
    expected = load(model)([TEXTS[0], TEXTS[2]], output=output)
    kind = found.schema.field("vector").type
    assert kind == pa.list_(pa.from_numpy_dtype(expected.dtype), expected.shape[1])
    values = found["vector"].to_pylist()
    np.testing.assert_allclose([values[0], values[2]], expected, atol=1e-5)
    assert values[1] is None


def test_pairs_choices_labels_and_sparse(make_checkpoint: Maker) -> None:
    ranker = make_checkpoint(num_labels=1, name="ranker", id2label={"0": "score"})
    (row,) = rows(Annotator(ranker, "q", pair_column="d", task="text-ranking"), q=["a film"], d=["of war"])
    (expected,) = load(ranker, "text-ranking")("a film", ["of war"])
    assert row["score"] == pytest.approx(expected.score)

    chooser = make_checkpoint(Head.MULTIPLE_CHOICE, name="chooser")
    (row,) = rows(Annotator(chooser, "p", pair_column="c"), p=["a film"], c=[["of war", "of peace"]])
    assert [each["label"] for each in row["labels"]] == [
        each.label for each in load(chooser)("a film", ["of war", "of peace"])
    ]

    nli = make_checkpoint(name="nli", num_labels=3, **NLI)
    zero = Annotator(nli, task="zero-shot-classification", options={"labels": ["war", "peace"]})
    found = rows(zero, text=TEXTS)
    assert found[0]["labels"][0]["label"] == load(nli, "zero-shot-classification")(TEXTS[0], ["war", "peace"])[0].label
    with pytest.raises(InputError, match="needs its labels"):
        Annotator(nli, task="zero-shot-classification")(pa.table({"text": ["a"]}))

    sparse = make_checkpoint(Head.MASKED_LM, name="sparse")
    first, none, _ = rows(Annotator(sparse, task="sparse-encoding"), text=TEXTS)
    vector = load(sparse, "sparse-encoding")(TEXTS[0])
    assert first["indices"] == vector.indices.tolist()
    assert first["values"] == pytest.approx(vector.values.tolist())
    assert none["indices"] is None


def test_it_travels_and_takes_batches(model: Path) -> None:
    table = pa.table({"text": TEXTS}, metadata={"a": "b"})
    for annotator in (Annotator(model), Annotator(load(model))):
        copy = pickle.loads(pickle.dumps(annotator))
        found = copy(table)
        assert found.equals(annotator(table))
        assert found.schema.metadata == {b"a": b"b"}
        (batch,) = table.to_batches()
        added = copy(batch)
        assert isinstance(added, pa.RecordBatch)
        assert pa.Table.from_batches([added]).equals(found)


def test_polars_and_pandas(model: Path) -> None:
    polars, pandas = pytest.importorskip("polars"), pytest.importorskip("pandas")
    a, expected = Annotator(model), Annotator(model)(pa.table({"text": TEXTS}))["label"].to_pylist()
    frame = polars.from_arrow(a(polars.DataFrame({"text": TEXTS}).to_arrow()))
    assert frame["label"].to_list() == expected
    other = a(pa.Table.from_pandas(pandas.DataFrame({"text": TEXTS}))).to_pandas()
    assert [None if pandas.isna(label) else label for label in other["label"]] == expected


def test_duckdb(model: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    films = pa.table({"text": TEXTS})
    found = Annotator(model)(duckdb.sql("select text from films").to_arrow_table())
    assert found.num_rows == films.num_rows == 3
    assert duckdb.sql("select count(label) from found").fetchall() == [(2,)]


def test_what_it_refuses(model: Path) -> None:
    with pytest.raises(InputError, match="no column 'text', only body"):
        Annotator(model)(pa.table({"body": ["a"]}))
    with pytest.raises(InputError, match="column 'label' already"):
        Annotator(model)(pa.table({"text": ["a"], "label": [1]}))
    with pytest.raises(InputError, match="no option 'topk'"):
        Annotator(model, options={"topk": 2})(pa.table({"text": ["a"]}))
    assert (
        rows(Annotator(model), text=pa.array([1, 2]))[0]["error"]
        == "the text must be a string or a pair of strings, not int"
    )
    assert rows(Annotator(model), text=pa.array([], pa.string())) == []
