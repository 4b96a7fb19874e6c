"""Where the reader of a page stands: the models and files that its commands name, small ones where they do."""

import json
import os
import pickle
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from conftest import DATA, Maker
from distilbert.cli import main
from distilbert.folder.checkpoint import Head
from helpers.berts import write_bert
from helpers.late_interaction import late_interaction_folder
from helpers.taggers import IOB, id2label

LABELS = id2label(("negative", "positive"))
QUESTIONS = ("How do I reset my password?", "Where is my parcel?", "Can I pay by card?", "The app does not start.")
DOCUMENTS = ("The bridge is 300 metres long.", "The king opened it in May 1894.", "It was painted green in 1976.")


@dataclass(frozen=True)
class Hand:
    """What makes them: in the working folder, under a name."""

    make: Maker
    bert: Path
    minilm: Path


Made = Callable[[Hand, str], object]


def rows() -> list[tuple[str, str]]:
    """(text, label) of 400 real film-review sentences."""
    lines = (DATA / "sentence_polarity.tsv").read_text(encoding="utf-8").splitlines()
    return [(text, label) for label, text in (line.split("\t") for line in lines)]


def model(head: Head = Head.SEQUENCE_CLASSIFICATION, **changes: object) -> Made:
    def made(hand: Hand, name: str) -> None:
        hand.make(head, name="made", **changes)
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        shutil.move("made", name)

    return made


CLASSIFIER = model(id2label=LABELS)
ENCODER = model(Head.NONE)
TAGGER = model(Head.TOKEN_CLASSIFICATION, id2label=id2label(IOB))


def minilm(hand: Hand, name: str) -> None:
    Path(name).symlink_to(hand.minilm)


def original(hand: Hand, name: str) -> None:
    shutil.copytree(hand.bert, name)


def bert(hand: Hand, name: str) -> None:
    write_bert(Path(name), layers=12)


def reviews(hand: Hand, name: str) -> None:
    """The head that docs/tasks/text_classification.md fits."""
    given = ["--train", str(DATA / "sentence_polarity.tsv"), "--model", str(hand.minilm), "--out", name, "--head-only"]
    assert main(["train", "--task", "text-classification", *given]) == 0


def clone(hand: Hand, name: str) -> None:
    """A folder of the clone, for a page whose reader stands there."""
    Path(name).symlink_to(DATA.parents[1] / name)


def colbert(hand: Hand, name: str) -> None:
    late_interaction_folder(hand.make).rename(name)


def copied(file: str) -> Made:
    return lambda hand, name: shutil.copy(DATA / file, name)


def text(content: str) -> Made:
    return lambda hand, name: Path(name).write_text(content, encoding="utf-8")


def lines(texts: Sequence[str]) -> Made:
    return text("".join(f"{each}\n" for each in texts))


def json_lines(columns: Sequence[str], examples: Sequence[Sequence[object]]) -> Made:
    return lines([json.dumps(dict(zip(columns, row))) for row in examples])


def labelled(begin: int, end: int) -> Made:
    """Rows of the polarity data, in the format that the file's name says."""

    def made(hand: Hand, name: str) -> None:
        mark = "\t" if name.endswith(".tsv") else ","
        kept = [(each.replace('"', "").replace(mark, ""), label) for each, label in rows()[begin:end]]
        if name.endswith(".jsonl"):
            json_lines(("text", "label"), kept)(hand, name)
        else:
            lines([f"text{mark}label", *(mark.join(row) for row in kept)])(hand, name)

    return made


def parquet(hand: Hand, name: str) -> None:
    """3,000 rows in groups of 500, of which one is longer than a model reads."""
    import pyarrow
    import pyarrow.parquet

    texts = (["word " * 600] + [each for each, _ in rows()] * 8)[:3000]
    pyarrow.parquet.write_table(pyarrow.table({"text": texts}), name, row_group_size=500)


class Harm:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch harmed",)


def harmful(hand: Hand, name: str) -> None:
    Path(name).write_bytes(pickle.dumps({"w": Harm()}, protocol=2))
    shutil.copy(hand.bert / "config.json", ".")  # of the file


def squad(hand: Hand, name: str) -> None:
    answer = {"text": "May 1894", "answer_start": DOCUMENTS[1].index("May 1894")}
    question = {"id": "1", "question": "When was it opened?", "answers": [answer]}
    paragraph = {"context": DOCUMENTS[1], "qas": [question]}
    Path(name).write_text(json.dumps({"data": [{"title": "A bridge", "paragraphs": [paragraph]}]}))


