"""`distilbert explain`: on a terminal, as a page, and as JSON."""

import json
import re
from pathlib import Path

import pytest

from conftest import Maker
from distilbert import load
from distilbert.cli import main
from distilbert.explain import explain
from distilbert.folder.checkpoint import Head

Printed = pytest.CaptureFixture[str]


def test_words_are_listed_the_strongest_first(make_checkpoint: Maker, capsys: Printed) -> None:
    folder = make_checkpoint()
    assert main(["explain", str(folder), "a good\x1b[31m film"]) == 0
    title, marked, *rows = capsys.readouterr().out.splitlines()
    expected = explain(load(folder), "a good\x1b[31m film")
    assert title == expected.title
    assert marked == "  a good�[31m film"
    values = [float(re.findall(r"[-+]\d\.\d+", row)[0]) for row in rows]
    assert values == [round(each, 4) for each in sorted((w.value for w in expected.words), key=abs, reverse=True)]


def test_one_page_and_json(make_checkpoint: Maker, tmp_path: Path, capsys: Printed) -> None:
    page = tmp_path / "why.html"
    folder = make_checkpoint(Head.QUESTION_ANSWERING)
    given = ["explain", str(folder), "who ?", "<b>a good film</b>", "--target", "good", "--html", str(page), "--json"]
    assert main(given) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["target"] == "good"
    assert found["texts"] == ["who ?", "<b>a good film</b>"]
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "<b>a" not in text
    assert "light dark" in text
    assert main([*given[:-2], str(tmp_path / "none" / "why.html")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.int8
def test_the_model_runs_as_it_is_told(make_checkpoint: Maker, capsys: Printed) -> None:
    folder = make_checkpoint()
    texts = ["explain", str(folder), "a good film"]
    for given, options in (([], {}), (["--precision", "int8", "--threads", "1"], {"precision": "int8", "threads": 1})):
        assert main([*texts, *given, "--json"]) == 0
        values = [word["value"] for word in json.loads(capsys.readouterr().out)["words"]]
        assert values == [word.value for word in explain(load(folder, **options), "a good film").words]
    assert main([*texts, "--threads", "0"]) == 1
    assert "threads must be" in capsys.readouterr().err


def test_attention_and_gradients(make_checkpoint: Maker, capsys: Printed) -> None:
    pytest.importorskip("torch")
    folder = str(make_checkpoint())
    assert main(["explain", folder, "a good film", "--method", "integrated-gradients", "--attention"]) == 0
    printed = capsys.readouterr().out
    assert "by integrated-gradients" in printed
    assert "not what drove the result" in printed
    assert re.search(r" 0\.\d{3}  good", printed)


def test_what_is_wrong_is_one_line(make_checkpoint: Maker, capsys: Printed) -> None:
    assert main(["explain", str(make_checkpoint()), "a film", "--target", "none"]) == 1
    assert "no label 'none'" in capsys.readouterr().err
