"""int8 with a guarantee: what is chosen, what is written, and what is said where it cannot be."""

import json
import re
from pathlib import Path

import pytest

import distilbert
from conftest import Maker
from distilbert import InputError
from distilbert.cli import main
from distilbert.folder.checkpoint import Head, open_checkpoint
from distilbert.guarantee import LayerError, quantize_within
from distilbert.guarantee.mixtures import ladder


@pytest.fixture
def rows(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> tuple[Path, Path]:
    """A classifier, and examples of what it says."""
    model = make_checkpoint(dim=32, hidden_dim=64, n_heads=2)
    texts = (sentences * 2)[:200]
    labels = [found.label for found in distilbert.load(model)(texts)]
    data = tmp_path / "dev.jsonl"
    data.write_text("\n".join(json.dumps({"text": text, "label": label}) for text, label in zip(texts, labels)))
    return model, data


@pytest.mark.int8
def test_a_wide_bound_is_met_by_all_of_int8(rows: tuple[Path, Path], tmp_path: Path) -> None:
    done = quantize_within(rows[0], tmp_path / "out", rows[1], max_drop=30)
    assert done.chosen is not None
    assert done.chosen.float32 == ()
    assert (done.metric, done.examples, done.score) == ("accuracy", 200, 1.0)
    assert done.chosen.bound <= 0.3
    assert [len(rung.float32) for rung in done.rungs] == sorted((len(r.float32) for r in done.rungs), reverse=True)
    assert len(done.layers) == 1 + 4 * open_checkpoint(rows[0]).config.n_layers
    assert max(layer.error for layer in done.layers) > 0
    assert json.loads(json.dumps(done.to_dict()))["guaranteed"] is True
    assert str(done).endswith("guaranteed within 30 points")
    assert distilbert.load(tmp_path / "out")("a film").label


def test_too_few_rows_are_told_with_how_many_would_do(rows: tuple[Path, Path], tmp_path: Path) -> None:
    done = quantize_within(rows[0], tmp_path / "out", rows[1], max_drop=0.1)
    assert done.chosen is None
    assert not (tmp_path / "out").exists()
    assert "no guarantee" in str(done)
    if done.needed is not None:
        assert done.needed > 2000


def test_entities_that_nobody_has_guarantee_nothing(make_checkpoint: Maker, tmp_path: Path) -> None:
    model, data = make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label={"0": "O", "1": "B-A"}), tmp_path / "dev.conll"
    data.write_text("a O\nb O\n\nc O\n")
    with pytest.raises(InputError, match=r"dev.conll: float32's f1 is 0.0000 there: there is nothing to keep"):
        quantize_within(model, tmp_path / "out", data, max_drop=50)
    assert not (tmp_path / "out").exists()


def test_a_score_that_is_hardly_above_the_bound(rows: tuple[Path, Path], tmp_path: Path) -> None:
    model, data = rows
    given = [json.loads(line) for line in data.read_text().splitlines()]
    others = {given[0]["label"]: "LABEL_1", "LABEL_1": "LABEL_0", "LABEL_0": "LABEL_1"}
    wrong = [row if place % 2 else row | {"label": others[row["label"]]} for place, row in enumerate(given)]
    data.write_text("\n".join(map(json.dumps, wrong)))  # an accuracy of 0.5
    with pytest.raises(InputError, match=r"accuracy is 0.5000 there: there is nothing to keep within 60 points"):
        quantize_within(model, tmp_path / "none", data, max_drop=60)
    assert not (tmp_path / "none").exists()
    done = quantize_within(model, tmp_path / "out", data, max_drop=30)
    assert "guaranteed within 30 points of 50.00, which says little" in str(done)


@pytest.mark.parametrize("max_drop", [0, -1, 100, float("nan")])
def test_a_bound_that_is_none(rows: tuple[Path, Path], tmp_path: Path, max_drop: float) -> None:
    with pytest.raises(InputError, match="max_drop"):
        quantize_within(rows[0], tmp_path / "out", rows[1], max_drop=max_drop)


def test_the_command_and_its_report(
    rows: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    page = tmp_path / "report.html"
    command = ["quantize", str(rows[0]), str(tmp_path / "out"), "--data", str(rows[1]), "--report", str(page)]
    assert main([*command, "--max-drop", "30", "--columns", "text=text"]) == 0
    assert f"{tmp_path / 'out'}: all in int8, guaranteed within 30 points" in capsys.readouterr().out
    shown = re.sub("<[^>]*>", "", page.read_text(encoding="utf-8"))
    assert "all in int8, guaranteed within 30 points" in shown
    assert "--max-drop 30.0" in shown
    assert "--columns text=text" in shown  # what makes the report again
    assert "distilbert.transformer.layer.0.ffn.lin1" in shown
    assert main([*command[:2], str(tmp_path / "none"), *command[3:], "--max-drop", "0.01", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["guaranteed"] is False
    assert "nothing written" in page.read_text(encoding="utf-8")
    assert not (tmp_path / "none").exists()


def test_a_guarantee_needs_examples(
    rows: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["quantize", str(rows[0]), str(tmp_path / "out"), "--max-drop", "1"]) == 1
    assert "--max-drop needs examples: --data FILE" in capsys.readouterr().err
    command = ["quantize", str(rows[0]), str(tmp_path / "out"), "--data", str(rows[1])]
    assert main([*command, "--columns", "text=text", "--skip-bad"]) == 1
    assert "--columns, --skip-bad: for the examples of --max-drop" in capsys.readouterr().err


def test_what_costs_most_for_its_size_stays_in_float32_first() -> None:
    errors = [LayerError((), 0, 0.5)]
    errors += [LayerError((f"m{place}",), 100, error) for place, error in enumerate((0.1, 0.4, 0.2, 0.3))]
    errors += [LayerError((f"large{place}",), 400, 0.39) for place in range(4)]
    assert ladder(errors) == [
        (),
        ("m1", "m3"),
        ("m1", "m3", "m2", "m0"),
        ("m1", "m3", "m2", "m0", "large0", "large1", "large2", "large3"),
    ]
