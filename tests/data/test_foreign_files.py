"""What people give in place of a table: refused with what it is and the next step, never read as one."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from distilbert.data.reading import read_data
from distilbert.errors import InputError
from helpers.tables import read, write

TABLE = b"text,label\na,x\nb,y\n"
ROWS = [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]


def archive(*, tar: bool) -> bytes:
    buffer = io.BytesIO()
    if tar:
        with tarfile.open(fileobj=buffer, mode="w") as packed:
            member = tarfile.TarInfo("a.csv")
            member.size = len(TABLE)
            packed.addfile(member, io.BytesIO(TABLE))
    else:
        with zipfile.ZipFile(buffer, "w") as zipped:
            zipped.writestr("a.csv", TABLE)
    return buffer.getvalue()


def database() -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table reviews (text, label)")
    return connection.serialize() if hasattr(connection, "serialize") else b"SQLite format 3\0"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", archive(tar=False), "is a workbook or an archive, whatever its name; save the sheet as CSV"),
        ("a.csv.zip", archive(tar=False), "is an archive; unpack it"),
        ("a.tar.gz", gzip.compress(archive(tar=True)), "is an archive; unpack it"),
        ("a.csv.gz", gzip.compress(archive(tar=True)), "is an archive; unpack it"),
        ("a.csv.gz", gzip.compress(gzip.compress(TABLE)), "is compressed twice by gzip; unpack it once"),
        ("a.csv.gz", TABLE, "is not compressed by gzip; name it without .gz"),
        ("a.csv.gz", gzip.compress(TABLE * 1000)[:-20], "not a whole gzip file"),
        ("a.csv", gzip.compress(TABLE), r"is compressed by gzip; name it so, with \.gz"),
        ("a.csv", bz2.compress(TABLE), "is compressed by bzip2; unpack it first: bunzip2"),
        ("a.csv.bz2", bz2.compress(TABLE), "is compressed by another program than gzip; unpack it first"),
        ("a.jsonl", lzma.compress(TABLE), "is compressed by xz; unpack it first"),
        ("a.csv.zst", b"\x28\xb5\x2f\xfd\x04", "is compressed by another program than gzip"),
        ("a.tsv", b"\x28\xb5\x2f\xfd\x04", "is compressed by Zstandard; unpack it first: zstd -d"),
        ("a.xlsx", archive(tar=False), "is a workbook; save its sheet as CSV, in UTF-8"),
        ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is a workbook; save its sheet as CSV"),
        ("a.csv", b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n", "is a document, not a text"),
        ("a.csv", b"{\\rtf1\\ansi text,label}", "is a document, not a text"),
        ("a.pkl", pickle.dumps(ROWS), "is a pickle, which is never run; in Python give the DataFrame itself"),
        ("a.csv", pickle.dumps(ROWS), "is a pickle, which is never run"),
        ("a.csv", database(), "is a database; export the table as CSV"),
        ("a.feather", b"ARROW1\0\0", r"is an Arrow file; write it as Parquet: polars\.read_ipc"),
        ("a.csv", b"PAR1\0\0", r"is a Parquet file; name it \.parquet"),
        ("a.jsonl", b"PAR1\0\0", r"is a Parquet file; name it \.parquet"),
        ("a.csv", b"<!DOCTYPE html>\n<html></html>\n", "is an HTML page, not the file itself"),
        ("a.csv", b"<table border=1><tr><td>text</td></tr></table>", "is an HTML table; open it"),
        ("a.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a git-lfs pointer"),
        ("a.csv", b"INSERT INTO t (text,label) VALUES ('a','x'),('b','y');\n", "is SQL, not a table; export the table"),
        ("a.csv", b"-- MySQL dump 10.13\nCREATE TABLE t (text TEXT);\n", "is SQL, not a table"),
        ("a.csv", b"| text | label |\n|------|-------|\n| a | x |\n| b | y |\n", "is a table as it is printed"),
        ("a.csv", b" text | label \n------+-------\n a    | x\n b    | y\n(2 rows)\n", "is a table as it is printed"),
        ("a.csv", b"+------+-------+\n| text | label |\n+------+-------+\n", "is a table as it is printed"),
        ("a.csv", "\n".join(map(json.dumps, ROWS)).encode(), r"is JSON; name it \.jsonl"),
        ("a.csv", json.dumps(ROWS).encode(), r"is JSON; name it \.json"),
        ("a.jsonl", TABLE, r"a\.jsonl:1: is no JSON; where its cells are separated, name it \.csv or \.tsv"),
        ("a.json", TABLE, "is no JSON; where its cells are separated"),
        ("a.jsonl", b"{'text': 'a'}\n{'text': 'b'}\n", "is a text of Python's dictionaries, not JSON; write them with"),
        ("a.json", b'{"train": [["a", "x"]], "val": [["b", "y"]]}', r"has several tables \(train, val\); give each"),
        ("a.csv", b"Reviews of 2024\ntext,label\na,x\nb,y\n", "Take out what is before the header, such as a title"),
        ("a.csv", b"# exported\ntext,label\na,x\nb,y\n", "Take out what is before the header"),
        ("a.csv", b"text,label\n", "has no examples; its first line, its only one, is the header"),
        ("a.csv", b'text,label\na,x\n"b,y\n', r":3: not valid CSV \(a quotation mark opens a cell and none closes"),
        ("a.txt", TABLE, r"cannot tell its format; name it \.csv"),
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else None,  # some have the time in them
)  # fmt: skip
def test_what_stands_in_place_of_a_table(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, name, content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("task", ["token-classification", "question-answering", "fill-mask"])
@pytest.mark.parametrize("name", ["a.ann", "a.docx", "a.txt"])
def test_no_task_reads_bytes_as_words(tmp_path: Path, task: str, name: str) -> None:
    content = b"T1\tORG 0 2\tEU\n" if name == "a.ann" else archive(tar=False)
    what = "brat's annotations" if name == "a.ann" else "document" if name == "a.docx" else "a workbook or an archive"
    with pytest.raises(InputError, match=what):
        read(tmp_path, name, content, task)
    webanno = b"#FORMAT=WebAnno TSV 3.3\n#T_SP=webanno.custom.NamedEntity|value\n\n1-1\t0-2\tEU\tORG\n"
    with pytest.raises(InputError, match="a file of WebAnno or INCEpTION; export it as CoNLL 2002"):
        read(tmp_path, "w.tsv", webanno, task)


@pytest.mark.parametrize(
    "content",
    [TABLE + bytes(500), TABLE + b"\x1a", b"\xef\xbb\xbf\xef\xbb\xbf" + TABLE, b"\n\n" + TABLE,
     TABLE.replace(b",", b"\x01"), b'"text" "label"\n"1" "a" "x"\n"2" "b" "y"\n', b"text;label\na;x;\nb;y;\n"],
    ids=["zeros-behind", "DOS-end", "two-marks", "blank-lines", "Hive", "R-write.table", "separators-behind"],
)  # fmt: skip
def test_what_a_table_may_have_around_its_cells(tmp_path: Path, content: bytes) -> None:
    data = read(tmp_path, "a.csv", content)
    assert [(example.text, example.label) for example in data.examples] == [("a", "x"), ("b", "y")]


def test_many_columns_are_told_in_a_line(tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(1000)]
    text = ",".join(["text", *names]) + "\n" + "".join(",".join(["a", *[flag] * 1000]) + "\n" for flag in "01")
    data = read(tmp_path, "a.csv", text)
    assert data.examples[1].label == tuple(names)
    assert "label from 1,000 columns (f0, f1, f2 and 997 more)" in data.guessed
    with pytest.raises(InputError, match=r"no column looks like 'label' among 'text', .*'f10' and 989 more; say") as e:
        read(tmp_path, "a.csv", text.replace(",1", ",q"))
    assert len(str(e.value)) < 500


def test_a_damaged_cell_does_not_hide_the_rest(tmp_path: Path) -> None:
    data: Any = read(tmp_path, "a.csv", "text,label\na\0b,x\nc,y\n")
    assert [example.text for example in data.examples] == ["a\0b", "c"]
    long = write(tmp_path, "b.csv", 'text,label\n"' + "word " * 300_000 + '",x\nc,y\n')
    assert len(read_data(long, "text-classification").examples[0].text) == 1_500_000
    huge = write(tmp_path, "b.csv", 'text,label\n"' + "word " * 3_400_000 + '",x\nc,y\n')
    with pytest.raises(
        InputError, match=r"b\.csv:2: 'text' has 17,000,000 characters, more than 16,777,216; is a quot"
    ):
        read_data(huge, "text-classification")
    assert len(read_data(huge, "text-classification", skip_bad=True).examples) == 1
