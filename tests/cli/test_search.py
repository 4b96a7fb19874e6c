"""`distilbert search`: texts of a file, found by meaning, with their rows."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Maker
from distilbert import load
from distilbert.cli import main
from distilbert.folder.checkpoint import Head
from distilbert.search import TextIndex

Printed = pytest.CaptureFixture[str]


def found(capsys: Printed, *arguments: str | Path) -> list[dict[str, Any]]:
    assert main(["search", *map(str, arguments), "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_lines_are_found_by_meaning(
    make_checkpoint: Maker, sentences: list[str], tmp_path: Path, capsys: Printed
) -> None:
    folder, file = make_checkpoint(Head.NONE), tmp_path / "texts.txt"
    file.write_text("\n".join(["", *sentences[:30]]), encoding="utf-8")
    expected = TextIndex(load(folder), sentences[:30]).search(sentences[40], 3)
    for form in ("float32", "int8", "binary"):
        rows = found(capsys, file, sentences[40], "-m", folder, "--top-k", "3", "--vectors", form)
        assert [row["rank"] for row in rows] == [1, 2, 3]
        assert {row["query"] for row in rows} == {sentences[40]}
        assert rows[0]["text"] == expected[0].text
        assert rows[0]["index"] == expected[0].index + 1  # behind the empty line
    assert main(["search", str(file), sentences[40], "two", "-m", str(folder), "--top-k", "2"]) == 0
    printed = capsys.readouterr()
    assert "texts.txt: a text a line; 30 texts" in printed.err
    query, first, *_ = printed.out.splitlines()
    assert query == sentences[40]
    assert first.split()[1] == "#1"
    assert first.endswith(expected[0].text)
    assert len(printed.out.splitlines()) == 6


def test_rows_of_a_table_go_along_and_queries_come_by_standard_input(
    make_checkpoint: Maker, tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, file = make_checkpoint(Head.NONE), tmp_path / "reviews.csv"
    file.write_text("id,review,score\n7,good actors,1\n8,,2\n9,too long,3\n")
    with (tmp_path / "queries").open("w+b") as queries:
        queries.write(b"too long\ngood actors\n")
        queries.seek(0)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(queries))
        rows = found(capsys, file, "-m", folder, "--top-k", "1")
    assert [(row["query"], row["id"], row["index"], row["score_input"]) for row in rows] == [
        ("too long", "9", 2, "3"),
        ("good actors", "7", 0, "1"),
    ]
    assert found(capsys, file, "7", "-m", folder, "--column", "id", "--top-k", "1")[0]["text"] == "7"


def test_vectors_are_kept_where_the_package_keeps_things(
    make_checkpoint: Maker, sentences: list[str], tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISTILBERT_CACHE", str(tmp_path / "cache"))
    folder, file = make_checkpoint(Head.NONE), tmp_path / "texts.txt"
    for texts in (sentences[:9], sentences[:9], sentences[3:12]):
        file.write_text("\n".join(texts), encoding="utf-8")
        assert found(capsys, file, texts[4], "-m", folder, "--top-k", "1")[0]["text"] == texts[4]
        assert len(list((tmp_path / "cache" / "vectors").glob("*/*"))) == 1
    found(capsys, file, texts[4], "-m", folder, "--keep", tmp_path / "here")
    assert len(list((tmp_path / "here").glob("*/vectors.npy"))) == 1


def test_other_models_join_in(make_checkpoint: Maker, sentences: list[str], tmp_path: Path, capsys: Printed) -> None:
    folder, file = make_checkpoint(Head.NONE), tmp_path / "texts.txt"
    sparse = make_checkpoint(Head.MASKED_LM, name="sparse")
    ranker = make_checkpoint(num_labels=1, name="ranker")
    file.write_text("\n".join(sentences[:30]), encoding="utf-8")
    rows = found(capsys, file, sentences[40], "-m", folder, "--sparse", sparse, "--reranker", ranker, "--top-k", "4")
    index = TextIndex(
        load(folder), sentences[:30], sparse=load(sparse, "sparse-encoding"), reranker=load(ranker, "text-ranking")
    )
    assert [row["text"] for row in rows] == [each.text for each in index.search(sentences[40], 4)]


@pytest.mark.parametrize(
    ("name", "content", "query", "options", "message"),
    [
        ("none.txt", None, "words", [], "none.txt: cannot be read"),
        ("none.csv", None, "words", [], "none.csv: no such file"),
        ("a.txt", "x\n", "words", ["--column", "text"], "--column is for a file whose name ends in"),
        ("a.csv", "id,review\n1,x\n", "words", ["--column", "words"], "has no column 'words'; it has id, review"),
        ("a.txt", "x\n", "words", ["--top-k", "0"], "--top-k must be a whole number of at least 1, not 0"),
        ("a.txt", "x\n", "", [], "query 0 is empty; give the words to search for"),
        ("a.txt", "x\n", " \t", [], "query 0 is empty; give the words to search for"),
    ],
)
def test_what_cannot_be_searched_is_one_line(
    name: str,
    content: str | None,
    query: str,
    options: list[str],
    message: str,
    make_checkpoint: Maker,
    tmp_path: Path,
    capsys: Printed,
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    command = ["search", str(tmp_path / name), query, "-m", str(make_checkpoint(Head.NONE)), *options]
    assert main(command) == 1
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_file_without_texts_gives_nothing(make_checkpoint: Maker, tmp_path: Path, capsys: Printed) -> None:
    (tmp_path / "a.txt").write_text("\n\n")
    assert found(capsys, tmp_path / "a.txt", "words", "-m", make_checkpoint(Head.NONE)) == []
