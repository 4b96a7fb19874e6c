"""Separated values as tools and people write them: what is made of a file is what its writer put in, or an error."""

import csv
import io
import itertools
import random
import re
from pathlib import Path

import pytest

from distilbert.data.dialect import Dialect, Stated
from distilbert.data.faults import Faults
from distilbert.data.reading import read_data
from distilbert.data.tables import Table, open_table
from distilbert.errors import InputError

KNOWN = {"text", "label", "id"}
SEPARATORS = [",", ";", "\t", "|"]
QUOTING = {
    "minimal": {"quoting": csv.QUOTE_MINIMAL},
    "all": {"quoting": csv.QUOTE_ALL},
    "texts": {"quoting": csv.QUOTE_NONNUMERIC},
    "single": {"quoting": csv.QUOTE_MINIMAL, "quotechar": "'"},
    "escaped": {"quoting": csv.QUOTE_MINIMAL, "escapechar": "\\", "doublequote": False},
    "never": {"quoting": csv.QUOTE_NONE, "escapechar": "\\"},
}
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"]
ENDS = ["\n", "\r\n", "\r"]
HEADERS = [["text", "label"], ["Text ", "LABEL", "note"], ["", "text", "label"]]
TEXTS = [
    "A charming, often affecting journey; really.",
    'He said "no" | and left',
    "It's the film's fault, isn't it?",
    "naïve café - “déjà vu”",
    "plain words",
    "a tab\there; and, more",
    'ends with a "mark"',
    "'tis nothing",
]


def made_rows(names: list[str], seed: int, line_break: str) -> list[list[str]]:
    rng = random.Random(seed)
    rows = []
    for number in range(12):
        text = TEXTS[number % len(TEXTS)] + f" {rng.randint(0, 99)}"
        if number % 5 == 0:
            text += f"{line_break}second line"
        values = {"text": text, "label": ("pos", "neg")[number % 2], "note": "n/a", "": str(number)}
        rows.append([values[name.strip().lower()] for name in names])
    return rows


def written(path: Path, rows: list[list[str]], encoding: str, **dialect: object) -> Path:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, **dialect).writerows(rows)  # type: ignore[arg-type]
    path.write_bytes(buffer.getvalue().encode(encoding))
    return path


def dialects() -> list[tuple[str, str, str, str, int]]:
    every = list(itertools.product(SEPARATORS, QUOTING, ENCODINGS, ENDS, range(len(HEADERS))))
    return random.Random(0).sample(every, 200)


def read(path: Path, **options: str) -> tuple[Table, list[list[str]]]:
    faults = Faults(str(path))
    table = open_table(path, faults, Stated(known=KNOWN, **options))  # type: ignore[arg-type]
    rows = [list(row.values.values()) for row in table.rows]
    faults.check(others=True)
    return table, rows


def test_two_hundred_dialects_are_read_as_they_were_written_or_refused(tmp_path: Path) -> None:
    right, refusals = 0, []
    for number, (separator, quoting, encoding, end, header) in enumerate(dialects()):
        names = HEADERS[header]
        rows = made_rows(names, number, " " if quoting == "never" else end)
        options = {"delimiter": separator, "lineterminator": end, **QUOTING[quoting]}
        path = written(tmp_path / ("t.tsv" if separator == "\t" else "t.csv"), [names, *rows], encoding, **options)
        try:
            _, found = read(path)
        except InputError as error:
            refusals.append(str(error))
            continue
        assert found == rows, (separator, quoting, encoding, end, names)
        right += 1
    assert right >= 190
    assert all(re.search("--(separator|encoding|quote)", refusal) for refusal in refusals)


def test_with_the_options_given_all_are_as_pythons_csv_reads_them(tmp_path: Path) -> None:
    for number, (separator, quoting, encoding, end, header) in enumerate(dialects()):
        names = HEADERS[header]
        options = {"delimiter": separator, "lineterminator": end, **QUOTING[quoting]}
        rows = made_rows(names, number, " " if quoting == "never" else end)
        path = written(tmp_path / "t.csv", [names, *rows], encoding, **options)
        quote = "'" if quoting == "single" else '"'
        _, found = read(path, separator=separator, quote=quote, encoding=encoding)
        with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
            _, *wanted = csv.reader(file, **options)  # type: ignore[arg-type]
        assert found == wanted == rows


