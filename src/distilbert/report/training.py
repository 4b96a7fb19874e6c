"""The page of a run of training or distillation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..command_text import setting_text
from ..data.examples import Data
from ..evaluation.intervals import Interval
from ..evaluation.scores import Scores
from .data_section import data_section
from .evaluation import details_sections
from .markup import Child, data_text, number, paragraph, table
from .page import Section, section, write_page
from .scores_section import score_table, scores_section
from .search_section import Searched, search_section
from .texts import text_counts
from .training_section import Evaluations, Losses, training_section


@dataclass(frozen=True)
class Training:
    """How a model was made.

    Attributes:
        facts: what its training.json says: "task", "made" ("Fine-tuned", "Distilled", "Fitted"), "from" what,
            "command", "settings", "versions", "seconds"; where there were steps "steps" and "tokens", and "best_step"
            where an evaluation chose one; of distillation "student", "teacher_score" and perhaps "vocabulary".
        data: the examples by part: "train", then perhaps "evaluation" and "test".
        losses, evaluations: by step.
        details, scores: of the best weights on the evaluation data; None and empty without.
        test_scores: of them on the test data.
        searched: how its shape was found, where it was searched for; `details` are then of examples that decided
            nothing.
    """

    facts: Mapping[str, Any]
    data: Sequence[tuple[str, Data[Any]]]
    losses: Losses
    evaluations: Evaluations
    details: Scores | None
    scores: Mapping[str, Interval]
    test_scores: Mapping[str, Interval]
    searched: Searched | None = None


def write_training(places: Iterable[str | Path], training: Training) -> None:
    """Write the report of a run as one HTML file to each place, whole or not at all.

    Raises InputError where it cannot be written.
    """
    facts, details = training.facts, training.details
    seconds = facts["seconds"]
    shown: list[tuple[str, Child]] = [
        ("task", facts["task"]),
        (facts["made"].lower() + " from", data_text(facts["from"])),
        ("examples", f"{facts['train_examples']:,}"),
        ("time", duration(seconds)),
    ]
    if "steps" in facts:
        shown.append(("steps", f"{facts['steps']:,}"))
        shown.append(("tokens a second", f"{facts['tokens'] / max(seconds, 1e-9):,.0f}"))
    sections: list[Section | None] = [data_section(training.data), _student(facts, training.scores)]
    if training.searched:
        sections.append(search_section(training.searched))
    if details:
        sections.append(scores_section(details, training.scores, note=_note(training)))
    sections.append(_test(training.test_scores))
    main = details.main if details else ""
    if training.losses:
        best = facts.get("best_step", facts["steps"])
        sections.append(training_section(training.losses, training.evaluations, main, best))
    if details:
        sections += details_sections(details, training.scores, text_counts(training.data[0][1]))
    sections.append(_settings(facts["settings"], facts["versions"]))
    title = "Distillation" if facts["made"] == "Distilled" else "Training"
    write_page(places, f"{title}: {facts['task']}", shown, facts["command"], sections)


def _note(training: Training) -> str:
    """What the scores are worth."""
    if training.searched:
        return "On examples that decided nothing."
    if "best_step" not in training.facts or training.details is None:
        return ""
    return (
        f"These are the weights of step {training.facts['best_step']:,}, the best by {training.details.main}; as these "
        "examples chose them, scores on examples never seen may be a little lower."
    )


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _student(facts: Mapping[str, Any], scores: Mapping[str, Interval]) -> Section | None:
    """What distillation says of the student beside its teacher."""
    if "student" not in facts:
        return None
    lines = [facts["student"], facts.get("vocabulary")]
    rows = [
        (name, number(score, 4), number(scores[name].value, 4), f"{scores[name].value / score:.1%}")
        for name, score in facts.get("teacher_score", {}).items()
        if name in scores and score > 0
    ]
    head = ("metric", "teacher", "student", "share of the teacher's")
    compared = table("Teacher and student on the evaluation examples", head, rows, numbers=(1, 2, 3)) if rows else None
    return section("student", "Student", *(paragraph(line) for line in lines if line), compared)


def _test(scores: Mapping[str, Interval]) -> Section | None:
    """Scores on examples that decided nothing."""
    if not scores:
        return None
    explained = paragraph("On examples that decided nothing.")
    return section("test", "Test scores", explained, score_table("Each metric on the test data", scores))


def _settings(settings: Mapping[str, Any], versions: Mapping[str, str]) -> Section:
    rows = [*((name, setting_text(value)) for name, value in settings.items()), *versions.items()]
    return section("settings", "Settings", table("Settings and versions", ("setting", "value"), rows))
