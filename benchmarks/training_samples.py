"""Samples of tasks that training is measured on, and the encoder that it begins with, in sizes that are measured too.

`prepare` reads the data sets of the recipes; what it writes is all that a machine without a network needs.
"""

import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from distilbert.evaluation import TaggedWords, read_data

EXAMPLES = 2000  # to learn from
TOPICS = ("Super_Bowl_50", "Nikola_Tesla", "Martin_Luther", "Doctor_Who")  # articles of SQuAD with many questions
_PIECES = 8000
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_LAYER = "distilbert.transformer.layer."


def prepare(folder: Path) -> None:
    """Samples of all tasks, as TASK.train.jsonl and TASK.test.jsonl, and the encoder: all-MiniLM-L6-v2 in float16."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "recipes"))
    from answers import articles
    from common import encoder, share, source
    from distil_vectors import COLUMNS

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _write_sentiment(folder, source("sentence_polarity"), share)
    _write_entities(folder, source)
    squad = articles()
    _write_questions(folder, sorted(squad, key=lambda article: share(article["title"])))
    _write_topics(folder, squad)
    for part, names in {"train": ["train"], "test": ["dev", "test"]}.items():
        read = [read_data(source(f"stsb/*-en-{name}.csv"), "sentence-similarity", columns=COLUMNS) for name in names]
        rows = [{"text": e.first, "pair": e.second, "score": e.score} for data in read for e in data.examples]
        _write(folder, "similarity", part, rows, 3000)
    _write_encoder(encoder(), folder)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines, those that were written whole; none where there is no file."""
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def append_row(path: Path, row: dict[str, Any]) -> None:
    """In one write, so that the lines of processes do not mix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def memory_folder() -> "tempfile.TemporaryDirectory[str]":
    """For what is trained: checkpoints, which a disk would make wait."""
    in_memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(dir=in_memory if in_memory.is_dir() else None)


def film_reviews(data: Path) -> dict[str, set[str]]:
    """The sentences of each label."""
    found = {}
    for label, name in {"positive": "rt-polarity.pos", "negative": "rt-polarity.neg"}.items():
        lines = (data / name).read_bytes().decode("utf-8", "replace").split("\n")
        found[label] = {line.strip() for line in lines if line.strip()}
    return found


def _write_sentiment(folder: Path, data: Path, share: Any) -> None:
    """Two classes as often, and one of 5 %."""
    reviews = {label: sorted(texts, key=share) for label, texts in film_reviews(data).items()}
    for task, (train, test) in {
        "sentiment": ((1000, 1000), (1000, 1000)),
        "uneven": ((100, 1900), (158, 3000)),
    }.items():
        for part, starts, counts in zip(("train", "test"), ((0, 0), train), (train, test)):
            rows = [
                {"text": text, "label": label}
                for (label, texts), start, count in zip(reviews.items(), starts, counts)
                for text in texts[start : start + count]
            ]
            _write(folder, task, part, rows)


def _write_entities(folder: Path, source: Any) -> None:
    for task, (train_file, tests) in {
        "entities": ("uner_english_ewt/*dev.iob2", ["uner_english_ewt/*test.iob2"]),
        "rare entities": ("wnut17/wnut17train.conll", ["wnut17/emerging.dev.conll", "wnut17/emerging.test.annotated"]),
    }.items():
        train_rows = _tagged(read_data(source(train_file), "token-classification").examples)
        known = {label for row in train_rows for label in row["labels"]}
        test_rows = [row for name in tests for row in _tagged(read_data(source(name), "token-classification").examples)]
        _write(folder, task, "train", train_rows)
        _write(folder, task, "test", [row for row in test_rows if known.issuperset(row["labels"])], 3000)


def _tagged(examples: Any) -> list[dict[str, Any]]:
    assert all(isinstance(example, TaggedWords) for example in examples)
    return [{"words": example.words, "labels": example.labels} for example in examples]


def _write_questions(folder: Path, articles: list[Any]) -> None:
    for part, chosen, most in (("train", articles[10:], EXAMPLES), ("test", articles[:10], 1000)):
        rows = [
            {"id": asked["id"], "question": asked["question"], "context": paragraph["context"],
             "answers": {"text": [each["text"] for each in asked["answers"]],
                         "answer_start": [each["answer_start"] for each in asked["answers"]]}}
            for article in chosen for paragraph in article["paragraphs"] for asked in paragraph["qas"]
        ]  # fmt: skip
        _write(folder, "answers", part, rows, most)


def _write_topics(folder: Path, articles: list[Any]) -> None:
    """Of which article a question was asked: every third question to learn from."""
    rows = [
        {"text": asked["question"], "label": article["title"]}
        for article in articles
        if article["title"] in TOPICS
        for paragraph in article["paragraphs"]
        for asked in paragraph["qas"]
    ]
    for part, chosen in {"train": rows[::3], "test": rows[1::3] + rows[2::3]}.items():
        _write(folder, "topics", part, chosen)


def _write(folder: Path, task: str, part: str, rows: list[Any], most: int = 10**6) -> None:
    random.Random(0).shuffle(rows)
    rows = rows[: EXAMPLES if part == "train" else most]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / f"{task}.{part}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


# the encoder --------------------------------------------------------------------------------------------


def _write_encoder(encoder: Path, folder: Path) -> None:
    """The encoder in float16, with the pieces that the samples use most, all single characters and special tokens."""
    out = folder / "encoder"
    shutil.copytree(encoder, out, ignore=shutil.ignore_patterns("*.safetensors", "tokenizer.json"))
    tokenizer = Tokenizer.from_file(str(encoder / "tokenizer.json"))
    counts: Counter[int] = Counter()
    for file in folder.glob("*.jsonl"):
        for encoding in tokenizer.encode_batch(file.read_text(encoding="utf-8").splitlines()):
            counts.update(encoding.ids)
    pieces = (encoder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    kept = {index for index, piece in enumerate(pieces) if len(piece.removeprefix("##")) == 1 or piece in _SPECIAL}
    kept = sorted({*kept, *(index for index, _ in counts.most_common(_PIECES - len(kept)))})
    (out / "vocab.txt").write_text("\n".join(pieces[index] for index in kept) + "\n", encoding="utf-8")
    weights = _weights(encoder)
    words = "distilbert.embeddings.word_embeddings.weight"
    weights[words] = weights[words][kept]
    half = {name: np.ascontiguousarray(tensor, np.float16) for name, tensor in weights.items()}
    save_file(half, out / "model.safetensors")
    config = json.loads((encoder / "config.json").read_text())
    (out / "config.json").write_text(json.dumps(config | {"vocab_size": len(kept)}))


def _weights(folder: Path) -> dict[str, np.ndarray]:
    found = load_file(folder / "model.safetensors").items()
    return {f"distilbert.{name.removeprefix('distilbert.')}": tensor.astype(np.float32) for name, tensor in found}


def build(encoder: Path, model: str, out: Path) -> None:
    """The encoder as LAYERSxWIDTH: with its first and last layers alone, or every unit of it twice."""
    shutil.copytree(encoder, out)
    config = json.loads((out / "config.json").read_text())
    weights = _weights(encoder)
    layers, width = map(int, model.split("x"))
    if layers < config["n_layers"]:
        weights = _shallower(weights, config["n_layers"], layers)
        config["n_layers"] = layers
    if width > config["dim"]:
        weights = _twice_as_wide(weights)
        config |= {key: 2 * config[key] for key in ("dim", "hidden_dim", "n_heads")}
        pooling = out / "1_Pooling" / "config.json"
        pooling.write_text(json.dumps(json.loads(pooling.read_text()) | {"word_embedding_dimension": config["dim"]}))
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in weights.items()}, out / "model.safetensors")
    (out / "config.json").write_text(json.dumps(config))


def _shallower(weights: Mapping[str, np.ndarray], before: int, after: int) -> dict[str, np.ndarray]:
    """`after` of `before` layers, at even distances."""
    kept = [round(place * (before - 1) / (after - 1)) for place in range(after)]
    chosen = {name: tensor for name, tensor in weights.items() if not name.startswith(_LAYER)}
    for place, layer in enumerate(kept):
        start = f"{_LAYER}{layer}."
        chosen |= {f"{_LAYER}{place}.{n.removeprefix(start)}": t for n, t in weights.items() if n.startswith(start)}
    return chosen


def _twice_as_wide(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A unit and its copy have half of the weights each that lead out of the one they were made of, so that the wider
    model computes the same (Chen et al. 2016, Net2Net, https://arxiv.org/abs/1511.05641); dropout tells them apart.
    """
    wider = {}
    for name, tensor in weights.items():
        leads_in = tensor.ndim == 2 and "embeddings" not in name
        doubled = np.concatenate([tensor, tensor], axis=-1 if "embeddings" in name or tensor.ndim == 1 else 0)
        wider[name] = np.concatenate([doubled, doubled], axis=1) / 2 if leads_in else doubled
    return wider
