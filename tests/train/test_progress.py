"""What is seen of a run: a bar where somebody looks, lines where a file does."""

import io

import pytest

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from rich.console import Console

from distilbert.train import progress
from distilbert.train.checkpoints import State


def test_a_file_gets_lines_at_evaluations_and_after_a_silence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with progress.RunProgress(0, 100, quiet=False) as progress_bar:
        state = State(step=10, tokens=5000, seconds=10.0, losses=[(10, 0.75)])
        progress_bar.step(10)
        progress_bar.logged(state)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(progress, "_SILENCE", -1.0)
        progress_bar.logged(state)
        assert capsys.readouterr().err == "step 10/100  loss 0.7500  500 tokens/s  1:30 left\n"
        progress_bar.scored(state, "accuracy 0.9000 (best)")
    assert capsys.readouterr().err == "step 10/100  loss 0.7500  accuracy 0.9000 (best)  500 tokens/s  1:30 left\n"


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(
        progress, "run_console", lambda **_: Console(file=screen, force_terminal=True, width=100, color_system=None)
    )
    with progress.RunProgress(0, 100, quiet=False) as progress_bar:
        progress_bar.step(100)
        progress_bar.logged(State(step=100, tokens=5000, seconds=10.0, losses=[(100, 0.75)]))
    assert "100/100 loss 0.7500  500 tokens/s  left" in screen.getvalue()


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.RunProgress(0, 100, quiet=True) as progress_bar:
        progress_bar.step(10)
        progress_bar.scored(State(step=10, tokens=1, seconds=1.0, losses=[(10, 0.5)]), "accuracy 1")
    assert capsys.readouterr().err == ""