@pytest.mark.parametrize(
    ("content", "dialect", "rows"),
    [
        (b"sep=;\ntext;label\na, b;x\n", Dialect(";"), [["a, b", "x"]]),
        (b"SEP=|\r\ntext|label\r\na; b, c|x\r\n", Dialect("|"), [["a; b, c", "x"]]),
        (b"text;label\nHallo, Welt;pos\nGut;neg\n", Dialect(";"), [["Hallo, Welt", "pos"], ["Gut", "neg"]]),
        (b'"text";"label"\n"Hallo, Welt";"pos"\n', Dialect(";"), [["Hallo, Welt", "pos"]]),
        (b"text:label\ngood:x\nbad:y\n", Dialect(":"), [["good", "x"], ["bad", "y"]]),
        (b"text^label\na, b; c^x\n", Dialect("^"), [["a, b; c", "x"]]),
        (b'text, label\n"a, b", "x"\n', Dialect(spaced=True), [["a, b", "x"]]),
        (b"text,label\n'a, b','x'\n'it''s','y'\n", Dialect(quote="'"), [["a, b", "x"], ["it's", "y"]]),
        (b'text,label\n"say \\"hi\\", you",x\n', Dialect(escape="\\"), [['say "hi", you', "x"]]),
        (b"text,label\nC:\\dir,x\n'tis so,y\n", Dialect(), [["C:\\dir", "x"], ["'tis so", "y"]]),
        (b"text\nHello, world\nplain; text\n", Dialect("\x1e"), [["Hello, world"], ["plain; text"]]),
        (b"text,label,\na,x,\n,,\n", Dialect(), [["a", "x", ""]]),
    ],
)
def test_what_people_and_tools_write(tmp_path: Path, content: bytes, dialect: Dialect, rows: list[list[str]]) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    table, found = read(path)
    assert (table.dialect, found) == (dialect, rows)


def test_marks_of_a_tsv_are_letters_unless_they_have_a_purpose(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text('text\tlabel\n"open quote\tx\n"Good film"\ty\n')
    assert read(path)[1] == [['"open quote', "x"], ['"Good film"', "y"]]
    path.write_text('text\tlabel\n"a ""b"" c"\tx\n"one\ttwo"\ty\nplain\ty\n')
    assert read(path)[1] == [['a "b" c', "x"], ["one\ttwo", "y"], ["plain", "y"]]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Łódź jest piękna, że aż miło", "cp1250"),
        ("Очень хороший фильм, смотреть всем, кто любит кино", "cp1251"),
        ("Πολύ καλή ταινία, την προτείνω σε όλους", "cp1253"),
        ("Bu film çok güzeldi, herkese öneririm, ağır değildi ışık hoştu", "cp1254"),  # noqa: RUF001
        ("とても良い映画でした", "shift_jis"),
        ("这部电影非常好看推荐给大家", "gb18030"),
        ("un café très réussi", "mac_roman"),
        ("un café très réussi", "cp850"),
    ],
)
def test_text_that_is_not_western_is_not_read_as_cp1252(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(f"text,label\nplain words,y\n{text.replace(',', '')},x\n".encode(encoding))
    with pytest.raises(InputError, match=r"t.csv:3: not UTF-8 text; say its encoding: --encoding NAME"):
        read(path)
    assert read(path, encoding=encoding)[1][1] == [text.replace(",", ""), "x"]


def test_what_cannot_be_told_names_the_option(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a;text,b\n1;good,2\n3;bad,4\n")
    with pytest.raises(InputError, match="commas or semicolons may separate its cells; say which: --separator"):
        read(path)
    path.write_text("text\na,x\nb,y\n")
    with pytest.raises(InputError, match="first line has 1 cell and the others 2"):
        read(path)
    path.write_bytes("text,label\ncafé,x\n".encode() + "café,y\n".encode("cp1252"))
    with pytest.raises(InputError, match=r"t.csv:3: not UTF-8"):
        read(path)
    for options in ({"separator": ";;"}, {"quote": "`"}, {"encoding": "klingon"}, {"encoding": "base64"}):
        with pytest.raises(InputError, match=f"{next(iter(options))} "):
            read(path, **options)


@pytest.mark.parametrize("tables", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_damaged_tables_end_in_an_error_with_its_line_or_as_csv_reads_them(tmp_path: Path, tables: int) -> None:
    rng = random.Random(1)
    names = ["text", "label"]
    read_count = 0
    for number in range(tables):
        separator, quoting = rng.choice(SEPARATORS), rng.choice(list(QUOTING))
        options = {"delimiter": separator, "lineterminator": "\n", **QUOTING[quoting]}
        rows = made_rows(names, number, " " if quoting == "never" else "\n")
        path = written(tmp_path / "t.csv", [names, *rows], "utf-8", **options)
        content = bytearray(path.read_bytes())
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(content))
            change = rng.choice(["cut", "drop", "double", "swap"])
            if change == "cut":
                del content[place:]
                content += b"x"
            elif change == "drop":
                del content[place]
            elif change == "double":
                content[place:place] = content[place : place + rng.randint(1, 9)]
            else:
                content[place] = rng.choice(b"\"',;\t|\\\n\r\x00\xff a")
        path.write_bytes(content)
        try:
            table, found = read(path)
        except InputError as error:
            message = str(error)
            fitting = re.search(r"t\.csv:\d+: |--(separator|encoding|quote) |is the first line a header", message)
            assert fitting, message
            continue
        read_count += 1
        assert table.dialect is not None
        with path.open(encoding=table.encoding, newline="") as file:
            _, *wanted = [row for row in table.dialect.reader(file) if any(cell.strip() for cell in row)]
        assert found == wanted
    assert read_count > 0.3 * tables


def test_what_was_found_out_is_told(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("text;label\nnaïve, really;x\nplain;y\n".encode("cp1252"))
    data = read_data(path, "text-classification")
    assert data.guessed.startswith("in cp1252, separated by semicolons; text from column 'text', label from")
