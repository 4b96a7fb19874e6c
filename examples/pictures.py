"""The pictures of docs/tasks: results as a notebook shows them, drawn into docs/images/.

    python examples/pictures.py minilm reviews ner

The models are those that the pages name, made as the pages say. What a published model answers is taken from
tests/data/published_outputs.json, where each output has its source.
"""

import json
import sys
from pathlib import Path
from typing import Any

import distilbert
from distilbert.explain import explain
from distilbert.search import TextIndex

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "tests" / "data" / "published_outputs.json"
WIDTH = 420
STYLE = (
    "body{margin:0;padding:12px 16px;font:14px/1.6 system-ui,sans-serif;color:#1a1d21;background:#fff}"
    "p{margin:.2em 0}table{border-collapse:collapse;margin:.3em 0}th,td{text-align:left;padding:.1em 1em .1em 0}"
    "@media(prefers-color-scheme:dark){body{color:#e8eaed;background:#14171b}}"
)
QUESTIONS = (
    "How do I reset my password?",
    "Where is my parcel?",
    "Can I pay by card?",
    "The app does not start.",
)


def main(minilm: str, reviews: str, ner: str) -> None:
    """Draw all of them."""
    classify, tag, embed = (distilbert.load(folder) for folder in (reviews, ner, minilm))
    text = "the actors are wonderful , but the plot is a dull mess"
    labels = classify("a moving story , told with warmth and care", top_k=None)
    draw("text_classification", distilbert.to_html(labels) + explain(classify, text)._repr_html_(), 510)
    sentence = "Angela Merkel met Emmanuel Macron in Paris on Tuesday."
    draw("token_classification", distilbert.to_html(tag(sentence, aggregation="first"), sentence), 74)
    found = TextIndex(embed, QUESTIONS).search("I cannot log in", top_k=3)
    draw("embeddings", distilbert.to_html(found), 155)
    zero = distilbert.load("starter/zero-shot")
    text = "The central bank raised its interest rate again."
    draw("zero_shot", distilbert.to_html(zero(text, ["sport", "politics", "cooking", "finance"])), 148)

    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    text, top = (published["fills"]["cases"][0][key] for key in ("text", "top"))
    fills = [distilbert.MaskFill(token, place, score, text.replace("[MASK]", token)) for token, place, score in top]
    draw("fill_mask", distilbert.to_html(fills), 285)
    case = published["answers"]["cases"][1]
    answer = distilbert.Entity("answer", case["answer"], case["start"], case["end"], case["score"])
    draw("question_answering", f"<p>{case['question']}</p>" + distilbert.to_html([answer], case["context"]), 98)


def draw(name: str, html: Any, height: int) -> None:
    """An SVG that holds HTML, which follows the reader's light or dark setting."""
    body = html.replace("&nbsp;", " ")
    (ROOT / "docs" / "images" / f"{name}.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">\n'
        f"<style>{STYLE}</style>\n"
        f'<foreignObject width="{WIDTH}" height="{height}"><body xmlns="http://www.w3.org/1999/xhtml" '
        f'style="min-height:{height}px;box-sizing:border-box">{body}</body></foreignObject>\n</svg>\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
