"""Tables of further tools, languages and data sets: read as their writers meant them, or refused with the way out."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from distilbert.data.examples import Choices, Question, SentencePair, TaggedWords
from distilbert.data.reading import read_data
from distilbert.data.summary import summary
from distilbert.errors import InputError
from helpers.tables import json_lines, labels_of, read, write

CLASSES, WORDS, ANSWERS = "text-classification", "token-classification", "question-answering"
PAIRS, CHOICES = "sentence-similarity", "multiple-choice"


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


# words with tags -----------------------------------------------------------------------------------------------------

TAGGED = [TaggedWords(("Amy", "Li", "ran"), ("B-PER", "I-PER", "O")), TaggedWords(("He",), ("O",))]


@pytest.mark.parametrize(
    "tags",
    [
        "B_PER I_PER O",
        "PER-B PER-I O",
        "PER_B PER_I O",
        "b-PER i-PER o",
        "B-PER I-PER o",
        "B-PER I-PER 0",
        "B-PER I-PER _",
    ],
)
def test_tags_in_other_forms(tmp_path: Path, tags: str) -> None:
    begin, inside, outside = tags.split()
    text = f"Amy {begin}\nLi {inside}\nran {outside}\n\nHe {outside}\n"
    data = read(tmp_path, "a.conll", text, WORDS)
    assert (data.examples, data.labels) == (TAGGED, ("O", "B-PER", "I-PER"))
    assert f"{outside if outside != 'O' else begin} read as {'O' if outside != 'O' else 'B-PER'}" in data.guessed
    names = [begin, inside, outside]
    assert read(tmp_path, "a.conll", text, WORDS, labels=names).examples[0].labels == tuple(names)  # a model's stay


@pytest.mark.parametrize(
    "text",
    [
        "en:Amy\tB-PER\nen:Li\tI-PER\nen:ran\tO\n\nen:He\tO\n",  # WikiANN
        "B-PER\tAmy\nI-PER\tLi\nO\tran\n\nO\tHe\n",
        "# global.columns = ID FORM UPOS NER\n1\tAmy\tN\tB-PER\n2\tLi\tN\tI-PER\n3\tran\tV\tO\n\n1\tHe\tN\tO\n",
    ],
    ids=["languages", "tags-first", "conllup"],
)
def test_columns_of_words_and_tags(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, "a.conllup" if "global" in text else "a.conll", text, WORDS).examples == TAGGED


def test_words_and_tags_with_commas_and_no_header(tmp_path: Path) -> None:
    data = read(tmp_path, "a.csv", 'Amy,B-PER\n"Li,",I-PER\nran,O\n\nHe,O\n', WORDS)
    assert data.examples[0] == TaggedWords(("Amy", "Li,", "ran"), ("B-PER", "I-PER", "O"))
    assert "no header: words from column 1, labels from column 2" in data.guessed


@pytest.mark.parametrize(
    "text",
    ["Hello world\nGood morning\nBad night\n", "<ORG>EU</ORG> rejects\n<ORG>UN</ORG> accepts\n",
     "EU/B-ORG rejects/O\nHe/O is/O\n", "[EU](ORG) rejects\n[UN](ORG) accepts\n",
     "1\tEU\teu\tNNP\t_\tA0\n2\trejects\treject\tVBZ\tY\t_\n"],
    ids=["running", "XML", "slashes", "Markdown", "CoNLL-2009"],
)  # fmt: skip
def test_what_has_no_column_of_tags_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"its last column (mostly has words|has '_' for a label).*--columns words=\d"):
        read(tmp_path, "a.txt", text, WORDS)


@pytest.mark.parametrize(
    "rows",
    [
        [{"tokenized_text": ["Amy", "Li", "ran"], "ner": [[0, 1, "PER"]]}, {"tokenized_text": ["He"], "ner": []}],
        [{"tokens": ["Amy", "Li", "ran"], "entities": [{"type": "PER", "start": 0, "end": 2}], "relations": []},
         {"tokens": ["He"], "entities": []}],
        [{"text": "Amy Li ran", "ents": [{"start": 0, "end": 6, "label": "PER"}]}, {"text": "He", "ents": []}],
        [{"content": "Amy Li ran", "annotations": [{"tag": "PER", "start": 0, "end": 6}]},
         {"content": "He", "annotations": []}],
        [{"text": "Amy Li ran", "intent": "x", "entities": [{"start": 0, "end": 6, "value": "Amy", "entity": "PER"}]},
         {"text": "He", "entities": []}],
        [{"textContent": "Amy Li ran",
          "textSegmentAnnotations": [{"startOffset": 0, "endOffset": 6, "displayName": "PER"}]},
         {"textContent": "He", "textSegmentAnnotations": []}],
    ],
    ids=["GLiNER", "SpERT", "displaCy", "LightTag", "Rasa", "Vertex"],
)  # fmt: skip
def test_entities_of_further_tools(tmp_path: Path, rows: list[Any]) -> None:
    assert read_data(json_lines(tmp_path, rows), WORDS).examples == TAGGED


def test_documents_of_spacy_2(tmp_path: Path) -> None:
    sentences = [
        {"tokens": [{"orth": word, "tag": "X", "ner": tag} for word, tag in zip(each.words, each.labels, strict=True)]}
        for each in TAGGED
    ]
    text = json.dumps([{"id": 0, "paragraphs": [{"raw": "Amy Li ran He", "sentences": sentences}]}])
    assert read(tmp_path, "a.json", text, WORDS).examples == TAGGED
    with pytest.raises(InputError, match=r"a\.jsonl:1: entity 'PER' has tokens 0 to 4, not all there"):
        read_data(json_lines(tmp_path, [{"tokenized_text": ["a"], "ner": [[0, 4, "PER"]]}]), WORDS)


# questions -----------------------------------------------------------------------------------------------------------

CONTEXT = "Amy lives in Rome."
ASKED = Question("1", "where?", CONTEXT, (("Rome", 13),))
FOUND = {"text": "rome", "char_spans": [[13, 16]], "token_spans": [[3, 3]]}
PASSAGE = {
    "context": CONTEXT,
    "qas": [{"id": "1", "question": "where?", "answers": [{"text": "Rome", "answer_start": 13}]}],
}


@pytest.mark.parametrize(
    "rows",
    [
        [{"header": {"dataset": "NewsQA"}},
         {"id": "", "context": CONTEXT, "qas": [{"qid": "1", "question": "where?", "answers": ["rome"],
                                                 "detected_answers": [FOUND]}]}],
        [PASSAGE],
        [{"title": "t", "paragraphs": [PASSAGE]}],
        [{"version": "1.1", "data": [{"title": "t", "paragraphs": [PASSAGE]}]}],
        [{"id": 1, "question": "where?", "context": CONTEXT, "answers": [{"text": ["Rome"], "answer_start": [13]}]}],
        [{"id": 1, "question": "where?", "context": CONTEXT, "answer": "Rome "}],
    ],
    ids=["MRQA", "passages", "articles", "whole", "columns-in-a-list", "blank-behind"],
)  # fmt: skip
def test_questions_in_json_lines(tmp_path: Path, rows: list[Any]) -> None:
    text = "\n".join(map(json.dumps, rows))
    assert read(tmp_path, "a.jsonl", text, ANSWERS).examples == [ASKED]
    assert read(tmp_path, "a.jsonl.gz", gzip.compress(text.encode()), ANSWERS).examples == [ASKED]


def test_answers_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.csv:2: the answer 'rome' is not in the context; it has it in other capi"):
        read(tmp_path, "a.csv", f"question,context,answer\nq,{CONTEXT},rome\n", ANSWERS)
    nothing = read(tmp_path, "a.csv", f"question,context,answer\nq,{CONTEXT},nan\nr,{CONTEXT},#N/A\n", ANSWERS)
    assert [example.answers for example in nothing.examples] == [(), ()]
    assert read(tmp_path, "a.csv", "question,context,answer\nq,a nan is bread,nan\n", ANSWERS).examples[0].answers


@pytest.mark.parametrize(
    ("rows", "right", "told"),
    [
        ([{"question": "q", "choices": {"text": ["a", "b"], "label": ["1", "2"]}, "answerKey": key} for key in "12"],
         [0, 1], ""),
        ([{"sentence": "q", "option1": "a", "option2": "b", "answer": key} for key in "12"], [0, 1], "from 1 on"),
        ([{"question": "q", "choice1": "a", "choice2": "b", "label": label} for label in (0, 1)], [0, 1], ""),
        ([{"question": "q", "choice1": "a", "choice2": "b", "label": label} for label in ("1.0", " B")], [1, 1], ""),
    ],
    ids=["ARC", "WinoGrande", "from-0", "pandas-and-letters"],
)  # fmt: skip
def test_choices_by_their_names_and_counted_from_1(
    tmp_path: Path, rows: list[Any], right: list[int], told: str
) -> None:
    data = read_data(json_lines(tmp_path, rows), CHOICES)
    assert data.examples == [Choices("q", ("a", "b"), place) for place in right]
    assert told in data.guessed


# files of other tools ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.txt", "a.train", "a.csv", "a.tsv"])
@pytest.mark.parametrize("gap", [" ", "\t", " , "])
def test_files_of_fasttext(tmp_path: Path, name: str, gap: str) -> None:
    data = read(tmp_path, name, f"__label__pos{gap}a good film\n\n__label__neg{gap}bad\n")
    assert [(example.text, example.label) for example in data.examples] == [("a good film", "pos"), ("bad", "neg")]
    assert "in fastText's form" in data.guessed
    several = read(tmp_path, name, f"__label__pos __label__long{gap}a\n__label__neg{gap}b\n")
    assert labels_of(several) == [("pos", "long"), ("neg",)]
    assert labels_of(read(tmp_path, "t.csv", column(["__label__pos", "pos"]), labels=["neg", "pos"])) == ["pos", "pos"]


def test_names_of_classes_that_a_file_has(tmp_path: Path) -> None:
    features = [
        {"name": "text", "type": {"dtype": "string", "_type": "Value"}},
        {"name": "label", "type": {"names": ["neg", "pos"], "_type": "ClassLabel"}},
    ]
    rows = [{"row_idx": place, "row": {"text": text, "label": place}} for place, text in enumerate("ab")]
    viewed = read(tmp_path, "a.json", json.dumps({"features": features, "rows": rows}))
    assert labels_of(viewed) == ["neg", "pos"]
    datasets = pytest.importorskip("datasets")
    names = datasets.ClassLabel(names=["neg", "neutral", "pos"])
    kinds = datasets.Features({"text": datasets.Value("string"), "label": names})
    kept = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 2]}, features=kinds)
    kept.to_parquet(str(tmp_path / "a.parquet"))
    data = read_data(tmp_path / "a.parquet", CLASSES)
    assert (data.labels, labels_of(data)) == (("neg", "neutral", "pos"), ["neg", "pos"])
    assert labels_of(read_data(kept.with_format("pandas"), CLASSES)) == ["neg", "pos"]
    lists = datasets.Features({"text": datasets.Value("string"), "labels": datasets.Sequence(names)})
    ids = datasets.Dataset.from_dict({"text": ["a", "b"], "labels": [[0, 1], [1, 0]]}, features=lists)
    assert labels_of(read_data(ids, CLASSES)) == [("neg", "neutral"), ("neutral", "neg")]  # numbers, no vectors


def test_an_index_with_a_name_is_a_column(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["a", "b"], "label": ["x", "y"]})
    for indexed in (frame.set_index("text"), frame.set_index(["text", "label"]), frame):
        assert [(e.text, e.label) for e in read_data(indexed, CLASSES).examples] == [("a", "x"), ("b", "y")]


OPTIONS = [{"id": 0, "text": "x"}, {"id": 1, "text": "y"}]


@pytest.mark.parametrize(
    "value",
    [{"rasa_nlu_data": {"common_examples": [{"text": "a", "intent": "x"}, {"text": "b", "intent": "y"}]}},
     {"luis_schema_version": "3.2", "intents": [{"name": "x"}],
      "utterances": [{"text": "a", "intent": "x"}, {"text": "b", "intent": "y"}]},
     [{"fields": {"text": text}, "responses": [{"values": {"label": {"value": label}}, "status": "submitted"}]}
      for text, label in ("ax", "by")],
     [{"text": "a", "options": OPTIONS, "accept": [0], "answer": "accept"},
      {"text": "b", "options": OPTIONS, "accept": [1], "answer": "accept"}]],
    ids=["Rasa", "LUIS", "Argilla-2", "Prodigy-by-number"],
)  # fmt: skip
def test_json_of_further_tools(tmp_path: Path, value: Any) -> None:
    data = read(tmp_path, "a.json", json.dumps(value))
    assert [(example.text, example.label) for example in data.examples] == [("a", "x"), ("b", "y")]


def test_rows_that_are_not_as_their_tool_writes_them(tmp_path: Path) -> None:
    rows = [{"fields": {"text": "a"}, "responses": {"label": [value]}} for value in ({"value": "x"}, None)]
    with pytest.raises(InputError, match=r"a\.jsonl:2: is not as a tool for annotation writes its rows"):
        read_data(json_lines(tmp_path, rows), CLASSES)
    with pytest.raises(InputError, match=r"a\.json:2: must be an object, not 1\.5"):
        read(tmp_path, "a.json", '[{"text": "a", "label": "x"}]\n1.5')


def test_what_databases_escape(tmp_path: Path) -> None:
    text = "a\\tb\tx\nc\\\nd\ty\ne\\nf\tx\ng\t\\N\nh\\\\i\ty\n"
    with pytest.raises(InputError, match=r"a\.tsv:\d: the label \('2'\) is missing"):
        read(tmp_path, "a.tsv", text, columns={"text": "1", "label": "2"})
    data = read(tmp_path, "a.tsv", text, columns={"text": "1", "label": "2"}, skip_bad=True)
    assert [example.text for example in data.examples] == ["a\tb", "c\nd", "e\nf", "h\\i"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("nlu.yml", "is YAML; write its examples as a table"), ("a.xml", "is text with marks"),
     ("dump.sql", "is SQL, not a table"), ("a.sav", "a file of a statistics program"), ("a.npz", "is an array"),
     ("a.avro", "write it as Parquet"), ("a.arff", "is an ARFF file of Weka")],
)  # fmt: skip
def test_what_is_no_table_by_its_name(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_data(write(tmp_path, name, "text,label\na,x\n"), CLASSES)


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
