"""The model card: what a model was made of and how, its scores and its settings, as README.md in its folder."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from .command_text import setting_text
from .errors import counted
from .evaluation.intervals import Interval
from .files import is_file, written_whole

_HUB_NAME = re.compile(r"(?!starter/)[\w.-]+/[\w.-]+")
_CACHED = re.compile(r"/models--([\w.-]+?)--([\w.-]+)/snapshots/")
# the hub's ids of metrics, where they are not the names here
_METRIC_TYPES = {
    "f1_macro": "f1",
    "f1_micro": "f1",
    "f1_weighted": "f1",
    "mcc": "matthews_correlation",
    "auc": "roc_auc",
    "pearson": "pearsonr",
    "spearman": "spearmanr",
}


def write_card(folder: Path, facts: Mapping[str, Any], scores: Mapping[str, Interval], *, name: str = "") -> None:
    """Write README.md into a model's folder.

    `facts` say how the model was made; `scores` are empty without an evaluation; `name` is the model's, the folder's
    own by default.
    """
    with written_whole(folder / "README.md") as path:
        path.write_text(_card(name or folder.name, facts, scores), encoding="utf-8", errors="replace")


def metadata(name: str, facts: Mapping[str, Any], scores: Mapping[str, Interval]) -> ModelCardData:
    """What the hub reads of a card: the model that it was made from where the hub has it, that one's language and
    licence where its own card is at hand, and each score as the hub's model-index has them.
    """
    source = Path(facts["from"])
    found = _CACHED.search(source.as_posix()) if source.exists() else None
    base = f"{found[1]}/{found[2]}" if found else None
    if not source.exists() and _HUB_NAME.fullmatch(str(facts["from"])):
        base = str(facts["from"])
    about: dict[str, Any] = {}
    if is_file(source / "README.md"):
        from yaml import YAMLError  # type: ignore[import-untyped]  # not at the top: huggingface-hub's

        try:
            about = ModelCard.load(source / "README.md").data.to_dict()
        except (ValueError, YAMLError, OSError):  # a card of another kind
            about = {}
    data = Path(str(facts["settings"]["eval"]))
    results = [
        EvalResult(
            task_type=facts["task"],
            dataset_type=data.suffix.removeprefix(".") or "text",
            dataset_name=data.name,
            metric_type=_METRIC_TYPES.get(metric, metric),
            metric_name=metric,
            metric_value=round(score.value, 4),
        )
        for metric, score in scores.items()
        if math.isfinite(score.value)
    ]
    return ModelCardData(
        model_name=name,
        library_name="distilbert",
        pipeline_tag=facts["task"],
        tags=["distilbert"],
        base_model=base or about.get("base_model"),
        language=about.get("language"),
        license=about.get("license"),
        eval_results=results or None,
    )


def _card(name: str, facts: Mapping[str, Any], scores: Mapping[str, Interval]) -> str:
    settings = facts["settings"]
    lines = [
        "---",
        metadata(name, facts, scores).to_yaml(),
        "---",
        f"# A DistilBERT for {facts['task']}",
        "",
        f"{facts['made']} from `{facts['from']}` with `{facts['command']}`. `report.html` shows how it went.",
        "",
        "```python",
        "import distilbert",
        "",
        'model = distilbert.load("path/to/this/folder")',
        "```",
        "",
        "## Data",
        "",
        f"- trained on `{settings['train']}`: {counted(facts['train_examples'], 'example')}",
    ]
    if scores:
        lines.append(f"- evaluated on `{settings['eval']}`: {counted(facts['eval_examples'], 'example')}")
        if "best_step" in facts:
            lines[-1] += ", which also chose the best"
            lines.append("  of the run's weights, so that scores on data never seen may be a little lower")
    if facts["labels"]:
        lines.append(f"- labels: {', '.join(f'`{label}`' for label in facts['labels'])}")
    lines += ["", "## Scores", ""]
    if scores:
        lines += ["| metric | value | 95 % interval (bootstrap) |", "|---|---|---|"]
        lines += [
            f"| {name} | {score.value:.4f} | {score.low:.4f} to {score.high:.4f} |" for name, score in scores.items()
        ]
    else:
        lines.append("None: the run had no data to evaluate on.")
    lines += ["", "## Settings", "", "| setting | value |", "|---|---|"]
    lines += [f"| {name} | {setting_text(value)} |" for name, value in settings.items()]
    if "best_step" in facts:
        lines.append(f"| steps, of which the best | {facts['steps']}, {facts['best_step']} |")
    lines += [f"| {name} | {version} |" for name, version in facts["versions"].items()]
    return "\n".join([*lines, ""])
