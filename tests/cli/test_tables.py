"""Commands on a column of a table: never its raw lines, and with the rest of each row."""

import gzip
import json
from pathlib import Path

import pytest

import distilbert
from conftest import Maker
from distilbert.cli.main import main

LABELS = {"0": "neg", "1": "pos"}


def write(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.csv", 'id,review,label\n7,"good,\nreally",pos\n8,bad,neg\n'),
        ("r.csv.gz", 'id,review,label\n7,"good,\nreally",pos\n8,bad,neg\n'),
        ("r.tsv", 'id\treview\tlabel\n7\t"good,\nreally"\tpos\n8\tbad\tneg\n'),
        (
            "r.jsonl",
            '{"id": "7", "review": "good,\\nreally", "label": "pos"}\n{"id": "8", "review": "bad", "label": "neg"}\n',
        ),
        ("r.CSV", 'id;review;label\n7;"good,\nreally";pos\n8;bad;neg\n'),
    ],
)
def test_a_column_is_guessed_and_the_row_goes_along(
    name: str, text: str, make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, path = make_checkpoint(id2label=LABELS), write(tmp_path / name, text)
    assert main(["classify", "-m", str(folder), "--file", str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    assert "text from column 'review'" in err
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["text"] for row in rows] == ["good,\nreally", "bad"]
    assert [(row["id"], row["label_input"]) for row in rows] == [("7", "pos"), ("8", "neg")]
    assert [row["label"] for row in rows] == [
        found.label for found in distilbert.load(folder)(["good,\nreally", "bad"])
    ]


def test_columns_are_named_or_asked_for(
    make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_checkpoint(id2label=LABELS)
    path = write(tmp_path / "r.csv", "Verdict;Words \nx;good film\n")
    command = ["classify", "-m", str(folder), "--json", "--file", str(path)]
    assert main([*command, "--column", "words"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == "good film"
    assert main(command) == 1
    assert (
        "no column looks like 'text'; it has Verdict, Words ; say which it is: --column NAME" in capsys.readouterr().err
    )
    assert main([*command, "--column", "body"]) == 1
    assert "has no column 'body'; it has Verdict, Words" in capsys.readouterr().err
    lines = write(tmp_path / "lines.txt", "text,label\n")
    assert main(["classify", "-m", str(folder), "--file", str(lines), "--column", "text"]) == 1
    assert "--column is for a --file whose name ends in" in capsys.readouterr().err
    write(path, "text,label\na,x\nb\n")
    assert main(["classify", "-m", str(folder), "--file", str(path)]) == 1
    assert "r.csv:3: has 1 cells where the first line has 2" in capsys.readouterr().err


def test_pairs_of_a_table(make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_checkpoint(id2label=LABELS)
    path = write(tmp_path / "p.csv", "premise,hypothesis\nIt rains.,It is wet.\n")
    assert main(["classify", "-m", str(folder), "--pairs", "--file", str(path), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["text"], row["pair"]) == ("It rains.", "It is wet.")


def test_reranked_documents_of_a_table_keep_their_rows(
    make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_checkpoint(num_labels=1)
    path = write(tmp_path / "d.csv", "id,score,text\n7,5,a war film\n8,4,a love story\n9,3,dull\n")
    assert main(["rerank", "a love story", "-m", str(folder), "--file", str(path), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["text"]: (row["id"], row["score_input"], row["index"]) for row in rows} == {
        "a war film": ("7", "5", 0),
        "a love story": ("8", "4", 1),
        "dull": ("9", "3", 2),
    }


def test_one_string_of_labels_holds_several(make_checkpoint: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_checkpoint(id2label={"0": "contradiction", "1": "neutral", "2": "entailment"})
    printed = []
    for labels in (["good, bad"], ["good", "bad"]):
        assert main(["zero-shot", "a film", "-m", str(folder), "--json", "--labels", *labels]) == 0
        printed.append(json.loads(capsys.readouterr().out))
    assert printed[0] == printed[1]
    assert {each["label"] for each in printed[0]["labels"]} == {"good", "bad"}
