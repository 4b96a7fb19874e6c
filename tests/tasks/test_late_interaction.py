"""Late interaction by itself; against sentence-transformers: tests/folder/test_saved_late_interaction.py."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Maker
from distilbert import CheckpointError, ConfigError, InputError, LateInteractionEncoder, LongTextWarning, load
from distilbert.cli.main import main
from distilbert.folder.checkpoint import Head
from distilbert.similarity import max_similarity
from helpers.json_files import write
from helpers.late_interaction import late_interaction_folder

QUERY = "a moving story"
DOCUMENTS = ["a charming and often affecting journey .", "no", "the film , the whole film", "... ! ?"]


@pytest.fixture
def folder(make_checkpoint: Maker) -> Path:
    return late_interaction_folder(make_checkpoint)


def opened(folder: Path) -> LateInteractionEncoder:
    task = load(folder)
    assert isinstance(task, LateInteractionEncoder)
    return task


def test_the_score_worked_out_by_hand() -> None:
    query, document = np.array([[1, 0], [0, 2.0]]), np.array([[3, 1], [0, 4], [-1, -1.0]])
    assert max_similarity(query, document) == 3 + 8
    assert max_similarity(query, document, mean=True) == 11 / 2
    assert max_similarity(query, document[:0]) == -1e9


def test_vectors(folder: Path) -> None:
    encoder = opened(folder)
    queries, documents = encoder.encode_query([QUERY, "no"]), encoder.encode_document(DOCUMENTS)
    assert [vectors.shape for vectors in queries] == [(12, 32), (12, 32)]
    assert [len(vectors) for vectors in documents][1:] == [4, 8, 3]  # [CLS], the prompt, the words, [SEP]
    for vectors in (*queries, *documents):
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(encoder.encode_document(DOCUMENTS[0]), documents[0], atol=1e-6)
    without = encoder.encode_document("read no", prompt="")
    np.testing.assert_allclose(without, documents[1], atol=1e-6)
    with pytest.raises(InputError, match="no prompt called 'passage'"):
        encoder.encode_query(QUERY, prompt_name="passage")


def test_masks_leave_the_query_alone_where_it_does_not_attend_to_them(folder: Path) -> None:
    short = opened(folder).encode_query(QUERY)
    write(folder / "sentence_bert_config.json", {"query_expansion": {"strategy": "fixed", "length": 30}})
    long = opened(folder).encode_query(QUERY)
    assert len(long) == 30
    np.testing.assert_allclose(long[:12], short, atol=1e-5)
    attended = {"strategy": "fixed", "length": 30, "attend": True}
    write(folder / "sentence_bert_config.json", {"query_expansion": attended})
    assert np.abs(opened(folder).encode_query(QUERY)[:6] - short[:6]).max() > 1e-3


@pytest.mark.parametrize("top_k", [None, 1, 3])
def test_ranking(folder: Path, top_k: int | None) -> None:
    encoder = opened(folder)
    scores = [encoder.score(QUERY, document) for document in DOCUMENTS]
    order = sorted(range(len(scores)), key=lambda index: -scores[index])[:top_k]
    ranked = encoder.rank(QUERY, iter(DOCUMENTS), top_k=top_k)
    assert [each.index for each in ranked] == order
    assert [each.text for each in ranked] == [DOCUMENTS[index] for index in order]
    np.testing.assert_allclose([each.score for each in ranked], [scores[index] for index in order], rtol=1e-5)
    assert list(encoder.stream([(QUERY, DOCUMENTS)], top_k=top_k)) == [ranked]
    kept = encoder.encode_document(DOCUMENTS[0])
    assert encoder.score(encoder.encode_query(QUERY), kept) == pytest.approx(scores[0], rel=1e-5)


def test_long_documents(folder: Path, sentences: list[str]) -> None:
    encoder, long = opened(folder), " ".join(sentences[:4])
    with pytest.warns(LongTextWarning, match="the text is longer than 20 tokens and was cut; see"):
        cut = encoder.encode_document(long)
    assert len(cut) <= 20
    assert len(encoder.encode_document(long, long_text="window")) > 40
    assert [each.truncated for each in encoder(QUERY, ["no", long])].count(True) == 1
    with pytest.raises(InputError, match="longer than the 20 tokens"):
        encoder.encode_document(long, long_text="error")


def test_it_travels(folder: Path) -> None:
    encoder = opened(folder)
    assert pickle.loads(pickle.dumps(encoder))(QUERY, DOCUMENTS) == encoder(QUERY, DOCUMENTS)


def test_rerank_takes_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rerank", QUERY, *DOCUMENTS, "-m", str(folder), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["index"] for line in lines] == [each.index for each in opened(folder)(QUERY, DOCUMENTS)]


@pytest.mark.parametrize("wrong", [5, ["a", 5], {"a": "b"}, b"a"])
def test_wrong_texts(folder: Path, wrong: Any) -> None:
    encoder = opened(folder)
    for method in (encoder.encode_query, encoder.encode_document):
        with pytest.raises(InputError):
            method(wrong)
    with pytest.raises(InputError):
        encoder(QUERY, wrong)
    with pytest.raises(InputError):
        encoder.score(QUERY, wrong)
    with pytest.raises(InputError):
        encoder.score(QUERY, np.ones((3, 5), np.float32))


def test_folders_that_it_cannot_be(folder: Path, make_checkpoint: Maker) -> None:
    with pytest.raises(CheckpointError, match="says nothing of late interaction"):
        load(make_checkpoint(Head.NONE, name="plain"), "late-interaction")
    write(folder / "sentence_bert_config.json", {"query_expansion": {"strategy": "fixed", "length": 65}})
    with pytest.raises(ConfigError, match="queries are to have 65 tokens of 64"):
        opened(folder)
    write(folder / "sentence_bert_config.json", {"query_expansion": {"strategy": "min", "length": 9, "token": "xyzzy"}})
    with pytest.raises(ConfigError, match="the tokenizer lacks xyzzy, which fills queries up"):
        opened(folder)
    write(folder / "sentence_bert_config.json", {})
    modules = json.loads((folder / "modules.json").read_text())
    modules[1]["type"] = "sentence_transformers.multi_vector_encoder.modules.HierarchicalTokenPooling"
    write(folder / "modules.json", modules)
    write(folder / "1_Mask/config.json", {"pool_factor": 2})
    with pytest.raises(ConfigError, match="pool_factor=2 merges vectors, which is not supported"):
        opened(folder)
