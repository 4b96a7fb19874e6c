"""From a teacher and text to a student's folder: every task, every loss, and what breaks off."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import distilbert  # noqa: E402
from conftest import Maker  # noqa: E402
from distilbert.arguments import USUAL_LOSSES  # noqa: E402
from distilbert.cli.main import main  # noqa: E402
from distilbert.distill import distill, facts, inputs, teacher_cache  # noqa: E402
from distilbert.distill.student_search import beside_teacher  # noqa: E402
from distilbert.distill.teacher import NativeTeacher  # noqa: E402
from distilbert.errors import CheckpointWarning, InputError  # noqa: E402
from distilbert.evaluation.evaluations import evaluate  # noqa: E402
from distilbert.folder.checkpoint import Head  # noqa: E402
from helpers.distillers import settings, teacher_of, text_file  # noqa: E402
from helpers.students import HEADS  # noqa: E402


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize("task", USUAL_LOSSES)
def test_every_task_is_distilled_and_saved(
    task: str, make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    changes: dict[str, Any] = {"cosine": 1.0, "hidden": 0.5, "attention": 0.5, "vocab_size": 800}
    if task != "question-answering":
        changes["unlabelled"] = [text_file(tmp_path, sentences[40:60], "more.txt")]
    done = distill(settings(task, teacher_of(task, make_checkpoint), tmp_path, sentences[:40], **changes), quiet=True)
    kept = json.loads((done.folder / "training.json").read_text())
    assert kept["losses"][-1][1] < kept["losses"][0][1]
    assert not (done.folder / "teacher_outputs").exists()
    assert not (done.folder / "checkpoints").exists()
    card = (done.folder / "README.md").read_text(encoding="utf-8")
    assert f"Distilled from `{tmp_path / f'teacher-{task}'}` with `distilbert distill " in card
    # the saved model on the CPU engine says the same as in training
    again = evaluate(done.folder, tmp_path / "eval.jsonl", task, resamples=10)
    for name, score in done.scores.items():
        assert again.scores[name].value == pytest.approx(score.value, abs=0.02), name
    # and Transformers reads it, with a vocabulary as large as its embeddings
    model, report = getattr(transformers, HEADS[task].value).from_pretrained(done.folder, output_loading_info=True)
    assert not any(report.values())
    assert model.config.vocab_size == len(transformers.AutoTokenizer.from_pretrained(done.folder)) <= 800


def test_a_student_comes_to_say_what_its_teacher_says(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    teacher = teacher_of("text-classification", make_checkpoint, dim=64, hidden_dim=128)
    sizes = {"layers": 1, "dim": 0, "heads": 0, "hidden_dim": 0}
    arguments = settings(
        "text-classification", teacher, tmp_path, sentences[:40], hard=0.0, epochs=20, eval=None, **sizes
    )
    done = distill(arguments, quiet=True)
    logits = (distilbert.load(folder).logits(sentences[:40]) for folder in (teacher, done.folder))
    told, printed = (chosen[:, 1] - chosen[:, 0] for chosen in logits)  # a softmax sees differences alone
    assert np.abs(told - printed).mean() < 0.4 * np.abs(told - told.mean()).mean()


def test_a_teacher_of_vectors_passes_on_its_similarities(
    folded_minilm: Path, tmp_path: Path, sentences: list[str]
) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    shape = {"layers": 1, "dim": 192, "heads": 6, "hidden_dim": 256, "vocab_size": 3000}
    arguments = settings("sentence-similarity", folded_minilm, tmp_path, sentences[:40], epochs=8, eval=None, **shape)
    done = distill(arguments, quiet=True)
    teacher, student = (distilbert.load(folder) for folder in (folded_minilm, done.folder))
    told, printed = teacher(sentences[:40]), student(sentences[:40])
    assert printed.shape == told.shape == (40, 384)
    assert (told * printed).sum(1).mean() > 0.8
    theirs = sentence_transformers.SentenceTransformer(str(done.folder), device="cpu").encode(sentences[:8])
    np.testing.assert_allclose(theirs, printed[:8], atol=1e-5)


def test_altered_text_and_text_without_labels_are_asked_about(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for task in ("text-classification", "token-classification"):
        teacher = teacher_of(task, make_checkpoint)
        more = text_file(tmp_path, ["All of it , at last.", "no-one"], "more.txt")
        arguments = settings(task, teacher, tmp_path, sentences[:10], out=task, unlabelled=[more], augment=2, epochs=1)
        done = distill(arguments)
        assert json.loads((done.folder / "training.json").read_text())["train_examples"] == 36
        assert "more.txt: 2 examples" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.*its vectors say little")
def test_the_second_step_begins_with_a_student(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    task = "question-answering"
    teacher = teacher_of(task, make_checkpoint)
    student = make_checkpoint(Head.NONE, name="student", dim=16, n_heads=2, hidden_dim=32, n_layers=1, seed=5)
    sizes = dict.fromkeys(("layers", "dim", "heads", "hidden_dim"), 0)
    arguments = settings(task, teacher, tmp_path, sentences[:10], student=student, learning_rate=1e-9, **sizes)
    done = distill(arguments, quiet=True)
    before = distilbert.load(student, "feature-extraction")
    with pytest.warns(CheckpointWarning, match="trained for question-answering"):
        after = distilbert.load(done.folder, "feature-extraction")
    np.testing.assert_allclose(after(sentences[:3]), before(sentences[:3]), atol=1e-5)
    with pytest.raises(InputError, match="give either a student or the shape of one"):
        settings(task, teacher, tmp_path, sentences[:10], student=student)


def test_the_same_whether_the_teacher_is_asked_once_or_always(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    teacher = teacher_of("text-classification", make_checkpoint)
    folders = []
    for live in (False, True):
        arguments = settings(
            "text-classification", teacher, tmp_path, sentences[:16], out=f"live-{live}", live=live, cosine=1.0
        )
        folders.append(distill(arguments, quiet=True).folder)
    kept, live = (distilbert.load(folder).logits(sentences[:16]) for folder in folders)
    np.testing.assert_allclose(kept, live, atol=0.05)  # the files are half precision


def test_lessons_are_kept_for_other_runs(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = teacher_of("text-classification", make_checkpoint)
    asked = []
    fill = teacher_cache.CachedOutputs.fill

    def counted(self: Any, *arguments: Any) -> None:
        asked.append(self.filled)
        fill(self, *arguments)

    monkeypatch.setattr(teacher_cache.CachedOutputs, "fill", counted)
    runs = [
        distill(
            settings(
                "text-classification", teacher, tmp_path, sentences[:16], out=f"run{n}", cache=tmp_path / "c", seed=n
            ),
            quiet=True,
        )
        for n in (1, 2)
    ]
    assert asked == [0, 16]
    assert weights(runs[0].folder) != weights(runs[1].folder)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("live", [False, True])
def test_the_teacher_computes_in_the_run_s_precision(
    precision: str,
    live: bool,
    make_checkpoint: Maker,
    tmp_path: Path,
    sentences: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    teacher = teacher_of("text-classification", make_checkpoint)
    found = set()
    compute = NativeTeacher.compute

    def watched(self: NativeTeacher, *arguments: Any) -> Any:
        found.add(torch.is_autocast_enabled("cpu"))
        return compute(self, *arguments)

    monkeypatch.setattr(NativeTeacher, "compute", watched)
    changes = {"eval": None, "live": live, "precision": precision}
    distill(settings("text-classification", teacher, tmp_path, sentences[:16], **changes), quiet=True)
    assert found == {precision == "bfloat16"}


@pytest.mark.parametrize("task", ["text-classification", "fill-mask"])
def test_a_run_that_breaks_off_ends_in_the_same_weights(
    task: str, make_checkpoint: Maker, tmp_path: Path, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = teacher_of(task, make_checkpoint)
    losses = {"cosine": 1.0, "save_steps": 1, "max_batch_tokens": 60}

    def arguments(out: str, **changes: Any) -> Any:
        return settings(task, teacher, tmp_path, sentences[:24], out=out, **losses | changes)

    monkeypatch.setattr(teacher_cache, "_BATCHES", 1)
    unbroken = distill(arguments("unbroken"), quiet=True)
    stops = 0
    writes = iter(range(1000))

    def breaking(move: Any) -> Any:
        def moved(self: Path, target: Path) -> Path:
            nonlocal stops
            if next(writes) % 3 == 2 and stops < 5:
                stops += 1
                raise KeyboardInterrupt
            return move(self, target)

        return moved

    monkeypatch.setattr(Path, "replace", breaking(Path.replace))  # notes of how far the teacher was asked, the model
    monkeypatch.setattr(Path, "rename", breaking(Path.rename))  # checkpoints
    done = None
    while done is None:
        try:
            done = distill(arguments("broken", resume=True), quiet=True)
        except KeyboardInterrupt:
            continue
    assert stops == 5
    assert weights(done.folder) == weights(unbroken.folder)


def test_the_command_makes_a_student(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = settings(
        "text-classification", teacher_of("text-classification", make_checkpoint), tmp_path, sentences[:20]
    )
    command = ["distill", "--teacher", chosen.teacher, "--task", chosen.task, "--train", chosen.train,
               "--eval", chosen.eval, "--out", chosen.out, "--layers", 1, "--dim", 16,
               "--vocab-size", 700, "--epochs", 1, "--device", "cpu", "--threads", 1, "--hidden", 0.5]  # fmt: skip
    assert main([str(part) for part in command]) == 0
    result = capsys.readouterr()
    printed = result.err
    assert re.search(r"student: 1 layer of 16 \(32 inside, 2 heads\), \d+ pieces, 0.00 M parameters", printed)
    assert "of the tokens are unknown to the student's vocabulary" in printed
    rows = [line.split() for line in result.out.splitlines()[-5:]]
    assert rows[0][:3] == ["precision", "accuracy", "of"]
    assert [row[:2] for row in rows[1:]] == [[n, p] for n in ("student", "teacher") for p in ("float32", "int8")]
    assert rows[3][5] == "100.0%"  # after the score and its interval: the teacher's of the teacher's
    assert float(rows[1][-1]) >= float(rows[2][-1])  # MB
    assert main([str(part) for part in command]) == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize("enough", [20, 21])
def test_too_few_texts_leave_the_vocabulary_as_it_is(
    make_checkpoint: Maker,
    tmp_path: Path,
    sentences: list[str],
    enough: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module in (inputs, facts):
        monkeypatch.setattr(module, "ENOUGH_TEXTS", enough)
    teacher = teacher_of("text-classification", make_checkpoint)
    chosen = settings("text-classification", teacher, tmp_path, sentences[:20], vocab_size="auto", max_steps=2)
    student = distilbert.load(distill(chosen).folder)
    few = enough > 20
    assert (student.tokenizer.vocab_size == distilbert.load(teacher).tokenizer.vocab_size) == few
    assert ("all pieces stay: --vocab-size auto needs 21 texts to choose by" in capsys.readouterr().err) == few


def test_a_share_of_the_examples_chooses_the_best_weights(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    chosen = settings(
        "text-classification", teacher_of("text-classification", make_checkpoint), tmp_path, sentences[:80], eval="0.2"
    )
    done = distill(chosen, quiet=True)
    kept = json.loads((done.folder / "training.json").read_text())
    assert kept["train_examples"] + kept["eval_examples"] == 80
    assert kept["eval_examples"] == pytest.approx(16, abs=2)
    student, _, teacher, _ = beside_teacher(chosen, done.folder)
    assert (student.metric, student.score) == ("accuracy", done.scores["accuracy"])
    assert teacher.score.value == pytest.approx(kept["teacher_score"]["accuracy"])
    teacher_folder = teacher_of("sentence-similarity", make_checkpoint)
    similar = settings("sentence-similarity", teacher_folder, tmp_path, sentences[:20], eval="0.2", out=tmp_path / "s")
    with pytest.raises(InputError, match="eval must be a file of pairs with scores"):
        distill(similar, quiet=True)


def test_what_is_wrong_is_found_before_anything_trains(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], vocab: Path
) -> None:
    task = "text-classification"
    teacher = teacher_of(task, make_checkpoint)
    out = tmp_path / "out"

    def refused(match: str, error: Any = InputError, task: str = task, **changes: Any) -> None:
        with pytest.raises(error, match=match):
            distill(settings(task, changes.pop("teacher", teacher), tmp_path, sentences[:10], **changes), quiet=True)
        assert not out.exists()

    refused("layers=3 is more than the teacher's 2", layers=3)
    refused("dim=64 is more than the teacher's 32", dim=64)
    refused("vocab_size=50 has no room for the .* special tokens and single characters", vocab_size=50)
    refused("max_length=129 is more than the 128 tokens", max_length=129)
    refused("every loss is 0", soft=0.0, hard=0.0)
    refused("soft must be a number of at least 0, or None, not -1", soft=-1)
    refused("temperature must be a number above 0, not 0", temperature=0)
    refused("task must be .*, not 'multiple-choice'", task="multiple-choice")
    refused("has no head for token-classification, and cannot teach it: train it first", task="token-classification")
    refused("no such file", unlabelled=[tmp_path / "none.txt"])
    bad = tmp_path / "bad.csv"
    bad.write_text("text,label\na,no\nb,perhaps\n")
    refused("bad.csv:3: label 'perhaps' is unknown; there are 'no', 'yes'", train=bad)
    other = make_checkpoint(Head.NONE, name="other", vocab_size=6001)
    (other / "vocab.txt").write_text(vocab.read_text(encoding="utf-8") + "qqq\n", encoding="utf-8")
    sizes = dict.fromkeys(("layers", "dim", "heads", "hidden_dim"), 0)
    refused("1 pieces of the student's vocabulary are not in the teacher's", student=other, cosine=1.0, **sizes)