def tagged(hand: Hand, name: str) -> None:
    words = ("Angela\tB-PER", "Merkel\tI-PER", "met\tO", "nobody\tO", "in\tO", "Paris\tB-LOC")
    lines(("\n".join(words) + "\n",) * 8)(hand, name)


PAIRS = [("When was it opened?", document, label) for document, label in zip(DOCUMENTS * 4, ("no", "yes", "no") * 4)]
CHOICES = json_lines(("prompt", "choices", "label"), [("When was it opened?", DOCUMENTS, 1)] * 8)

AT_HAND: dict[str, dict[str, Made]] = {
    "docs/bulk.md": {"sst2": CLASSIFIER, "reviews.parquet": parquet},
    "docs/command_line.md": {
        "reviews": CLASSIFIER,
        "new.csv": lines(["id,label,text", "1,?,a moving story", "2,?,the plot is thin"]),
        **dict.fromkeys(("articles.txt", "log.txt", "sentences.txt"), lines(QUESTIONS)),
    },
    "docs/convert.md": {
        "all-MiniLM-L6-v2": original,
        "evil.bin": harmful,
        "distilbert-base-uncased": model(Head.MASKED_LM),
        "bert-base-uncased": bert,
    },
    "docs/distillation.md": {
        "sentiment": CLASSIFIER,
        "train.jsonl": labelled(0, 40),
        "reviews.txt": lines([each for each, _ in rows()[:60]]),
        "dev.jsonl": labelled(40, 60),
    },
    "docs/explain.md": {"reviews": reviews, "minilm": minilm},
    "docs/five_tasks.md": {
        "minilm": minilm, "reviews.tsv": copied("sentence_polarity.tsv"), "texts.txt": lines(QUESTIONS),
    },
    "docs/quantization.md": {"reviews": model(n_layers=1, id2label=LABELS), "dev.jsonl": labelled(0, 400)},
    "docs/quick_start.md": {
        "distilbert/distilbert-base-uncased-finetuned-sst-2-english": CLASSIFIER,
        "reviews.csv": labelled(0, 60),
        "test.csv": labelled(60, 66),
    },
    "docs/report.md": {"reviews": CLASSIFIER, "dev.csv": labelled(0, 40)},
    "docs/search.md": {"minilm": minilm, "tests": clone},
    "docs/tasks/embeddings.md": {"texts.txt": lines(QUESTIONS)},
    "docs/tasks/fill_mask.md": {"MODEL": model(Head.MASKED_LM)},
    "docs/tasks/late_interaction.md": {"minilm": ENCODER, "MODEL": colbert, "documents.txt": lines(DOCUMENTS)},
    "docs/tasks/multiple_choice.md": {
        "MODEL": model(Head.MULTIPLE_CHOICE), "choices.jsonl": CHOICES, "minilm": ENCODER,
    },
    "docs/tasks/question_answering.md": {"MODEL": model(Head.QUESTION_ANSWERING), "squad.json": squad},
    "docs/tasks/reranking.md": {
        "MODEL": model(num_labels=1), "minilm": ENCODER, "documents.txt": lines(DOCUMENTS),
        "pairs.tsv": lines(["text\tpair\tlabel", *map("\t".join, PAIRS)]),
    },
    "docs/tasks/sparse.md": {"MODEL": model(Head.MASKED_LM), "minilm": ENCODER, "texts.txt": lines(QUESTIONS)},
    "docs/tasks/text_classification.md": {
        "minilm": minilm, "reviews.tsv": lines(["\t".join(row[::-1]) for row in rows()[:40]]),
        "reviews.csv": labelled(0, 4), "test.csv": labelled(0, 20), "whole_reviews.csv": labelled(0, 20),
    },
    "docs/tasks/token_classification.md": {"minilm": ENCODER, "dev.iob2": tagged, "letters.txt": lines(QUESTIONS)},
    "docs/tasks/zero_shot.md": {},
    "docs/training.md": {
        "minilm": ENCODER, "train.tsv": labelled(0, 320), "dev.tsv": labelled(320, 400),
    },
    "docs/troubleshooting.md": {},
    "docs/installation.md": {},
}  # fmt: skip
