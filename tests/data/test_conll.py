"""Words with their tags: CoNLL of all years, and tables of them."""

from pathlib import Path

import pytest

from distilbert.data.examples import TaggedWords
from distilbert.data.reading import read_data
from distilbert.errors import InputError
from helpers.tables import json_lines, read, write

WORDS = "token-classification"


def test_tags_as_numbers_as_texts_and_a_word_a_row(tmp_path: Path) -> None:
    rows = [{"tokens": ["EU", "x"], "ner_tags": [3, 0]}]
    path = json_lines(tmp_path, rows)
    with pytest.raises(InputError, match=r"'ner_tags' has numbers \(3\); say what they stand for: --labels 0=O"):
        read_data(path, WORDS)
    names = {"0": "O", "3": "B-ORG"}
    assert read_data(path, WORDS, label_names=names).examples == [TaggedWords(("EU", "x"), ("B-ORG", "O"))]
    wanted = [TaggedWords(("EU", "rejects"), ("B-ORG", "O")), TaggedWords(("It", "is"), ("O", "O"))]
    table = write(tmp_path, "w.csv", "words,tags\n\"['EU', 'rejects']\",\"['B-ORG', 'O']\"\nIt is,O O\n")
    assert read_data(table, WORDS).examples == wanted
    kaggle = "Sentence #,Word,POS,Tag\nSentence: 1,EU,NNP,B-ORG\n,rejects,VBZ,O\nSentence: 2,It,PRP,O\n,is,VBZ,O\n"
    assert read_data(write(tmp_path, "k.csv", kaggle), WORDS).examples == wanted
    with pytest.raises(InputError, match=r"w.csv:2: has 2 words and 1 label;"):
        read_data(write(tmp_path, "w.csv", "words,tags\nIt is,O\n"), WORDS)


def test_conll_as_its_specifications_have_it(tmp_path: Path) -> None:
    data = read_data(write(tmp_path, "d.conll", "a O\n-DOCSTART- O\nb O\n"), WORDS)
    assert [example.words for example in data.examples] == [("a",), ("b",)]
    data = read_data(write(tmp_path, "d.conll", "-DOCSTART- -X- -X- O\n\na NN I-NP B-X\nb NN I-NP O\n"), WORDS)
    assert data.examples == [TaggedWords(("a", "b"), ("B-X", "O"))]
    universal = (
        "# sent_id = 1\n# text = vámonos al mar\n1-2\tvámonos\t_\t_\t_\t_\t_\t_\t_\t_\n"
        "1\tvamos\tir\tVERB\t_\t_\t0\troot\t_\t_\n2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_\n"
        "2.1\tleft\t_\t_\t_\t_\t_\t_\t_\t_\n3\t#mar\tmar\tNOUN\t_\t_\t1\tobl\t_\tSpaceAfter=No\n\n"
    )
    data = read_data(write(tmp_path, "u.conllu", universal), WORDS)
    assert data.examples == [TaggedWords(("vamos", "nos", "#mar"), ("VERB", "PRON", "NOUN"))]
    data = read_data(write(tmp_path, "u.conllu", universal), WORDS, columns={"labels": "8"})
    assert data.examples[0].labels == ("root", "obj", "obl")
    data = read_data(write(tmp_path, "n.conll", "10\N{NO-BREAK SPACE}000 O\nEuro O\n"), WORDS)
    assert data.examples[0].words == ("10\N{NO-BREAK SPACE}000", "Euro")
    bad = write(tmp_path, "b.conll", "a O\nb\n\nc O\n\nd O\ne O x\n")
    with pytest.raises(InputError, match=r"b.conll: 2 rows cannot be used.*\n.*b.conll:2: .*\n.*b.conll:7: "):
        read_data(bad, WORDS)
    data = read_data(bad, WORDS, skip_bad=True)
    assert [example.words for example in data.examples] == [("c",)]


