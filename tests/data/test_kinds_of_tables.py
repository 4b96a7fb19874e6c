"""Numbers, labels and columns as further programs, languages and people write them: read as meant, or refused."""

from pathlib import Path

import pytest

from distilbert.data.examples import SentencePair
from distilbert.data.reading import read_data
from distilbert.data.summary import summary
from distilbert.errors import InputError
from helpers.tables import json_lines, labels_of, read, write

CLASSES, PAIRS = "text-classification", "sentence-similarity"


def column(values: list[str], name: str = "label") -> str:
    """A table of texts with these labels, each in quotation marks."""
    return f"text,{name}\n" + "".join(f't{number},"{value}"\n' for number, value in enumerate(values))


# numbers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["50%", "25.5 %", "75%"], [0.5, 0.255, 0.75]),
        (["$1.50", "-$2.25", "$1,500.50"], [1.5, -2.25, 1500.5]),
        (["1,50 €", "2,25 €", "1.000,75\N{NO-BREAK SPACE}€"], [1.5, 2.25, 1000.75]),
        (["(1.5)", "2.5", "0.5"], [-1.5, 2.5, 0.5]),
        (["\N{MINUS SIGN}1.5", "2.5", "0.5"], [-1.5, 2.5, 0.5]),
        (["1\N{NARROW NO-BREAK SPACE}500,5", "2,5", "0,5"], [1500.5, 2.5, 0.5]),
        (["1'500.5", "2.5", "0.5"], [1500.5, 2.5, 0.5]),
    ],
    ids=["percent", "dollar", "euro", "bookkeeping", "minus", "French", "Swiss"],
)
def test_numbers_as_spreadsheets_show_them(tmp_path: Path, values: list[str], numbers: list[float]) -> None:
    data = read(tmp_path, "a.csv", column(values))
    assert (data.problem, labels_of(data)) == ("regression", numbers)


def test_percents_are_told_and_thousands_asked_for(tmp_path: Path) -> None:
    percents = column(["10%", "20%"])
    assert "percents taken for parts of 1; if they are classes, --problem single-label" in (
        read(tmp_path, "a.csv", percents).guessed
    )
    assert labels_of(read(tmp_path, "a.csv", percents, problem="single-label")) == ["10%", "20%"]
    with pytest.raises(InputError, match=r"a\.csv:2: the label '1,500' may be 1500 or 1\.500; write it so"):
        read(tmp_path, "a.csv", column(["1,500", "900", "12,000"]))
    with pytest.raises(InputError, match=r"a\.csv:2: 'score' must be a number, not '1,500', which may be two"):
        read(tmp_path, "a.csv", 'sentence1,sentence2,score\na,b,"1,500"\n', PAIRS)


def test_large_numbers_of_r_and_excel_are_the_labels_that_they_were(tmp_path: Path) -> None:
    assert labels_of(read(tmp_path, "a.csv", column(["1e+05", "99999", "1.23E+05", "1e5"]))) == [
        "100000",
        "99999",
        "123000",
        "1e5",
    ]


# yes and no, and labels of 0 and 1 -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("yes", "no"),
    [("да", "нет"), ("sí", "no"), ("VERO", "FALSO"), ("WAAR", "ONWAAR"), ("PRAWDA", "FAŁSZ"), ("on", "off"),
     ("EVET", "HAYIR"), ("是", "否"), ("はい", "いいえ"), ("✓", ""), ("☑", "☐"), ("1", ""), ("TRUE", ""),
     ("1.0", "nan")],
)  # fmt: skip
def test_yes_and_no_in_a_column_a_label(tmp_path: Path, yes: str, no: str) -> None:
    text = f"text;toxic;rude\na;{yes};{no}\nb;{no};{yes}\nc;{yes};{yes}\n"
    data = read(tmp_path, "a.csv", text)
    assert (data.labels, labels_of(data)) == (("toxic", "rude"), [("toxic",), ("rude",), ("toxic", "rude")])


@pytest.mark.parametrize("other", ["nan", "-1", ""])
def test_a_cell_that_says_neither_is_named(tmp_path: Path, other: str) -> None:
    text = f"text,toxic,rude\na,0,1\nb,1,{other}\nc,0,0\n"
    with pytest.raises(InputError, match=rf"a\.csv:3: 'rude' must be 0 or 1, not '{other}'"):
        read(tmp_path, "a.csv", text)
    assert labels_of(read(tmp_path, "a.csv", text, skip_bad=True)) == [("rude",), ()]


def test_keys_that_only_some_objects_have(tmp_path: Path) -> None:
    rows = [{"text": "a", "toxic": 1}, {"text": "b", "rude": 1}, {"text": "c", "toxic": 1, "rude": 1}]
    assert labels_of(read_data(json_lines(tmp_path, rows), CLASSES)) == [("toxic",), ("rude",), ("toxic", "rude")]


