"""starter/fill-mask: all-MiniLM-L6-v2 with a masked-LM head, on books, speeches and Wikipedia; scored on wikitext2.

DISTILBERT_DATA=path/to/data python recipes/starter_masked_lm.py

Two minutes on a GPU, hours on a CPU.
"""

from pathlib import Path

import answers
from common import part_files, share, source, train, write_lines
from distilbert.evaluation import read_data
from masked_lm import paragraphs, wikipedia
from starters import Card, describe, pack, score

TASK = "fill-mask"
SETTINGS = {
    "max_steps": 900,
    "batch_size": 128,
    "learning_rate": 7e-4,
    "dropout": 0.0,
    "max_batch_tokens": 1 << 14,
    "precision": "bfloat16",
}
CARD = Card(
    title="which words may stand in a gap",
    data=[
        "34 English books in the public domain",
        "State of the Union and inaugural addresses (public domain)",
        "WikiText-2, validation part (Merity and others 2016; CC BY-SA)",
        "SQuAD 1.1, dev part: its paragraphs of Wikipedia (Rajpurkar and others 2016; CC BY-SA 4.0)",
    ],
    split="A tenth of the paragraphs of WikiText-2's validation part chose the weights. Scored once, on its test "
    "part, which nothing was trained on.",
    limits="It read 15 million tokens, most of them of old novels: it knows grammar and common words better than "
    "facts. It writes small letters alone.",
    production="Take distilbert/distilbert-base-uncased from the hub: four times as large, and trained on all of "
    "Wikipedia and 11,000 books.",
    licence="cc-by-sa-4.0",
)


def prepare() -> dict[str, Path]:
    validation = wikipedia("valid")
    held_out = {text for text in validation if share(text) < 0.1}
    texts = {
        "train": [*paragraphs(), *speeches(), *contexts(), *(text for text in validation if text not in held_out)],
        "dev": [text for text in validation if text in held_out],
        "test": wikipedia("test"),
    }
    files = part_files("starter-fill-mask", ".txt")
    for part_name, file in files.items():
        write_lines(file, texts[part_name])
    return files


def speeches() -> list[str]:
    """Their paragraphs, but for headings and the like."""
    texts = [path.read_text(encoding="latin-1") for path in sorted(source("speeches").glob("*.txt"))]
    lines = [" ".join(line.split()) for text in texts for line in text.split("\n")]
    return [line for line in lines if len(line) > 80]


def contexts() -> list[str]:
    """SQuAD's paragraphs."""
    examples = [example for file in answers.prepare().values() for example in read_data(file, answers.TASK).examples]
    return [" ".join(context.split()) for context in dict.fromkeys(example.context for example in examples)]


def main() -> None:
    files = prepare()
    folder = pack("fill-mask", train("starter-fill-mask", TASK, files, SETTINGS))
    describe("fill-mask", TASK, CARD, score(folder, TASK, {"WikiText-2, test part": files["test"]}))


if __name__ == "__main__":
    main()
