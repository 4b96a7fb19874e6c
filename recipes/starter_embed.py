"""starter/embed: all-MiniLM-L6-v2 itself, folded and quantised. Nothing is trained.

    DISTILBERT_DATA=path/to/data python recipes/starter_embed.py

STS-B's dev part measures it, and decides nothing.
"""

from common import encoder
from distil_vectors import COLUMNS, pairs
from starters import Card, describe, pack, score

TASK = "feature-extraction"
CARD = Card(
    title="texts as vectors of 384 numbers",
    data=["nothing else: it is that model, without further training"],
    split="Scored on STS-B's dev part, which this package never trained on.",
    limits="English sentences and short paragraphs; what is longer than 256 tokens is cut, which a warning says.",
    production="It is good enough for searching by meaning. In float32 and 8 bits it differs little: "
    "`distilbert convert sentence-transformers/all-MiniLM-L6-v2 OUT`. "
    "Larger sentence-transformers score some points more.",
)


def main() -> None:
    folder = pack("embed", encoder())
    scores = score(folder, "sentence-similarity", {"STS-B, dev part": pairs("dev")}, columns=COLUMNS)
    describe("embed", TASK, CARD, scores)


if __name__ == "__main__":
    main()
