"""Several students under one budget: each has its share, and the frontier is what no other beats."""

import dataclasses
import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from rich.console import Console

from conftest import Maker
from distilbert.cli.main import main
from distilbert.convert import quantize
from distilbert.distill import Shape
from distilbert.distill import student_search as searching
from distilbert.distill.student_search import Candidate, frontier, search
from distilbert.errors import InputError
from distilbert.evaluation.intervals import Interval
from helpers.distillers import settings, teacher_of


def candidate(name: str, score: float, rate: float) -> Candidate:
    return Candidate(name, name, "int8", "accuracy", Interval(score, score, score), rate, 1.0)


def test_the_frontier_is_what_none_beats_in_score_and_speed() -> None:
    models = [candidate("a", 0.9, 1), candidate("b", 0.8, 5), candidate("c", 0.7, 3), candidate("d", 0.8, 9),
              candidate("e", 0.6, 10)]  # fmt: skip
    found = frontier(models)
    assert [chosen.name for chosen in found] == ["e", "d", "b", "c", "a"]
    assert [chosen.name for chosen in found if chosen.best] == ["e", "d", "a"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Students of a few steps, however slow the machine is, and speeds of one turn."""
    monkeypatch.setattr(searching, "FEWEST_STEPS", 1)
    monkeypatch.setattr(searching, "read_json", lambda _: {"steps": 12, "seconds": 1.0})  # of the trial run
    monkeypatch.setattr("distilbert.evaluation.turns._ROUNDS", 1)


def test_students_are_distilled_compared_and_drawn(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], quick: None
) -> None:
    teacher = teacher_of("text-classification", make_checkpoint)
    arguments = settings("text-classification", teacher, tmp_path, sentences[:40], **FREE)
    found = search(arguments, [Shape(1, 16), Shape(2, 16, hidden_dim=24)], 0.01, quiet=True)
    assert {chosen.name for chosen in found} == {"1x16", "2x16x24", "teacher"}
    assert {chosen.precision for chosen in found} == {"float32", "int8"}
    assert found[0].best
    for name in ("1x16", "2x16x24"):
        made = json.loads((tmp_path / "out" / name / "training.json").read_text())
        assert made["steps"] == made["settings"]["max_steps"] >= 1
        assert made["settings"]["layers"] == int(name[0])
    assert (tmp_path / "out" / "search.svg").read_text().count("<svg") == 1
    assert len(json.loads((tmp_path / "out" / "search.json").read_text())) == 6
    assert not (tmp_path / "out" / "teacher_outputs").exists()


FREE = dict.fromkeys(("layers", "dim", "heads", "hidden_dim"), 0) | {"epochs": 3.0}


def test_a_teacher_in_int8_is_compared_as_it_is(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], quick: None
) -> None:
    student = teacher_of("text-classification", make_checkpoint)
    quantize(student, tmp_path / "int8", data=sentences[:4])
    chosen = settings("text-classification", tmp_path / "int8", tmp_path, sentences[:20], best_by="f1_macro")
    found = searching.compared({"student": student}, chosen, Console(quiet=True))
    assert [(each.name, each.precision) for each in found] == [
        ("student", "float32"), ("student", "int8"), ("teacher", "int8")
    ]  # fmt: skip
    assert {each.metric for each in found} == {"f1_macro"}


def test_the_command_prints_a_table(
    make_checkpoint: Maker,
    tmp_path: Path,
    sentences: list[str],
    capsys: pytest.CaptureFixture[str],
    quick: None,
) -> None:
    chosen = settings(
        "text-classification", teacher_of("text-classification", make_checkpoint), tmp_path, sentences[:20]
    )
    command = ["distill", "--teacher", chosen.teacher, "--task", chosen.task, "--train", chosen.train,
               "--eval", chosen.eval, "--out", chosen.out, "--search", "1x16", "--minutes", "0.01", "--device", "cpu",
               "--threads", "1"]  # fmt: skip
    assert main([str(part) for part in command]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert " ".join(lines[0].split()) == "precision accuracy of the teacher's examples a second MB of weights"
    assert lines[-1] == "* no faster model scores as high"
    alone = [str(part) for part in command if part not in ("--search", "1x16")]
    assert main(alone) == 1
    assert "--minutes is the time of a search: give --to or --search" in capsys.readouterr().err


def test_what_cannot_be_searched_is_said(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    teacher = teacher_of("text-classification", make_checkpoint)
    chosen = settings("text-classification", teacher, tmp_path, sentences[:20], **FREE)
    with pytest.raises(InputError, match="needs shapes, each of them once"):
        search(chosen, [Shape(1, 16), Shape(1, 16)], 1)
    with pytest.raises(InputError, match="minutes must be above 0, not 0"):
        search(chosen, [Shape(1, 16)], 0)
    with pytest.raises(InputError, match="leave out epochs, layers: the shapes and minutes of a search say that"):
        search(dataclasses.replace(chosen, layers=2, epochs=9), [Shape(1, 16)], 1)
    with pytest.raises(InputError, match=r"0 seconds a student are enough for \d+ steps; give more minutes"):
        search(chosen, [Shape(1, 16)], 1e-4, quiet=True)
    for text in ("3", "axb", "3x", "3x0", "3x4x5x6"):
        with pytest.raises(InputError, match="a shape is LAYERSxDIM or LAYERSxDIMxHIDDEN"):
            Shape.parse(text)
    assert Shape.parse("3X384x512", 8000) == Shape(3, 384, 0, 512, 8000)
