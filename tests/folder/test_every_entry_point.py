"""One model in every layout of a folder: all that opens one says the same of it, and all that writes one writes a
folder that opens again and gives the same vectors."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest

import distilbert
from conftest import Maker, random_weights, small_config
from distilbert import InputError
from distilbert.bench import _Runner
from distilbert.cli.main import main
from distilbert.convert import convert, export_onnx, quantize
from distilbert.evaluation import evaluate
from distilbert.folder.checkpoint import Head, save_checkpoint
from distilbert.folder.layout import MODULES, SENTENCE_CONFIG, TRANSFORMER_CONFIGS, VOCABULARY, WEIGHTS
from distilbert.folder.opened import open_folder
from helpers.json_files import write

LONGEST = 12
PLAIN_LONGEST = 128
# the vocabulary is cased, so that a text that was not lower-cased first is all [UNK]
TEXT = "A Moving Love Story"
LONG = "A Moving Love Story " * 20
PIECES = ["a", "moving", "love", "story"]
LAYOUTS = {  # layout -> where the encoder lies, and the name of the file about how it reads text
    "nested": ("0_DistilBERT", "sentence_bert_config.json"),
    "flat": ("", "sentence_bert_config.json"),
    "renamed": ("", "sentence_distilbert_config.json"),
    "nested and renamed": ("0_Transformer", "sentence_distilbert_config.json"),
}
SENTENCES = pytest.mark.parametrize("layout", list(LAYOUTS))


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory, vocab: Path) -> dict[str, Path]:
    """A folder in each layout, all of one model; a plain one too, and int8 ones of each."""
    root = tmp_path_factory.mktemp("contract")
    made = {}
    for layout, (inner, settings) in {**LAYOUTS, "plain": ("", "")}.items():
        folder = root / layout.replace(" ", "_")
        encoder = folder / inner
        config = small_config(Head.NONE)
        save_checkpoint(encoder, config, random_weights(config, Head.NONE))
        shutil.copyfile(vocab, encoder / VOCABULARY)
        write(encoder / "tokenizer_config.json", {"do_lower_case": layout == "plain"})
        if settings:
            write(encoder / settings, {"max_seq_length": LONGEST, "do_lower_case": True})
            kinds = {inner: "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
            write(folder / MODULES, [
                {"idx": idx, "name": str(idx), "path": path, "type": f"sentence_transformers.models.{kind}"}
                for idx, (path, kind) in enumerate(kinds.items())
            ])  # fmt: skip
            (folder / "1_Pooling").mkdir()
            write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 32, "pooling_mode": "mean"})
            write(folder / SENTENCE_CONFIG, {"prompts": {"query": "q: "}})
        made[layout] = folder
        made[f"{layout} int8"] = root / f"{folder.name}_int8"
        quantize(folder, made[f"{layout} int8"], data=[TEXT])
    return made


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    rows = ["sentence1\tsentence2", f"{TEXT}\tlove", "a film\ta story", "the actors\tthe story", "moving\tlove story"]
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(rows) + "\n")
    return path


# all that opens a folder says the same of it ----------------------------------------------------------


@pytest.mark.parametrize("int8", [False, pytest.param(True, marks=pytest.mark.int8)])
@pytest.mark.parametrize("layout", [*LAYOUTS, "plain"])
def test_all_that_opens_a_folder(
    layout: str, int8: bool, folders: dict[str, Path], pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folders[f"{layout} int8" if int8 else layout]
    longest = PLAIN_LONGEST if layout == "plain" else LONGEST
    size = sum(path.stat().st_size for path in folder.rglob(WEIGHTS)) // 1000  # KB, a header more

    opened = open_folder(folder)
    assert opened.longest == longest
    assert opened.bytes // 1000 == pytest.approx(size, abs=6)
    ids = opened.tokenizer.encode(TEXT).ids
    assert [opened.tokenizer.token(index) for index in ids[1:-1].tolist()] == PIECES

    embedder = distilbert.load(folder, "sentence-similarity")
    assert embedder.model.max_length == longest
    np.testing.assert_array_equal(embedder.tokenizer.encode(TEXT).ids, ids)

    assert main(["info", str(folder), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["longest_text_in_tokens"], facts["bytes"], facts["task"]) == (
        longest,
        opened.bytes,
        "feature-extraction",
    )

    measured = _Runner(opened, [TEXT, LONG]).encode()  # what `bench` runs
    np.testing.assert_array_equal(measured[0], ids)
    assert len(measured[1]) == min(longest, 82)

    scored = evaluate(folder, pairs, resamples=10)
    assert scored.bytes == opened.bytes


@SENTENCES
def test_all_layouts_give_the_same_vectors(layout: str, folders: dict[str, Path]) -> None:
    texts = [TEXT, LONG, "love"]
    with pytest.warns(distilbert.LongTextWarning):
        expected = distilbert.load(folders["flat"])(texts)
    with pytest.warns(distilbert.LongTextWarning):
        np.testing.assert_allclose(distilbert.load(folders[layout])(texts), expected, atol=1e-6)


@SENTENCES
def test_served(layout: str, folders: dict[str, Path]) -> None:
    pytest.importorskip("fastapi")
    from distilbert.serve import Settings
    from distilbert.serve.models import ServedModel, open_models

    (task,) = open_models([f"m={folders[layout]}"]).values()
    batcher: Any = SimpleNamespace(wrap=lambda engine, name: engine)
    served = ServedModel("m", task, batcher, Settings())
    embedder = served.find(distilbert.Embedder)
    assert embedder is not None
    assert embedder.model.max_length == LONGEST
    np.testing.assert_array_equal(embedder(TEXT), distilbert.load(folders["flat"])(TEXT))


# all that writes a folder writes one that opens again -------------------------------------------------


def check_written(source: Path, out: Path, *, atol: float = 1e-6) -> None:
    """Flat, with the same settings, and the same vectors."""
    before, after = open_folder(source), open_folder(out)
    assert after.checkpoint.folder == out
    assert (after.longest, after.sentence is None) == (before.longest, before.sentence is None)
    np.testing.assert_array_equal(after.tokenizer.encode(TEXT).ids, before.tokenizer.encode(TEXT).ids)
    if before.sentence and after.sentence:
        kept = dataclasses.replace(after.sentence, transformer=before.sentence.transformer)
        assert kept == before.sentence
    found, expected = distilbert.load(out)(TEXT), distilbert.load(source)(TEXT)
    np.testing.assert_allclose(found, expected, atol=atol)


@pytest.mark.parametrize("layout", [*LAYOUTS, "plain"])
def test_convert(layout: str, folders: dict[str, Path], tmp_path: Path) -> None:
    convert(folders[layout], tmp_path / "out")
    check_written(folders[layout], tmp_path / "out")


@pytest.mark.parametrize("layout", [*LAYOUTS, "plain"])
def test_quantize(layout: str, folders: dict[str, Path]) -> None:
    check_written(folders[layout], folders[f"{layout} int8"], atol=0.1)


@pytest.mark.parametrize("layout", [*LAYOUTS, "plain"])
def test_export(layout: str, folders: dict[str, Path], tmp_path: Path) -> None:
    path = export_onnx(folders[layout], tmp_path / "out")
    assert path == tmp_path / "out" / "model.onnx"
    shutil.copyfile(folders["flat"] / WEIGHTS, tmp_path / "out" / WEIGHTS)  # all else is there
    check_written(folders[layout], tmp_path / "out")
    ids = open_folder(tmp_path / "out").tokenizer.encode(TEXT).ids[None]
    given = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    (states,) = onnxruntime.InferenceSession(str(path)).run(None, given)
    vector = states[0].mean(0)
    expected = distilbert.load(folders[layout])(TEXT)
    np.testing.assert_allclose(vector / np.linalg.norm(vector), expected, atol=1e-5)


@pytest.mark.parametrize("layout", [*LAYOUTS, "plain"])
def test_train(layout: str, folders: dict[str, Path], pairs: Path, tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    from distilbert.train import FinetuneArguments, finetune

    arguments = FinetuneArguments(
        task="sentence-similarity",
        model=folders[layout],
        train=pairs,
        out=tmp_path / "out",
        max_steps=1,
        learning_rate=1e-12,  # so that the model stays what it was
        batch_size=4,
    )
    finetune(arguments, quiet=True)
    check_written(folders[layout], tmp_path / "out", atol=1e-5)


@SENTENCES
def test_distill(layout: str, folders: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    from distilbert.distill import DistillArguments, distill

    texts = tmp_path / "texts.txt"
    texts.write_text(f"{TEXT}\nThe Actors are wonderful\n")
    arguments = DistillArguments(
        task="sentence-similarity",
        teacher=folders[layout],
        train=texts,
        out=tmp_path / "out",
        max_steps=1,
        layers=1,
    )
    distill(arguments, quiet=True)
    student = open_folder(tmp_path / "out")
    assert student.longest == LONGEST
    read = open_folder(folders[layout]).tokenizer.encode(TEXT)
    np.testing.assert_array_equal(student.tokenizer.encode(TEXT).ids, read.ids)
    assert np.isfinite(distilbert.load(tmp_path / "out")(TEXT)).all()


@SENTENCES
def test_the_peers_open_what_is_written(layout: str, folders: dict[str, Path], tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    peers = pytest.importorskip("sentence_transformers")
    convert(folders[layout], tmp_path / "out")
    assert transformers.AutoModel.from_pretrained(tmp_path / "out").config.dim == 32
    model = peers.SentenceTransformer(str(tmp_path / "out"), device="cpu")
    assert model.max_seq_length == LONGEST
    np.testing.assert_allclose(model.encode(TEXT.lower()), distilbert.load(folders[layout])(TEXT), atol=1e-5)


# what stands where the encoder is put -----------------------------------------------------------------


def test_a_part_at_the_root_makes_room_for_the_encoder(folders: dict[str, Path], tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(folders["nested"], source)
    shutil.move(source / "1_Pooling" / "config.json", source / "config.json")
    modules = json.loads((source / MODULES).read_text())
    modules[1]["path"] = ""
    write(source / MODULES, modules)
    convert(source, tmp_path / "out")
    check_written(source, tmp_path / "out")


@pytest.mark.parametrize("name", TRANSFORMER_CONFIGS)
def test_every_spelling_of_the_encoders_settings(name: str, folders: dict[str, Path], tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(folders["flat"], source)
    (source / "sentence_bert_config.json").rename(source / name)
    assert open_folder(source).longest == LONGEST
    convert(source, tmp_path / "out")
    assert (tmp_path / "out" / name).is_file()
    check_written(source, tmp_path / "out")


# a tokenizer with more pieces than the model embeds -----------------------------------------------------


@pytest.fixture
def small(make_checkpoint: Maker) -> Callable[[Head], Path]:
    """A folder whose tokenizer has a piece more, "[EXTRA]", than its embeddings have rows."""

    def make(head: Head) -> Path:
        folder = make_checkpoint(head, name=head.name, id2label={"0": "neg", "1": "pos"})
        extra = {"6000": {"content": "[EXTRA]", "normalized": False}}
        write(folder / "tokenizer_config.json", {"do_lower_case": True, "added_tokens_decoder": extra})
        return folder

    return make


REFUSED = r"a text uses '\[EXTRA\]', token 6000, but the model embeds only the first 6000"


def test_a_token_beyond_the_embeddings_stops_the_texts_that_use_it_alone(small: Callable[[Head], Path]) -> None:
    classifier = distilbert.load(small(Head.SEQUENCE_CLASSIFICATION))
    assert 0 < classifier("a good film").score < 1
    for read in (classifier, lambda text: list(classifier.stream([text])), lambda text: classifier.logits([text])):
        with pytest.raises(InputError, match=REFUSED):
            read("a good [EXTRA] film")
    filler = distilbert.load(small(Head.MASKED_LM))
    assert filler("a [MASK] film", targets=["love"])
    with pytest.raises(InputError, match=REFUSED):
        filler("a [MASK] film", targets=["[EXTRA]"])


@pytest.mark.parametrize("cut", [0, 1500])
def test_training_and_distilling_too(cut: int, small: Callable[[Head], Path], tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    from distilbert.distill import DistillArguments, distill
    from distilbert.train import FinetuneArguments, finetune

    model = small(Head.SEQUENCE_CLASSIFICATION)
    good, bad = tmp_path / "good.tsv", tmp_path / "bad.tsv"
    good.write_text("text\tlabel\na good film\tpos\na bad film\tneg\n")
    bad.write_text("text\tlabel\na good [EXTRA] film\tpos\na bad film\tneg\n")

    def run(data: Path, out: str) -> Path:
        if cut:
            shape = {"layers": 1, "vocab_size": cut}
            return distill(
                DistillArguments(
                    task="text-classification", teacher=model, train=data, out=tmp_path / out, max_steps=1, **shape
                ),
                quiet=True,
            ).folder
        return finetune(
            FinetuneArguments(task="text-classification", model=model, train=data, out=tmp_path / out, max_steps=1),
            quiet=True,
        ).folder

    assert distilbert.load(run(good, "out"))("a good film").label in ("pos", "neg")
    with pytest.raises(InputError, match=REFUSED):
        run(bad, "other")