def test_digits_without_anything_between_are_vectors(tmp_path: Path) -> None:
    data = read(tmp_path, "a.csv", "text,labels\na,010\nb,110\nc,000\n")
    assert (data.labels, labels_of(data)) == (("0", "1", "2"), [("1",), ("0", "1"), ()])
    assert "labels as 0 and 1 in their order" in data.guessed
    for values in (["007", "012"], ["01", "02", "10"], ["00", "01"], ["10", "11", "100"], ["110", "101"]):
        assert labels_of(read(tmp_path, "a.csv", column(values))) == values


def test_vectors_beside_a_row_that_says_nothing(tmp_path: Path) -> None:
    data = read(tmp_path, "a.csv", 'text,labels\na,"[0, 1, 0]"\nb,\nc,"[1, 1, 0]"\n')
    assert (data.labels, labels_of(data)) == (("0", "1", "2"), [("1",), (), ("0", "1")])


def test_labels_named_y_and_n_are_no_vectors(tmp_path: Path) -> None:
    rows = [{"text": "a", "labels": ["x", "y"]}, {"text": "b", "labels": ["y", "n"]}]
    assert labels_of(read_data(json_lines(tmp_path, rows), CLASSES)) == [("x", "y"), ("y", "n")]


# names of columns, and of labels -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "Review Text,LABEL",
        "text (English),label (0/1)",
        '"review\ntext","Gold-Label"',
        '"\ufefftext",label',
        "text,label,,",
    ],
)
def test_names_of_columns_as_people_vary_them(tmp_path: Path, header: str) -> None:
    blanks = "," * (header.count(",") - 1)
    data = read(tmp_path, "a.csv", f"{header}\na,x{blanks}\nb,y{blanks}\n")
    assert [(example.text, example.label) for example in data.examples] == [("a", "x"), ("b", "y")]


@pytest.mark.parametrize(
    "before", ["Reviews of 2024,\n", "# from: x, y\n", ",review\n", "review,review\n", "Exported,2024-01-01\nby,me\n"]
)
def test_a_header_further_down_is_named(tmp_path: Path, before: str) -> None:
    line = before.count("\n") + 1
    with pytest.raises(InputError, match=rf"a\.csv:{line}: looks like the header; take out what stands before it"):
        read(tmp_path, "a.csv", f"{before}text,label\na,x\nb,y\n")


@pytest.mark.parametrize(
    ("names", "pair"),
    [
        ("index\tquestion\tsentence\tlabel", ("q", "s")),  # QNLI
        ("question\tanswer\tdocument_title\tlabel", ("index", "q")),  # WikiQA
        ("uid\tcontext\thypothesis\tlabel", ("q", "s")),  # ANLI
        ("id\tclaim\tevidence\tlabel", ("q", "s")),  # FEVER
        ("id\tquery\tpassage\tlabel", ("q", "s")),
    ],
)
def test_both_texts_of_a_pair_are_read(tmp_path: Path, names: str, pair: tuple[str, str]) -> None:
    data = read(tmp_path, "a.tsv", f"{names}\nindex\tq\ts\t0\nindex\tq\ts\t1\n")
    assert [example.text for example in data.examples] == [pair, pair]


