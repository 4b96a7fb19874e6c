"""The model card: what a model was made of and how, its scores and its settings, as README.md in its folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..evaluation.intervals import Interval
from ..files import written_whole
from ..report.settings_section import setting_text


def write_card(out: Path, facts: Mapping[str, Any], scores: Mapping[str, Interval]) -> None:
    """Write README.md into `out`. `facts` say how the model was made; `scores` are empty without an evaluation."""
    with written_whole(out / "README.md") as path:
        path.write_text(_card(facts, scores), encoding="utf-8", errors="replace")


def _card(facts: Mapping[str, Any], scores: Mapping[str, Interval]) -> str:
    settings = facts["settings"]
    lines = [
        "---",
        "library_name: distilbert",
        f"pipeline_tag: {facts['task']}",
        "tags: [distilbert]",
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
        f"- trained on `{settings['train']}`: {facts['train_examples']} examples",
    ]
    if scores:
        lines.append(
            f"- evaluated on `{settings['eval']}`: {facts['eval_examples']} examples, which also chose the best"
        )
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
    lines += [f"| steps, of which the best | {facts['steps']}, {facts['best_step']} |"]
    lines += [f"| {name} | {version} |" for name, version in facts["versions"].items()]
    return "\n".join([*lines, ""])
