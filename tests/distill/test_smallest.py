"""The smallest student: which shapes go on, what is said of the one that is taken, and a search that can be killed."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

import distilbert
from conftest import Maker
from distilbert import DistilBertConfig
from distilbert.arguments import Shape
from distilbert.cli.distill_command import parse_share
from distilbert.cli.main import main
from distilbert.convert import quantize
from distilbert.distill import find_smallest, halving, smallest
from distilbert.distill.halving import Trial, survivors
from distilbert.distill.shapes import candidate_shapes, shape_name
from distilbert.distill.teacher_cache import CachedOutputs
from distilbert.errors import CheckpointError, InputError
from distilbert.evaluation.intervals import Share, share
from distilbert.train import finetune
from distilbert.train.checkpoints import State
from helpers.distillers import settings, teacher_of
from helpers.students import arguments as given
from helpers.students import data_file

FREE = dict.fromkeys(("layers", "dim", "heads", "hidden_dim"), 0) | {"epochs": 3.0}


def trial(name: str, weights: int, value: float, least: float) -> Trial:
    return Trial(Shape.parse(name), Path(name), weights, State(), Share(value, least, 100))


def test_the_best_third_goes_on_and_what_is_larger_than_one_that_keeps_the_share_is_out() -> None:
    trials = [trial("1x8", 1, 0.90, 0.88), trial("2x8", 2, 0.95, 0.93), trial("3x8", 3, 0.99, 0.975),
              trial("4x8", 4, 0.97, 0.95), trial("5x8", 5, 1.0, 0.98), trial("6x8", 6, 0.96, 0.94)]  # fmt: skip
    found = halving.smallest(trials, 0.97)
    assert found is trials[2]
    assert [shape_name(shape) for shape in survivors(trials, found, 3)] == ["2x8", "1x8"]
    assert [shape_name(shape) for shape in survivors(trials, None, 2)] == ["5x8", "3x8"]
    assert halving.smallest(trials, 0.99) is None
    assert survivors(trials[2:3], found, 1) == []


def test_shapes_follow_from_the_teachers() -> None:
    names = [shape_name(shape) for shape in candidate_shapes(DistilBertConfig(), "auto")]
    assert names == ["1x512x1024", "1x768x768", "1x768x1536", "2x512x1024", "2x768x768", "2x768x1536", "3x512x1024",
                     "3x768x768", "3x768x1536"]  # fmt: skip
    tiny = DistilBertConfig(n_layers=1, dim=8, n_heads=1, hidden_dim=2)
    assert all(shape.dim == 8 and shape.layers == 1 and shape.hidden_dim for shape in candidate_shapes(tiny, 0))


def test_a_share_is_paired_and_its_bound_is_one_sided() -> None:
    rng = np.random.default_rng(0)
    theirs = rng.random(400) < 0.9
    ours = theirs & (rng.random(400) < 0.97)

    def accuracy(right: np.ndarray) -> Any:
        return lambda counts: (counts * right).sum(-1) / counts.sum(-1)

    found = share(accuracy(theirs), accuracy(ours), 400)
    assert found.value == pytest.approx(ours.sum() / theirs.sum())
    lost = 1 - found.value  # of those that the teacher has right, a binomial share
    assert found.value - found.least == pytest.approx(1.645 * (lost * (1 - lost) / theirs.sum()) ** 0.5, rel=0.15)
    assert share(accuracy(theirs), accuracy(theirs), 400) == Share(1.0, 1.0, 400)


def test_what_is_said_of_a_share() -> None:
    assert smallest.verdict(Share(0.985, 0.972, 900), 0.97, "accuracy") == (
        "97.0% reached: 98.5% of the teacher's accuracy on 900 examples that decided nothing, with 95 % confidence at "
        "least 97.2%"
    )
    assert Share(0.98, 0.96, 100).examples_for(0.97) == 400
    assert "97.0% not certain: 98.0%" in (text := smallest.verdict(Share(0.98, 0.96, 100), 0.97, "f1"))
    assert text.endswith("at least 96.0%; about 400 examples like these would tell")
    assert "97.0% not reached: 96.0%" in smallest.verdict(Share(0.96, 0.95, 100), 0.97, "f1")


def test_shares_as_they_are_written() -> None:
    assert [parse_share(text) for text in ("97%", "97 %", "97", "0.97", "100%")] == [0.97, 0.97, 0.97, 0.97, 1.0]
    for text in ("", "x", "-1", "0", "101", "9 7"):
        with pytest.raises(InputError, match="--to takes a share of the teacher's score, like 97%"):
            parse_share(text)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Students of a few steps, however slow the machine is, and speeds of one turn."""
    monkeypatch.setattr(halving, "FEWEST_STEPS", 2)
    monkeypatch.setattr(halving, "_MOST_EPOCHS", 1.0)
    monkeypatch.setattr("distilbert.evaluation.turns._ROUNDS", 1)