def test_classes_of_pairs_are_no_scores(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'label' of a premise and a hypothesis is a class, not how alike they are"):
        read(tmp_path, "a.csv", "premise,hypothesis,label\na,b,0\nc,d,2\n", PAIRS)
    scores = read(tmp_path, "a.csv", "premise,hypothesis,label\na,b,0\nc,d,2\n", PAIRS, columns={"score": "label"})
    assert [example.score for example in scores.examples] == [0.0, 2.0]
    paraphrases = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t2\ta\tb\n0\t3\t4\tc\td\n"
    assert read(tmp_path, "a.tsv", paraphrases, PAIRS).examples[1] == SentencePair("c", "d", 0.0)
    data = read(tmp_path, "a.csv", "sentence1,sentence2,gold\na,b,0.5\nc,d,1\n", PAIRS)
    assert "gold not read; scores are named with --columns score=NAME" in data.guessed


def test_without_a_header_parts_of_a_set_are_no_labels(tmp_path: Path) -> None:
    rows = [("TRAIN", "a", "w"), ("TEST", "b", "x"), ("TRAIN", "c", "y"), ("VALIDATION", "d", "z"), ("TRAIN", "e", "w")]
    rows += [("TRAIN", "f", label) for label in "xyzw"]
    data = read(tmp_path, "a.csv", "".join(f"{part},a film {text},{label}\n" for part, text, label in rows))
    assert (data.labels, data.examples[0].text) == (("w", "x", "y", "z"), "a film a")
    assert "column 1 not read" in data.guessed


@pytest.mark.parametrize(
    ("one", "other"),
    [("R&D", "R&amp;D"), ("very good", "very_good"), ("non-toxic", "non\N{EN DASH}toxic"), ("1", "01"),
     ("don't", "don\N{RIGHT SINGLE QUOTATION MARK}t"), ("POS", "\N{FULLWIDTH LATIN CAPITAL LETTER P}OS"),
     ("POS", "P\N{CYRILLIC CAPITAL LETTER O}S")],
)  # fmt: skip
def test_labels_that_look_alike_are_told_and_known_by_a_model(tmp_path: Path, one: str, other: str) -> None:
    data = read(tmp_path, "a.csv", column([one, other, one, "x"]))
    told = [line for line in summary(data) if "differ in how they are written alone" in line]
    assert len(told) == 1
    assert f"{other}=" in told[0].replace("'", "")
    assert labels_of(read(tmp_path, "a.csv", column([other]), labels=[one, "x"])) == [one]


@pytest.mark.parametrize(
    "sign", ["\N{LEFT-TO-RIGHT MARK}", "\N{VARIATION SELECTOR-16}", "\0", "\N{POP DIRECTIONAL ISOLATE}"]
)
def test_characters_that_nobody_sees_make_no_other_label(tmp_path: Path, sign: str) -> None:
    assert read(tmp_path, "a.csv", column(["pos", f"pos{sign}", "neg"])).labels == ("neg", "pos")


def test_what_sas_writes_for_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.csv:3: the label \('label'\) is missing"):
        read(tmp_path, "a.csv", column(["1", ".", "0"]))


def test_a_list_that_says_nothing(tmp_path: Path) -> None:
    assert labels_of(read(tmp_path, "a.csv", column(["[nan]", "['x']", "['x', 'y']"]))) == [(), ("x",), ("x", "y")]


@pytest.mark.parametrize("content", ["text , label\na, x\nb, y\n", "text |label\na |x\nb|y\n"])
def test_blanks_around_the_separator_are_no_separators(tmp_path: Path, content: str) -> None:
    data = read(tmp_path, "a.csv", content)
    assert [(example.text.strip(), example.label) for example in data.examples] == [("a", "x"), ("b", "y")]


@pytest.mark.parametrize("content", ['"text,label"\n"a,x"\n', "text     label\na film   x\n", '"text;label"\n"a;x"\n'])
def test_lines_of_one_cell_are_told(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError, match=r"its first line is one cell, 'text.*; separate the cells by commas"):
        read(tmp_path, "a.csv", content)


def test_the_euro_of_another_encoding_is_asked_for(tmp_path: Path) -> None:
    content = "text;label\n5 \N{EURO SIGN} f\u00fcr alles;x\nb;y\n".encode("iso8859-15")
    with pytest.raises(InputError, match=r"a\.csv:2: not UTF-8 text; say its encoding"):
        read(tmp_path, "a.csv", content)
    assert read(tmp_path, "a.csv", content, encoding="iso8859-15").examples[0].text == "5 \N{EURO SIGN} f\u00fcr alles"


def test_columns_that_differ_in_capitals_alone_are_asked_for(tmp_path: Path) -> None:
    text = "text,Label,label\na,1,x\nb,2,y\n"
    with pytest.raises(InputError, match=r"a\.csv: has columns Label, label; say which is meant, with --columns"):
        read(tmp_path, "a.csv", text)
    assert labels_of(read(tmp_path, "a.csv", text, columns={"label": "label"})) == ["x", "y"]


def test_labels_that_mostly_stand_once_are_told(tmp_path: Path) -> None:
    told = "30 of its 30 labels stand once: is their column the right one?"
    swapped = "text,label\n" + "".join(f"{'pos' if n % 2 else 'neg'},film {n}\n" for n in range(30))
    assert told in summary(read(tmp_path, "a.csv", swapped))
    assert not any("stand once" in line for line in summary(read(tmp_path, "a.csv", column(["x", "y"] * 15))))


def test_a_label_that_is_called_as_a_column_is_no_header(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column looks like 'text' among 'body of it', 'category'"):
        read(tmp_path, "a.csv", "body of it,category\na,question\nb,comment\n")


def test_a_header_over_columns_named_by_number_is_no_example(tmp_path: Path) -> None:
    by_number = {"text": "1", "label": "2"}
    for hold in (True, False):
        path = write(tmp_path, "a.csv", "Text,Label\n" + "a,x\nb,y\n" * 5001)
        data = read_data(path, CLASSES, columns=by_number, hold=hold)
        assert (data.labels, len(data.examples)) == (("x", "y"), 10_002)
        assert "the first line taken for the names of the columns" in data.guessed
    assert len(read(tmp_path, "a.csv", "title,x\na,y\n", columns=by_number).examples) == 2


def test_an_unknown_label_is_in_the_command_that_explains_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"label 'so so' is unknown; .*--labels 'so so'=NAME …, in Python labels={'so"):
        read(tmp_path, "a.csv", column(["so so"]), labels=["neg", "pos"])
    for label in ("Positive", "p"):
        with pytest.raises(InputError, match=rf"--labels {label}=pos …, in Python labels={{'{label}': 'pos', …}}"):
            read(tmp_path, "a.csv", column([label]), labels=["neg", "pos"])
