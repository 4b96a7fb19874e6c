"""A masked-LM head for all-MiniLM-L6-v2, on books and the validation part of wikitext2; scored on its test part.

DISTILBERT_DATA=path/to/data python recipes/masked_lm.py
"""

import re
from pathlib import Path

from common import follow, part_files, share, source, write_lines

TASK = "fill-mask"
SETTINGS = {"epochs": 1, "batch_size": 32, "learning_rate": 5e-4, "eval_steps": 400, "precision": "bfloat16"}
SHARE = 0.25  # of the books' paragraphs: what an hour on two cores has time for


def prepare() -> dict[str, Path]:
    books = [text for text in paragraphs() if share(text) < SHARE]
    held_out = {text for text in books if share("dev" + text) < 0.02}
    files = part_files("masked_lm", ".txt")
    texts = {
        "train": [*(text for text in books if text not in held_out), *wikipedia("valid")],
        "dev": [text for text in books if text in held_out],
        "test": wikipedia("test"),
    }
    for part_name, file in files.items():
        write_lines(file, texts[part_name])
    return files


def paragraphs() -> list[str]:
    """Those of all books, but for headings and the like."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(source("books").glob("*.md"))]
    found = [" ".join(paragraph.split()) for text in texts for paragraph in re.split(r"\n\s*\n", text)]
    return [text for text in found if len(text) > 80]


def wikipedia(name: str) -> list[str]:
    """wikitext2's paragraphs, its marks for unknown words and for joined punctuation undone."""
    text = source(f"wikitext2/{name}.txt").read_text(encoding="utf-8")
    text = text.replace(" @-@ ", "-").replace(" @,@ ", ",").replace(" @.@ ", ".").replace("<unk>", "[UNK]")
    return [line.strip() for line in text.split("\n") if len(line.strip()) > 80]


def main() -> None:
    follow("masked_lm", TASK, prepare(), SETTINGS)


if __name__ == "__main__":
    main()
