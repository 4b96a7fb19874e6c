"""The pictures of docs/tasks: results as a notebook shows them, drawn into docs/images/.

    python examples/pictures.py minilm reviews
    python examples/pictures.py --record ner reranker chooser

The first draws all of them. The models are those that the pages name, made as the pages say; starter models are
installed. Models that take minutes to train answer once: the second puts what they say into docs/images/results.json.
What a published model answers is taken from tests/data/published_outputs.json, where each output has its source.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

import distilbert
from distilbert.explain import explain
from distilbert.search import TextIndex

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
PUBLISHED = ROOT / "tests" / "data" / "published_outputs.json"
RECORDED = IMAGES / "results.json"
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
SENTENCE = "Angela Merkel met Emmanuel Macron in Paris on Tuesday."
QUERY = "When was the bridge opened?"
DOCUMENTS = (
    "The bridge is 300 metres long.",
    "Trams cross it every ten minutes.",
    "The king opened it in May 1894.",
    "It was painted green in 1976.",
)


def main(minilm: str | Path, reviews: str | Path, images: Path = IMAGES) -> None:
    """Draw all of them."""
    _draw_from_models(minilm, reviews, images)
    _draw_from_published(images)
    _draw_from_recorded(images)


def record(ner: str, reranker: str, chooser: str) -> None:
    """Write down what models say whose training takes minutes."""
    results = {
        "entities": distilbert.load(ner)(SENTENCE, aggregation="first"),
        "ranks": distilbert.load(reranker, "text-ranking")(QUERY, DOCUMENTS),
        "choices": distilbert.load(chooser)(QUERY, DOCUMENTS),
    }
    rows = {name: [result.to_dict() for result in found] for name, found in results.items()}
    RECORDED.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _draw_from_models(minilm: str | Path, reviews: str | Path, images: Path) -> None:
    classify, embed = distilbert.load(reviews), distilbert.load(minilm)
    labels = classify("a moving story , told with warmth and care", top_k=None)
    explained = explain(classify, "the actors are wonderful , but the plot is a dull mess")
    draw(images, "text_classification", distilbert.to_html(labels) + explained._repr_html_(), 510)

    found = TextIndex(embed, QUESTIONS).search("I cannot log in", top_k=3)
    draw(images, "embeddings", distilbert.to_html(found), 155)

    zero = distilbert.load("starter/zero-shot")
    labels = zero("The central bank raised its interest rate again.", ["sport", "politics", "cooking", "finance"])
    draw(images, "zero_shot", distilbert.to_html(labels), 148)

    sparse = distilbert.load("starter/fill-mask", "sparse-encoding")
    weights = sparse.tokens(sparse("a moving story about love"), top_k=8)
    draw(images, "sparse", _weights(weights), 250)

    with late_interaction_of(minilm) as folder:
        colbert = distilbert.load(folder, "late-interaction")
        query, document = "Where is my parcel?", "Your package arrives tomorrow."
        table = colbert.encode_query(query) @ colbert.encode_document(document).T
        names = colbert.tokens(query, is_query=True), colbert.tokens(document, is_query=False)
        draw(images, "late_interaction", _matches(table, *names), 250, width=560)


def _draw_from_published(images: Path) -> None:
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    text, top = (published["fills"]["cases"][0][key] for key in ("text", "top"))
    fills = [distilbert.MaskFill(token, place, score, text.replace("[MASK]", token)) for token, place, score in top]
    draw(images, "fill_mask", distilbert.to_html(fills), 285)
    case = published["answers"]["cases"][1]
    answer = distilbert.Entity("answer", case["answer"], case["start"], case["end"], case["score"])
    html = f"<p>{case['question']}</p>" + distilbert.to_html([answer], case["context"])
    draw(images, "question_answering", html, 98)


def _draw_from_recorded(images: Path) -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    entities = [distilbert.Entity(**each) for each in recorded["entities"]]
    draw(images, "token_classification", distilbert.to_html(entities, SENTENCE), 74)
    kinds: dict[str, Callable[..., Any]] = {"ranks": distilbert.Ranked, "choices": distilbert.Classification}
    for name, image in (("ranks", "reranking"), ("choices", "multiple_choice")):
        results = distilbert.to_html([kinds[name](**each) for each in recorded[name]])
        draw(images, image, f"<p>{QUERY}</p>{results}", 182, width=560)


@contextmanager
def late_interaction_of(minilm: str | Path) -> Iterator[Path]:
    """A folder for late interaction with the weights of an embedder: its tokens' states, each of length 1."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in ("config.json", "model.safetensors", "vocab.txt", "tokenizer.json", "tokenizer_config.json"):
            if (source := Path(minilm).resolve() / file).exists():
                (folder / file).symlink_to(source)
        base = "sentence_transformers.base.modules"
        modules = [
            {"idx": 0, "name": "0", "path": "", "type": f"{base}.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Normalize", "type": f"{base}.Normalize"},
        ]
        (folder / "1_Normalize").mkdir()
        (folder / "1_Normalize" / "config.json").write_text('{"module_input_name": "token_embeddings"}')
        (folder / "modules.json").write_text(json.dumps(modules))
        (folder / "config_sentence_transformers.json").write_text('{"model_type": "MultiVectorEncoder"}')
        yield folder


def _weights(weights: Sequence[tuple[str, float]]) -> str:
    """Words with their weights, and a bar for each."""
    bar = "display:inline-block;height:.6em;background:#60a5fa"
    rows = (
        f'<tr><td>{escape(word)}</td><td>{weight:.2f} <span style="{bar};width:{3 * weight:.2f}em"></span></td></tr>'
        for word, weight in weights
    )
    return f"<table><tr><th>word</th><th>weight</th></tr>{''.join(rows)}</table>"


def _matches(table: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> str:
    """Products of a query's tokens and a document's [Q, D]; in bold each row's best: their sum is the score."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    lines = []
    for name, products in zip(rows, table, strict=True):
        best = products.argmax()
        cells = (
            f'<td style="background:rgba(96,165,250,{max(value, 0):.2f});'
            f'font-weight:{"bold" if place == best else "normal"}">{value:.2f}</td>'
            for place, value in enumerate(products)
        )
        lines.append(f"<tr><th>{escape(name)}</th>{''.join(cells)}</tr>")
    return f"<table><tr><th></th>{head}</tr>{''.join(lines)}</table>"


def draw(images: Path, name: str, html: Any, height: int, width: int = WIDTH) -> None:
    """An SVG that holds HTML, which follows the reader's light or dark setting."""
    body = html.replace("&nbsp;", " ")
    (images / f"{name}.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">\n'
        f"<style>{STYLE}</style>\n"
        f'<foreignObject width="{width}" height="{height}"><body xmlns="http://www.w3.org/1999/xhtml" '
        f'style="min-height:{height}px;box-sizing:border-box">{body}</body></foreignObject>\n</svg>\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--record"]:
        record(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
