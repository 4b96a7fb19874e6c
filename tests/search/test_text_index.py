"""Search among texts: kept vectors are those of the texts as they are now, whatever happened before."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Maker
from distilbert import Embedder, InputError, load
from distilbert.folder.checkpoint import Head
from distilbert.search import Hit, TextIndex, VectorIndex, reciprocal_rank_fusion


class Counter:
    """How many texts the model embedded."""

    def __init__(self, embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
        self.texts: list[str] = []
        stream = type(embedder).stream

        def counted(task: Embedder, texts: Iterable[str], **options: Any) -> Iterator[np.ndarray]:
            listed = list(texts)
            self.texts += listed
            return stream(task, listed, **options)

        monkeypatch.setattr(type(embedder), "stream", counted)

    def taken(self) -> list[str]:
        taken, self.texts = self.texts, []
        return taken


def test_texts_are_found_by_the_models_own_measure(embedder: Embedder, sentences: list[str]) -> None:
    texts = sentences[:60]
    scores = np.asarray(embedder.similarity(sentences[70], texts))
    found = TextIndex(embedder, texts).search(sentences[70], top_k=5)
    assert [each.index for each in found] == np.argsort(-scores, kind="stable")[:5].tolist()
    assert [each.text for each in found] == [texts[each.index] for each in found]
    np.testing.assert_allclose([each.score for each in found], np.sort(scores)[::-1][:5], rtol=1e-5)
    several = TextIndex(embedder, texts).search([sentences[70], sentences[71]], top_k=5)
    assert [len(each) for each in several] == [5, 5]
    assert [each.index for each in several[0]] == [each.index for each in found]
    assert TextIndex(embedder, iter(texts)).search([]) == []
    assert TextIndex(embedder, []).search("any") == []
    assert len(TextIndex(embedder, texts[:3]).search("any", top_k=50)) == 3


@pytest.mark.parametrize("form", ["int8", "binary"])
def test_smaller_vectors_find_nearly_the_same(form: Any, embedder: Embedder, sentences: list[str]) -> None:
    texts, queries = sentences[:300], sentences[300:330]
    exact = TextIndex(embedder, texts).search(queries, top_k=5)
    found = TextIndex(embedder, texts, vectors=form).search(queries, top_k=5)
    shared = [
        len({a.index for a in some} & {b.index for b in others}) for some, others in zip(found, exact, strict=True)
    ]
    assert sum(shared) >= 0.9 * 150


def test_kept_vectors_are_taken_and_only_changed_texts_embedded(
    embedder: Embedder, sentences: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, folder = Counter(embedder, monkeypatch), tmp_path / "kept"
    texts = [*sentences[:20], sentences[0], ""]
    for changed, embedded in [
        (texts, [*sentences[:20], ""]),  # the same text twice is embedded once
        (texts, []),
        ([*reversed(texts)], []),
        ([*texts[:5], "a new line", *texts[6:]], ["a new line"]),
        (texts[:3], []),
        ([], []),
        (texts[:4], texts[:4]),  # what had gone is made anew
    ]:
        index = TextIndex(embedder, changed, folder=folder)
        assert counter.taken() == embedded
        fresh = TextIndex(embedder, changed).search(sentences[30])
        counter.taken()
        assert [each.text for each in index.search(sentences[30])] == [each.text for each in fresh]
        assert len(list(folder.iterdir())) == 1


@pytest.mark.int8
def test_another_model_precision_or_format_has_vectors_of_its_own(
    make_checkpoint: Maker, sentences: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, texts = tmp_path / "kept", sentences[:8]
    one, other = make_checkpoint(Head.NONE), make_checkpoint(Head.NONE, seed=1, name="other", dim=64)
    counter = Counter(load(one), monkeypatch)
    for embedder, form in [
        (load(one), "float32"),
        (load(other), "float32"),
        (load(one, precision="int8"), "float32"),
        (load(one), "int8"),
    ]:
        for embedded in (texts, []):
            index = TextIndex(embedder, texts, vectors=form, folder=folder)  # type: ignore[arg-type]
            assert counter.taken() == embedded
            assert index.search(texts[3], 1)[0].index == 3
    TextIndex(load(one), texts, vectors="binary", folder=folder)
    assert counter.taken() == []  # those of int8
    (one / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    TextIndex(load(one), texts, folder=folder)
    assert counter.taken() == texts


@pytest.mark.parametrize("damage", ["cut", "other", "empty", "gone", "rows", "number", "pickle"])
def test_damaged_files_are_made_anew(
    damage: str, embedder: Embedder, sentences: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, folder, texts = Counter(embedder, monkeypatch), tmp_path / "kept", sentences[:6]
    TextIndex(embedder, texts, folder=folder)
    counter.taken()
    (state,) = folder.iterdir()
    path = state / "vectors.npy"
    content = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(content[:-100])
        case "other":
            path.write_text("no array")
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
        case "rows":
            np.save(path, np.zeros((3, 32), np.float32))
        case "number":
            np.save(path, np.float32(1))
        case "pickle":
            np.save(path, np.array([{}], object), allow_pickle=True)
    assert TextIndex(embedder, texts, folder=folder).search(texts[2], 1)[0].index == 2
    assert counter.taken() == texts
    assert TextIndex(embedder, texts, folder=folder).search(texts[2], 1)[0].index == 2


def test_a_folder_that_is_no_place_to_write_is_no_fault_and_other_files_in_it_stay(
    embedder: Embedder, sentences: list[str], tmp_path: Path
) -> None:
    texts = sentences[:6]
    file = tmp_path / "file"
    file.write_text("x")
    assert TextIndex(embedder, texts, folder=file / "kept").search(texts[2], 1)[0].index == 2
    (tmp_path / "precious-notes").mkdir()
    for count in range(1, 8):
        TextIndex(embedder, texts[:count], folder=tmp_path)
    assert file.read_text() == "x"
    assert (tmp_path / "precious-notes").is_dir()


def test_vectors_that_others_may_write_are_not_used(
    embedder: Embedder, sentences: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, folder, texts = Counter(embedder, monkeypatch), tmp_path / "kept", sentences[:6]
    TextIndex(embedder, texts, folder=folder)
    (state,) = folder.iterdir()
    state.chmod(0o777)
    counter.taken()
    TextIndex(embedder, texts, folder=folder)
    assert counter.taken() == texts


INDEXING = """
import sys
from pathlib import Path
from distilbert import load
from distilbert.search import TextIndex
texts = Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()
print("ready", flush=True)
index = TextIndex(load(sys.argv[1]), texts, folder=sys.argv[3])
print(index.search(texts[5], 1)[0].index)
"""


def test_runs_at_the_same_time_and_runs_that_are_killed_leave_nothing_half_written(
    embedder: Embedder, sentences: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, file, folder = tmp_path / "index.py", tmp_path / "texts.txt", tmp_path / "kept"
    script.write_text(INDEXING)
    file.write_text("\n".join(sentences), encoding="utf-8")
    command = [sys.executable, str(script), str(embedder.model.folder), str(file), str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}

    def start() -> "subprocess.Popen[str]":
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    killed = start()
    assert killed.stdout is not None
    killed.stdout.readline()
    killed.kill()
    killed.communicate()
    runs = [start() for _ in range(2)]
    assert [run.communicate()[0].split()[-1] for run in runs] == ["5", "5"]
    counter = Counter(embedder, monkeypatch)
    TextIndex(embedder, sentences, folder=folder)
    assert counter.taken() == []
    assert len(list(folder.iterdir())) == 1


def test_a_run_that_is_killed_while_it_writes_leaves_the_old_vectors(
    embedder: Embedder, sentences: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "kept"
    TextIndex(embedder, sentences[:9], folder=folder)
    before = sorted(folder.iterdir())
    child = os.fork()
    if not child:
        monkeypatch.setattr("numpy.save", lambda *_: os.kill(os.getpid(), 9))
        TextIndex(embedder, sentences[:10], folder=folder)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 9
    assert set(before) <= set(folder.iterdir())
    counter = Counter(embedder, monkeypatch)
    assert TextIndex(embedder, sentences[:10], folder=folder).search(sentences[4], 1)[0].index == 4
    assert counter.taken() == sentences[9:10]
    assert len(list(folder.iterdir())) == 1  # what the killed run began is removed


def test_with_sparse_vectors_rankings_are_fused(
    embedder: Embedder, make_checkpoint: Maker, sentences: list[str], tmp_path: Path
) -> None:
    sparse = load(make_checkpoint(Head.MASKED_LM, name="sparse"), "sparse-encoding")
    texts, query = sentences[:40], sentences[50]
    dense = TextIndex(embedder, texts).search(query, 40)
    weights = np.asarray(sparse.similarity(query, sparse(texts, top_k=256)))
    order = np.argsort(-weights, kind="stable")
    by_tokens = [Hit(int(place), float(weights[place])) for place in order]
    expected = reciprocal_rank_fusion([dense, by_tokens], 5)
    for folder in (None, tmp_path / "kept", tmp_path / "kept"):
        found = TextIndex(embedder, texts, sparse=sparse, folder=folder).search(query, 5)
        assert [each.index for each in found] == [hit.index for hit in expected]
        np.testing.assert_allclose([each.score for each in found], [hit.score for hit in expected], rtol=1e-6)


def test_a_reranker_orders_the_best(embedder: Embedder, make_checkpoint: Maker, sentences: list[str]) -> None:
    reranker = load(make_checkpoint(num_labels=1, name="ranker"), "text-ranking")
    texts, query = sentences[:80], sentences[90]
    candidates = TextIndex(embedder, texts).search(query, 50)
    ranked = reranker(query, [each.text for each in candidates], top_k=4)
    found = TextIndex(embedder, texts, reranker=reranker).search(query, 4)
    assert [each.index for each in found] == [candidates[each.index].index for each in ranked]
    assert [each.score for each in found] == [each.score for each in ranked]
    assert [each.text for each in found] == [texts[each.index] for each in found]


def test_what_cannot_be_searched_is_refused(embedder: Embedder, sentences: list[str], tmp_path: Path) -> None:
    for wrong, message in [
        ("one text", "give a list"),
        ([1, 2], "text 0 must be a string, not int"),
        (None, "give a list"),
    ]:
        with pytest.raises(InputError, match=message):
            TextIndex(embedder, wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="vectors must be one of"):
        TextIndex(embedder, ["a"], vectors="int4")  # type: ignore[arg-type]
    index = TextIndex(embedder, ["a"])
    with pytest.raises(InputError, match="top_k"):
        index.search("a", 0)
    with pytest.raises(InputError, match="text 1 must be a string"):
        index.search(["a", None])  # type: ignore[list-item]
    with pytest.raises(InputError, match="query 1 is empty"):
        index.search(["a", " "])
    with pytest.raises(InputError, match="in memory"):
        TextIndex(embedder.encode_query, ["a"], folder=tmp_path)


def test_int8_vectors_of_a_model_that_compares_lengths_too_are_refused(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(Head.NONE)
    (folder / "modules.json").write_text(
        '[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},'
        ' {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]'
    )
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        '{"word_embedding_dimension": 32, "pooling_mode_mean_tokens": true}'
    )
    (folder / "config_sentence_transformers.json").write_text('{"similarity_fn_name": "dot"}')
    embedder = load(folder)
    texts = ["some words", "more words here", "none"]
    (hits,) = VectorIndex(embedder(texts), measure="dot").search(embedder("words"))
    assert [each.index for each in TextIndex(embedder, texts).search("words")] == [hit.index for hit in hits]
    with pytest.raises(InputError, match="compares vectors by 'dot', and binary vectors can"):
        TextIndex(embedder, texts, vectors="binary")
    shutil.rmtree(folder)
