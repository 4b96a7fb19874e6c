"""Words with tags as further tools and data sets write them: read as they were meant, or refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from distilbert.data.examples import TaggedWords
from distilbert.data.reading import read_data
from distilbert.errors import InputError
from helpers.tables import json_lines, read

WORDS = "token-classification"
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
