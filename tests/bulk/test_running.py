"""Every row once, in order, with all its cells, in every format; a run goes on where it was ended."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")

import pyarrow as pa
import pyarrow.parquet as pq

from distilbert import InputError, load
from distilbert.bulk import BulkSettings, running
from helpers.bulk import Runner


def labels(model: Path, texts: list[str | None]) -> list[tuple[str, float] | None]:
    found = iter(load(model)([text for text in texts if text is not None]))
    return [None if text is None else ((each := next(found)).label, each.score) for text in texts]


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*"))


def check(found: list[Any], expected: list[tuple[str, float] | None]) -> None:
    """Labels and scores, row by row; a score may differ in its last bits, since texts met others in their batches."""
    assert [label for label, _ in found] == [row and row[0] for row in expected]
    for (_, score), row in zip(found, expected, strict=True):
        assert score is row or score == pytest.approx(row and row[1], abs=1e-6)


class Later(Executor):
    """A cluster whose first worker comes after it was asked."""

    slots = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@pytest.mark.parametrize("quiet", [False, True])
def test_a_cluster_without_workers_is_told(
    quiet: bool, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.csv").write_text("text\na film\n")
    monkeypatch.setattr(running, "executor_of", lambda *_: Later())
    settings = BulkSettings(on="dask://here:1", threads=2)
    done = running.run(
        model, "text-classification", tmp_path / "in.csv", tmp_path / "out", settings=settings, quiet=quiet
    )
    assert (done.rows, done.finished) == (1, True)
    told = "dask://here:1: the cluster has no worker of 2 threads yet; waiting for one: start it, or press Ctrl-C\n"
    assert (told in capsys.readouterr().err) != quiet


def test_parquet_keeps_every_column_as_it_is(
    bulk: Runner, model: Path, table: Any, texts: list[str | None], tmp_path: Path
) -> None:
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=128)
    done = bulk(tmp_path / "in.parquet")
    out = tmp_path / "out"
    assert (done.rows, done.errors, done.finished, done.parts) == (400, 0, True, len(parts(out)))
    assert done.parts == 2 + 2 + 2 + 1
    written = pq.read_table(parts(out))
    assert written.select(table.schema.names).equals(table)
    assert written.select(table.schema.names).schema.equals(table.schema, check_metadata=False)
    assert written.schema.names[-4:] == ["label", "score", "truncated", "error"]
    assert written["error"].null_count == 400
    check(list(zip(written["label"].to_pylist(), written["score"].to_pylist(), strict=True)), labels(model, texts))
    stated = json.loads((out / "_done.json").read_text())
    tokenizer = load(model).tokenizer
    tokens = sum(len(tokenizer.encode(text)) for text in texts if text)
    assert (stated["rows"], stated["tokens"]) == (400, tokens)


CSV = (
    'id;text;empty;"odd ""name"""\r\n'
    '01;"a film; with\na line end";;1.50\r\n'
    '2;"24"" screen";"";"007"\r\n'
    "\r\n"
    '3;plain 24" screen;x;"say ""yes"""\r\n'
)
CELLS = [
    ["01", "a film; with\na line end", None, "1.50"],
    ["2", '24" screen', "", "007"],
    ["3", 'plain 24" screen', "x", 'say "yes"'],
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("zipped", [False, True])
def test_csv_cells_are_carried_as_they_stand(bulk: Runner, tmp_path: Path, encoding: str, zipped: bool) -> None:
    data = CSV.replace("yes", "déjà").encode(encoding)
    path = tmp_path / ("in.csv.gz" if zipped else "in.csv")
    path.write_bytes(gzip.compress(data) if zipped else data)
    stated = "cp1252" if encoding == "cp1252" else "utf-8"
    done = bulk(path, part_rows=1, encoding=stated, format="parquet")
    written = pq.read_table(parts(tmp_path / "out"))
    expected = [[cell and cell.replace("yes", "déjà") for cell in row] for row in CELLS]
    names = ["id", "text", "empty", 'odd "name"']
    assert written.select(names).to_pylist() == [dict(zip(names, row, strict=True)) for row in expected]
    assert done.rows == 3
    assert (done.parts > 1) is (not zipped and encoding != "utf-16")

    bulk(path, tmp_path / "again", part_rows=1, encoding=stated)
    rows: list[list[str]] = []
    for part in parts(tmp_path / "again"):
        head, *more = csv.reader(io.StringIO(part.read_text("utf-8"), newline=""), delimiter=";")
        assert head == [*names, "label", "score", "truncated", "error"]
        rows += more
    assert [row[:4] for row in rows] == [[cell or "" for cell in row] for row in expected]
    both = "".join(part.read_text("utf-8") for part in parts(tmp_path / "again"))
    assert '"";"007"' in both  # a text of no letters
    assert ';;"1.50"' in both  # nothing


def test_json_lines_are_kept_as_they_are_written(bulk: Runner, tmp_path: Path) -> None:
    lines = ['{"text": "a film", "n": 1.50, "big": 12345678901234567890}', '{"text":null}', "", '{"é":[1], "text":"b"}']
    (tmp_path / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    bulk(tmp_path / "in.jsonl", part_rows=1)
    written = "".join(part.read_text("utf-8") for part in parts(tmp_path / "out")).splitlines()
    assert [line[: len(text) - 1] for line, text in zip(written, filter(None, lines), strict=True)] == [
        text[:-1] for text in lines if text
    ]
    rows = [json.loads(line) for line in written]
    assert [row["label"] is None for row in rows] == [False, True, False]
    assert rows[2].keys() == {"é", "text", "label", "score", "truncated", "error"}


def test_json_lines_become_columns_of_types(bulk: Runner, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "a", "n": 1, "when": "2026-01-01"}\n{"text": "b", "s": {"x": [1]}}\n')
    bulk(tmp_path / "in.jsonl", format="parquet")
    found = pq.read_table(parts(tmp_path / "out"))
    assert found.select(["text", "n", "when", "s"]).to_pylist() == [
        {"text": "a", "n": 1, "when": "2026-01-01", "s": None},
        {"text": "b", "n": None, "when": None, "s": {"x": [1]}},
    ]


def test_plain_text_is_a_text_a_line(bulk: Runner, sentences: list[str], tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes("\r\n".join([*sentences, ""]).encode())
    done = bulk(tmp_path / "in.txt")
    rows = [json.loads(line) for part in parts(tmp_path / "out") for line in part.read_text("utf-8").splitlines()]
    assert [row["text"] for row in rows] == sentences
    assert done.parts > 2


def test_folders_globs_and_empty_files(bulk: Runner, table: Any, tmp_path: Path) -> None:
    few = table.select(["id", "text"])
    folder = tmp_path / "in" / "deeper"
    folder.mkdir(parents=True)
    pq.write_table(few.slice(0, 30), folder / "b.parquet")
    pq.write_table(few.slice(0, 0), folder / "c.parquet")
    pq.write_table(few.slice(30, 9), folder / "d.parquet")
    (folder / "_SUCCESS").touch()
    for number, given in enumerate([tmp_path / "in", f"{folder}/*.parquet"]):
        bulk(given, tmp_path / f"out{number}")
        written = pq.read_table(parts(tmp_path / f"out{number}"))
        assert written["id"].to_pylist() == list(range(39))
    bulk(folder / "c.parquet", tmp_path / "none")
    (only,) = parts(tmp_path / "none")
    assert (pq.read_table(only).num_rows, pq.read_schema(only).names[:3]) == (0, ["id", "text", "label"])


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_merge_joins_the_parts(bulk: Runner, table: Any, tmp_path: Path, form: str) -> None:
    pq.write_table(table, tmp_path / "in.parquet")
    bulk(tmp_path / "in.parquet", merge=str(tmp_path / f"all.{form}"), format=form)
    whole = tmp_path / f"all.{form}"
    if form == "parquet":
        assert pq.read_table(whole).equals(pq.read_table(parts(tmp_path / "out")))
        return
    with whole.open(newline="", encoding="utf-8") as file:
        rows: list[Any] = list(csv.DictReader(file)) if form == "csv" else [json.loads(line) for line in file]
    assert [int(row["id"]) for row in rows] == list(range(400))
    assert [row["large"] or None for row in rows] == table["large"].to_pylist()
    places = [row["place"] if form == "jsonl" else row["place"] and json.loads(row["place"]) for row in rows]
    assert [place or None for place in places] == table["place"].to_pylist()


def test_columns_to_keep_and_names_of_results(bulk: Runner, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("label,review,id\nold,a film,1\n")
    with pytest.raises(InputError, match=r"column 'label' already; say prefix \(--prefix\)"):
        bulk(tmp_path / "in.csv")
    bulk(tmp_path / "in.csv", tmp_path / "a", prefix="new_")
    assert (tmp_path / "a/part-000000.csv").read_text().startswith('"label","review","id","new_label","new_score"')
    bulk(tmp_path / "in.csv", tmp_path / "b", keep=["id"])
    assert (tmp_path / "b/part-000000.csv").read_text().startswith('"id","label","score","truncated","error"\n"1",')


# going on -------------------------------------------------------------------------------------------


def test_what_is_there_is_not_run_again(bulk: Runner, table: Any, tmp_path: Path) -> None:
    pq.write_table(table, tmp_path / "in.parquet")
    bulk(tmp_path / "in.parquet")
    before = {part.name: part.read_bytes() for part in parts(tmp_path / "out")}
    first, second, *_ = parts(tmp_path / "out")
    first.write_bytes(b"mine")
    second.unlink()
    (tmp_path / "out/.part-000003.parquet.0a1b2c3d").mkdir()  # of a killed worker
    (tmp_path / "out/.part-000003.parquet.0a1b2c3d/part-000003.parquet").touch()
    done = bulk(tmp_path / "in.parquet", part_rows=17)  # the plan is what it was
    assert first.read_bytes() == b"mine"
    first.write_bytes(before[first.name])
    assert {part.name: part.read_bytes() for part in parts(tmp_path / "out")} == before
    assert (done.rows, done.finished) == (400, True)
    assert [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")] == []


def test_another_job_and_a_changed_input_are_refused(bulk: Runner, table: Any, tmp_path: Path, model: Path) -> None:
    pq.write_table(table, tmp_path / "in.parquet")
    bulk(tmp_path / "in.parquet")
    with pytest.raises(InputError, match="belongs to another job, whose options"):
        bulk(tmp_path / "in.parquet", options={"top_k": "2"})
    with pytest.raises(InputError, match="belongs to another job, whose errors"):
        bulk(tmp_path / "in.parquet", errors="stop")
    pq.write_table(table.slice(1), tmp_path / "in.parquet")
    with pytest.raises(InputError, match=r"in\.parquet: has changed since the plan"):
        bulk(tmp_path / "in.parquet")
    (tmp_path / "out/_plan.json").write_text("{")
    with pytest.raises(InputError, match=r"_plan\.json: is damaged"):
        bulk(tmp_path / "in.parquet")


def test_shares_make_the_whole(bulk: Runner, table: Any, tmp_path: Path) -> None:
    pq.write_table(table, tmp_path / "in.parquet")
    bulk(tmp_path / "in.parquet", tmp_path / "whole")
    finished = [bulk(tmp_path / "in.parquet", share=f"{index}/3").finished for index in (1, 2, 3)]
    assert finished == [False, False, True]
    assert [part.read_bytes() for part in parts(tmp_path / "out")] == [
        part.read_bytes() for part in parts(tmp_path / "whole")
    ]


def test_a_dry_run_writes_nothing(bulk: Runner, table: Any, tmp_path: Path) -> None:
    pq.write_table(table, tmp_path / "in.parquet")
    done = bulk(tmp_path / "in.parquet", dry_run=True)
    assert (done.parts, done.finished, (tmp_path / "out").exists()) == (5, False, False)


def test_parts_are_measured_where_nothing_is_said(bulk: Runner, table: Any, tmp_path: Path) -> None:
    pq.write_table(pa.concat_tables([table] * 10), tmp_path / "in.parquet")
    few = bulk(tmp_path / "in.parquet", dry_run=True, part_rows=None, part_seconds=1000).parts
    many = bulk(tmp_path / "in.parquet", dry_run=True, part_rows=None, part_seconds=0.001).parts
    assert few <= 4, "for one worker"
    assert many > 20


# what goes wrong ------------------------------------------------------------------------------------


def test_a_row_that_fails_says_why(bulk: Runner, tmp_path: Path, sentences: list[str]) -> None:
    texts = [*sentences[:50], "word " * 300, *sentences[50:80], "word " * 200]
    pq.write_table(pa.table({"text": texts}), tmp_path / "in.parquet")
    done = bulk(tmp_path / "in.parquet", options={"long_text": "error"})
    assert (done.rows, done.errors) == (82, 2)
    rows = pq.read_table(parts(tmp_path / "out")).to_pylist()
    assert [number for number, row in enumerate(rows) if row["error"]] == [50, 81]
    assert rows[50]["label"] is None
    assert "128" in rows[50]["error"]
    assert rows[50]["error"].startswith("the text ")
    with pytest.raises(InputError, match="128"):
        bulk(tmp_path / "in.parquet", tmp_path / "stops", options={"long_text": "error"}, errors="stop")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("in.xlsx", b"PK", "cannot tell its format"),
        ("in.csv", b"", "is empty"),
        ("in.csv", b"id,n\n1,2\n", "which column has the texts"),
        ("in.csv", b"text,text\n1,2\n", "two columns have one name"),
        ("in.csv", b"text,n\na film,1\nb\n", "not valid CSV"),
        ("in.csv", b"text,n\na film,\xff\n", "not utf-8 text"),
        ("in.jsonl", b'{"text": "a"}\n{"text": \n', "not JSON lines"),
        ("in.jsonl", b"[1]\n", "must be a JSON object"),
        ("in.parquet", b"PAR1 or not", "not a Parquet file"),
        ("in.txt.gz", b"no gzip", "not a whole gzip file"),
    ],
)
def test_what_cannot_be_read_is_one_line(bulk: Runner, tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=message) as raised:
        bulk(tmp_path / name)
    assert "\n" not in str(raised.value)


def test_other_files_must_be_like_the_first(bulk: Runner, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,n\na,1\n")
    (tmp_path / "b.csv").write_text("n,text\n1,a\n")
    with pytest.raises(InputError, match=r"b\.csv: its columns are not those of the first file: n, text"):
        bulk(tmp_path / "*.csv")
    (tmp_path / "c.jsonl").write_text("{}")
    with pytest.raises(InputError, match="has neighbours of other formats"):
        bulk(tmp_path / "*")
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["a"], "n": [1]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet: its columns are not those of the first file: pyarrow.*n"):
        bulk(tmp_path / "*.parquet", tmp_path / "tables")
    with pytest.raises(InputError, match="no such file"):
        bulk(tmp_path / "nothing")
    pq.write_table(pa.table({"text": [1]}), tmp_path / "n.parquet")
    with pytest.raises(InputError, match="'text' must be text, not int64"):
        bulk(tmp_path / "n.parquet", tmp_path / "numbers")


@pytest.mark.parametrize("share", ["0/3", "4/3", "x", "1/", "-1/2"])
def test_shares_that_cannot_be(share: str) -> None:
    with pytest.raises(InputError, match="share must be I/N"):
        BulkSettings(share=share)
