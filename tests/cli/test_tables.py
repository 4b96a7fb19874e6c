"""Commands on a column of a table: never its raw lines, and with the rest of each row."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

import distilbert
from conftest import Maker
from distilbert.cli.main import main
from distilbert.cli.reading import lines_of
from distilbert.folder.checkpoint import Head

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
    assert "r.csv:3: has 1 cell where the first line has 2" in capsys.readouterr().err


def test_lines_that_are_no_table_and_no_plain_texts(
    make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["classify", "-m", str(make_checkpoint(id2label=LABELS)), "--file"]
    assert main([*command, str(write(tmp_path / "r.csv", "a film that is good\na bad one\n"))]) == 1
    assert "or name it .txt, where each of its lines is a text" in capsys.readouterr().err
    assert main([*command, str(write(tmp_path / "e.csv", ""))]) == 1
    assert "e.csv: is empty; a table begins with the names of its columns" in capsys.readouterr().err
    assert main([*command, str(write(tmp_path / "r.txt", "__label__pos a good film\n"))]) == 1
    assert "has fastText's labels before its texts; cut them off" in capsys.readouterr().err
    assert main([*command, str(write(tmp_path / "n.csv", "Review Text (English)\ngood\n")), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == "good"


def test_columns_of_a_table_without_a_header(
    make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "r.tsv", "pos\ta good film\nneg\ta bad one\npos\tfine\nneg\tdull\n")
    command = ["classify", "-m", str(make_checkpoint(id2label=LABELS)), "--json", "--file", str(path)]
    for options in ([], ["--column", "2"]):
        assert main([*command, *options]) == 0
        out, err = capsys.readouterr()
        assert [json.loads(line)["text"] for line in out.splitlines()] == ["a good film", "a bad one", "fine", "dull"]
        assert "text from column '2', no header" in err


def test_blank_texts_are_no_examples_to_measure_on(tmp_path: Path) -> None:
    assert lines_of(write(tmp_path / "r.csv", "text,label\ngood,x\n,y\n  ,y\nbad,x\n")) == ["good", "bad"]
    assert lines_of(write(tmp_path / "r.txt", "good\n\n \nbad\n")) == ["good", "bad"]


def test_pairs_of_a_table(make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_checkpoint(id2label=LABELS)
    path = write(tmp_path / "p.csv", "premise,hypothesis\nIt rains.,It is wet.\n")
    assert main(["classify", "-m", str(folder), "--pairs", "--file", str(path), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["text"], row["pair"]) == ("It rains.", "It is wet.")
    path = write(tmp_path / "q.tsv", "index\tquestion\tsentence\n0\twho?\tAmy.\n")
    assert main(["classify", "-m", str(folder), "--pairs", "--file", str(path), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["text"], row["pair"], row["index"]) == ("who?", "Amy.", "0")


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


# --out ----------------------------------------------------------------------------------------------


def read_back(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".parquet":
        return pytest.importorskip("polars").read_parquet(path).to_dicts()
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if path.suffix == ".tsv" else ","))


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.jsonl", "out.parquet"])
def test_out_is_the_table_with_the_results(
    name: str, make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(make_checkpoint(id2label=LABELS))
    path = write(tmp_path / "r.csv", 'id,review,label\n7,"good,\nreally",pos\n8,bad,neg\n')
    command = ["classify", "-m", folder, "--file", str(path)]
    assert main([*command, "--json"]) == 0
    wanted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    if name.endswith(".parquet"):
        pytest.importorskip("polars")
    assert main([*command, "--out", str(tmp_path / name)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / name}: 2 rows\n"
    rows = read_back(tmp_path / name)
    assert list(rows[0]) == ["id", "label_input", "text", "label", "score", "tokens", "truncated"]
    if name.endswith((".csv", ".tsv")):
        wanted = [{key: json.dumps(v) if v is False else str(v) for key, v in row.items()} for row in wanted]
    assert rows == wanted


@pytest.mark.parametrize(
    ("command", "head", "changes", "result"),
    [
        (["ner"], Head.TOKEN_CLASSIFICATION, {}, "entities"),
        (["embed"], Head.NONE, {}, "embedding"),
        (["sparse"], Head.MASKED_LM, {}, "values"),
        (["answer", "where?"], Head.QUESTION_ANSWERING, {}, "start"),
        (["rerank", "a query"], Head.SEQUENCE_CLASSIFICATION, {"num_labels": 1}, "score"),
        (["classify", "--top-k", "0"], Head.SEQUENCE_CLASSIFICATION, {}, "labels"),
    ],
)
def test_every_command_on_texts_writes_out(
    command: list[str], head: Head, changes: dict[str, object], result: str, make_checkpoint: Maker, tmp_path: Path
) -> None:
    folder = str(make_checkpoint(head, **changes))
    path = write(tmp_path / "r.jsonl", '{"id": 1, "text": "a b"}\n{"id": 2, "text": "c", "more": [1]}\n')
    out = tmp_path / "out.jsonl"
    assert main([*command, "-m", folder, "--file", str(path), "--out", str(out)]) == 0
    rows = sorted(read_back(out), key=lambda row: int(str(row["id"])))
    assert [(row["id"], row["more"]) for row in rows] == [(1, None), (2, [1])]
    assert all(result in row for row in rows)


def test_pairs_and_choices_of_a_table_keep_their_rows(make_checkpoint: Maker, tmp_path: Path) -> None:
    folder, out = str(make_checkpoint(id2label=LABELS)), tmp_path / "out.jsonl"
    path = write(tmp_path / "p.csv", "id,premise,hypothesis\n5,It rains.,It is wet.\n")
    assert main(["classify", "-m", folder, "--pairs", "--file", str(path), "--out", str(out)]) == 0
    (row,) = read_back(out)
    assert (row["id"], row["text"], row["pair"]) == ("5", "It rains.", "It is wet.")
    folder = str(make_checkpoint(Head.MULTIPLE_CHOICE, name="mc"))
    for name, text in (
        ("c.csv", "id,question,choice_a,choice_b\n5,She,ran,tree\n"),
        ("c.tsv", "id\tquestion\tchoices\n5\tShe\t['ran', 'tree']\n"),
        ("c.jsonl", '{"id": "5", "prompt": "She", "choices": ["ran", "tree"]}\n'),
    ):
        path = write(tmp_path / name, text)
        assert main(["choose", "-m", folder, "--file", str(path), "--out", str(out)]) == 0
        (row,) = read_back(out)
        assert (row["id"], row["prompt"]) == ("5", "She")
        assert {each["label"] for each in row["labels"]} == {"ran", "tree"}  # type: ignore[attr-defined]


def test_an_out_that_cannot_be_is_refused_and_nothing_is_written(
    make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(make_checkpoint(id2label=LABELS))
    path = write(tmp_path / "r.csv", "text\na\n")
    command = ["classify", "-m", folder, "--file", str(path), "--out"]
    for name, message in (
        ("out.xlsx", "cannot tell its format"),
        ("r.csv", "is what is read; choose another name"),
        ("none/out.csv", "cannot be written"),
    ):
        assert main([*command, str(tmp_path / name)]) == 1
        assert message in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*command, "out.csv", "--json"])
    write(path, "text,label\na,x\nb\n")
    assert main([*command, str(tmp_path / "out.csv")]) == 1
    assert "r.csv:3: has 1 cell" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("out")] == []


def test_names_that_meet_those_of_results_stay_apart(make_checkpoint: Maker, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    path = write(tmp_path / "r.csv", "text,label,label_input,score\na,x,y,3\n")
    assert main(["classify", "-m", str(make_checkpoint()), "--file", str(path), "--out", str(out)]) == 0
    (row,) = read_back(out)
    assert (row["label_input_input"], row["label_input"], row["score_input"]) == ("x", "y", "3")
    assert row["label"] in ("LABEL_0", "LABEL_1")


def test_the_faults_of_a_file_are_a_line_each(
    make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "r.csv", "text,label\n,neg\na,\nb,pos\n")
    assert main(["evaluate", str(make_checkpoint(id2label=LABELS)), str(path)]) == 1
    head, *lines = capsys.readouterr().err.splitlines()
    assert head.endswith("2 rows cannot be used; mend them, or leave them out with --skip-bad, in Python skip_bad=True")
    assert lines == [f"  {path}:2: 'text' is empty", f"  {path}:3: the label ('label') is missing"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.xlsx", b"PK\3\4", "r.xlsx: is a workbook; save its sheet as CSV"),
        ("r.csv", b"PAR1", "r.csv: is a Parquet file; name it .parquet"),
        ("r.txt", b"%PDF-1.7", "r.txt: is a document, not a text"),
        ("r.txt.gz", gzip.compress(b"good film\n"), "r.txt.gz: is compressed; unpack it, or pipe it in: gzip -dc"),
    ],
    ids=["workbook", "parquet", "document", "gzip"],
)
def test_bytes_that_are_no_text_are_never_read_as_lines(
    name: str, content: bytes, message: str, make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    assert main(["classify", "-m", str(make_checkpoint(id2label=LABELS)), "--file", str(tmp_path / name)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