SENTENCES = [TaggedWords(("EU", "rejects"), ("B-ORG", "O")), TaggedWords(("He",), ("O",))]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.conll", "-DOCSTART- -X- O O\n\nEU\tNNP\tB-NP\tB-ORG\nrejects\tVBZ\tB-VP\tO\n\n# note\nHe\tPRP\tB-NP\tO\n"),
        ("a.conll", "EU  B-ORG\nrejects   O\n\nHe O\n"),
        ("a.conll", "EU\tB-ORG\nrejects O\n\nHe\tO\n"),
        ("a.conll", "Word\tTag\nEU\tB-ORG\nrejects\tO\n\nHe\tO\n"),
        ("a.bio", "EU B-ORG\nrejects O\n\n\n\nHe O\n\n"),
        ("a.txt", "EU B-ORG\r\nrejects O\r\n\r\nHe O\r\n"),
        ("a.tsv", "EU\tB-ORG\nrejects\tO\n\nHe\tO\n"),
        ("a.tsv", "token\tlabel\nEU\tB-ORG\nrejects\tO\n\nHe\tO\n"),
        ("a.csv", "word,ner\nEU,B-ORG\nrejects,O\n,\nHe,O\n"),
        ("a.csv", "EU B-ORG\nrejects O\n\nHe O\n"),
        ("a.csv", "sentence_id,word,tag\n1,EU,B-ORG\n1,rejects,O\n2,He,O\n"),
    ],
)
def test_a_word_a_line_however_it_is_written(tmp_path: Path, name: str, text: str) -> None:
    assert read(tmp_path, name, text, WORDS).examples == SENTENCES


def test_words_without_sentences_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing says where a sentence ends; say it by a blank line"):
        read(tmp_path, "a.csv", "word,tag\nEU,B-ORG\nrejects,O\n", WORDS)


ONTONOTES = """#begin document (bc/cctv/00/cctv_0000); part 000
bc/cctv/00/cctv_0000   0   0     In    IN  (TOP(S(PP*   -    -   -   Speaker#1       *    *   -
bc/cctv/00/cctv_0000   0   1   Hong   NNP       (NP*    -    -   -   Speaker#1   (GPE*    *   (23
bc/cctv/00/cctv_0000   0   2   Kong   NNP        *))    -    -   -   Speaker#1       *)   *   23)
bc/cctv/00/cctv_0000   0   3  today    NN          *    -    -   -   Speaker#1  (DATE)    *   *   -

bc/cctv/00/cctv_0000   0   0     He   PRP          *    -    -   -   Speaker#1       *    -

#end document
"""


@pytest.mark.parametrize("name", ["a.v4_gold_conll", "a.conll", "a.txt"])
def test_conll_2012(tmp_path: Path, name: str) -> None:
    data = read_data(write(tmp_path, name, ONTONOTES), WORDS)
    assert data.examples == [
        TaggedWords(("In", "Hong", "Kong", "today"), ("O", "B-GPE", "I-GPE", "B-DATE")),
        TaggedWords(("He",), ("O",)),
    ]
    assert "CoNLL-2012: words from column 4, named entities from column 11" in data.guessed


def test_columns_in_another_order(tmp_path: Path) -> None:
    germeval = "#\tn-tv.de [2005-02-26]\n1\tSchartau\tB-PER\tO\n2\tsagte\tO\tO\n\n#\tx\n1\tEr\tO\tO\n"
    wanted = [TaggedWords(("Schartau", "sagte"), ("B-PER", "O")), TaggedWords(("Er",), ("O",))]
    for name in ("a.tsv", "a.conll"):
        assert read_data(write(tmp_path, name, germeval), WORDS).examples == wanted
    for name, gap in (("a.conll", " "), ("a.conll", "\t"), ("a.tsv", "\t")):
        path = write(tmp_path, name, f"B-PER{gap}Schartau\nO{gap}sagte\n\nO{gap}Er\n")
        assert read_data(path, WORDS).examples == wanted
        assert read_data(path, WORDS, columns={"words": "2", "labels": "1"}).examples == wanted