@pytest.mark.parametrize("task", ["text-classification", "token-classification", "sentence-similarity"])
def test_a_student_is_found_and_written(
    task: str,
    make_checkpoint: Maker,
    tmp_path: Path,
    sentences: list[str],
    quick: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passes = []
    fill = CachedOutputs.fill

    def counted(self: CachedOutputs, *given: Any) -> None:
        passes.append(self.filled)
        fill(self, *given)

    monkeypatch.setattr(CachedOutputs, "fill", counted)
    teacher = teacher_of(task, make_checkpoint)
    if task == "token-classification":  # one of random weights finds no entity
        data = data_file(tmp_path, task, sentences[:48], "for-the-teacher")
        teacher = finetune(
            given(teacher, data, tmp_path / "teacher", task, epochs=12, learning_rate=3e-3, dropout=0.0)
        ).folder
    arguments = settings(task, teacher, tmp_path, sentences[:24], **FREE)
    found = find_smallest(arguments, 0.5, 5, [Shape(1, 16, hidden_dim=24), Shape(2, 32, hidden_dim=32)], quiet=True)
    assert sum(not filled for filled in passes) == 1  # the teacher runs once over the examples
    assert found.folder == tmp_path / "out"
    assert {each.name for each in found.tried} == {"1x16x24", "2x32x32", "teacher"}
    assert [each.precision for each in found.beside_teacher] == ["float32", "int8"] * 2
    assert 4 <= found.share.examples <= 6  # about half of the ten that eval has
    assert [each.folder for each in found.tried if each.best] == [str(tmp_path / "out")] * 2
    config = distilbert.load(found.folder, task if task != "sentence-similarity" else None).config
    assert f"{config.n_layers}x{config.dim}x{config.hidden_dim}" == found.shape
    assert not (tmp_path / "out.search").exists()
    page = (found.folder / "report.html").read_text()
    assert "Search for the smallest" in page
    assert page.count("<svg") >= 2
    made = json.loads((found.folder / "training.json").read_text())
    assert made["search"]["shape"] == found.shape
    assert made["steps"] == made["settings"]["max_steps"]
    assert "--to 0.5 --minutes 5" in made["command"]
    again = find_smallest(settings(task, teacher, tmp_path, sentences[:24], resume=True, **FREE), 0.5)
    assert again == found
    with pytest.raises(InputError, match=r"out: is done, and was not searched for 90.0%; choose another folder"):
        find_smallest(settings(task, teacher, tmp_path, sentences[:24], resume=True, **FREE), 0.9)


def test_a_search_that_was_killed_goes_on_where_it_was(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = "text-classification"
    teacher = teacher_of(task, make_checkpoint)
    shapes = [Shape(1, 16, hidden_dim=24), Shape(2, 16, hidden_dim=24)]
    begun: list[str] = []
    begin = halving.begin

    def killed(*given: Any) -> Any:
        begun.append(shape_name(given[1].shape))
        if len(begun) == 3:
            raise KeyboardInterrupt
        return begin(*given)

    monkeypatch.setattr(halving, "begin", killed)
    arguments = settings(task, teacher, tmp_path, sentences[:24], **FREE)
    with pytest.raises(KeyboardInterrupt):
        find_smallest(arguments, 0.5, 5, shapes, quiet=True)
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="a search that was not finished; resume"):
        find_smallest(arguments, 0.5, 5, shapes, quiet=True)
    other = settings(task, teacher, tmp_path, sentences[:24], resume=True, soft=2.0, **FREE)
    with pytest.raises(InputError, match="holds a search with another soft"):
        find_smallest(other, 0.5, 5, shapes, quiet=True)
    resumed = settings(task, teacher, tmp_path, sentences[:24], resume=True, **FREE)

    def full(*_: Any, **__: Any) -> None:
        raise shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'")] * 9)

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copytree", full)
        with pytest.raises(CheckpointError, match=r"out: the model cannot be written \(.* No space .*make room"):
            find_smallest(resumed, 0.5, 5, shapes, quiet=True)
    assert not (tmp_path / "out").exists()
    found = find_smallest(resumed, 0.5, 5, shapes, quiet=True)
    assert begun[2:5] == ["2x16x24", "1x16x24", "2x16x24"]  # the first one's training is there
    assert {each.name for each in found.tried} == {"1x16x24", "2x16x24", "teacher"}


def test_a_student_that_turns_out_slow_does_not_end_the_search(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([1e-6, 1e9])
    monkeypatch.setattr(halving, "step_seconds", lambda *_: next(seconds))
    task = "text-classification"
    arguments = settings(task, teacher_of(task, make_checkpoint), tmp_path, sentences[:24], **FREE)
    shapes = [Shape(1, 16, hidden_dim=24), Shape(2, 16, hidden_dim=24)]
    found = find_smallest(arguments, 0.5, 5, shapes, quiet=True)
    assert {each.name for each in found.tried} == {"1x16x24", "2x16x24", "teacher"}


@pytest.mark.parametrize("precisions", [["float32", "int8"], ["int8"]], ids=["float32", "int8"])
def test_the_command_says_what_was_tried_and_whether_it_holds(
    precisions: list[str],
    make_checkpoint: Maker,
    tmp_path: Path,
    sentences: list[str],
    quick: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    task = "text-classification"
    teacher = teacher_of(task, make_checkpoint)
    if precisions == ["int8"]:  # the folder of the teacher is
        quantize(teacher, tmp_path / "int8", data=sentences[:4])
        teacher = tmp_path / "int8"
    chosen = settings(task, teacher, tmp_path, sentences[:24])
    command = ["distill", "--teacher", chosen.teacher, "--task", task, "--train", chosen.train, "--eval", chosen.eval,
               "--test", chosen.eval, "--out", chosen.out, "--to", "100%", "--minutes", "5", "--search", "1x16",
               "--device", "cpu", "--threads", "1", "--batch-size", "8"]  # fmt: skip
    assert main([str(part) for part in command]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert " ".join(lines[0].split()) == "precision accuracy of the teacher's examples a second MB of weights"
    for table in lines[1 : 3 + len(precisions)], lines[-4 - len(precisions) : -2]:  # of all, and of the chosen one
        expected = [["1x16", "float32"], ["1x16", "int8"], *(["teacher", precision] for precision in precisions)]
        assert [line.split()[:2] for line in table] == expected
    assert "1x16 and its teacher, on 10 examples that decided nothing" in lines
    starts = ("the smallest that keeps", "the best; none keeps")
    assert any(f"* {start} 100.0% here with 95 % confidence" in lines for start in starts)
    assert lines[-1].startswith("1x16: 100.0% ")
    assert "10 examples for the choice of the student, 10 to certify it" in err
    assert "with fewer than 300 it is seldom certain" in err


def test_what_cannot_be_searched_is_said(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    def refused(message: str, task: str = "text-classification", to: float = 0.97, **changes: Any) -> None:
        arguments = settings(task, teacher_of(task, make_checkpoint), tmp_path, sentences[:24], **{**FREE, **changes})
        with pytest.raises(InputError, match=message):
            find_smallest(arguments, to, quiet=True)

    refused("not looked for in fill-mask", "fill-mask")
    refused("leave out epochs, max_steps, layers: a search for the smallest student", epochs=9, layers=2, max_steps=5)
    refused("needs eval, examples that the teacher did not learn from", eval=None)
    refused("to must be a share of the teacher's score, above 0 and at most 1, not 97", to=97)
    teacher = teacher_of("text-classification", make_checkpoint)
    predicted = [each.label for each in distilbert.load(teacher)(sentences[:8])]
    names = distilbert.load(teacher).config.labels
    for name, labels in (("right", predicted), ("wrong", [next(n for n in names if n != each) for each in predicted])):
        rows = [{"text": text, "label": label} for text, label in zip(sentences, labels)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    refused(
        r"accuracy is 0.0000 on .*wrong.jsonl: there is no share of it",
        eval=tmp_path / "right.jsonl", test=tmp_path / "wrong.jsonl", best_by="accuracy", out=tmp_path / "zero",
    )  # fmt: skip
    assert not list(tmp_path.glob("zero*"))
    arguments = settings("text-classification", teacher, tmp_path, sentences[:24], **FREE)
    with pytest.raises(InputError, match="minutes are too few: a step of a student of 1x16 takes"):
        find_smallest(arguments, 0.97, 1e-6, [Shape(1, 16)], quiet=True)
