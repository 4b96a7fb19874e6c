"""The page of an evaluation."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..evaluation.evaluations import Evaluation
from ..evaluation.intervals import Difference, Interval
from ..evaluation.scores import Scores
from .calibration_section import calibration_section
from .data_section import data_section
from .groups_section import groups_section
from .labels_section import labels_section
from .markup import data_text
from .mistakes_section import mistakes_section
from .numbers_section import numbers_section
from .page import Section, write_page
from .predictions_section import predictions_section
from .scores_section import scores_section


def write_evaluation(
    path: str | Path,
    evaluation: Evaluation,
    *,
    command: str = "",
    other: Evaluation | None = None,
    differences: Mapping[str, Difference] | None = None,
) -> None:
    """Write the report of an evaluation as one HTML file, whole or not at all; `command` makes it again.

    `other` is another model's evaluation on the same examples, `differences` what `compare` says of the two.

    Raises InputError where the file cannot be written.
    """
    details = evaluation.details
    facts = [
        ("model", data_text(evaluation.model)),
        ("data", data_text(evaluation.data)),
        ("task", evaluation.task),
        ("examples", f"{details.examples:,}"),
        ("precision", evaluation.precision),
        ("examples a second", f"{evaluation.rate:,.1f}"),
        ("MB of weights", f"{evaluation.bytes / 1e6:,.1f}"),
    ]
    compared = (other.model, other.scores, differences or {}) if other else None
    if other and other.model == evaluation.model:
        compared = (f"{other.model} ({other.precision})", other.scores, differences or {})
    sections: list[Section | None] = []
    if details.outcome:
        data = dataclasses.replace(details.outcome.data, guessed=evaluation.guessed)
        sections.append(data_section([("evaluated", data)]))
    sections.append(scores_section(details, evaluation.scores, other=compared))
    sections += details_sections(details, evaluation.scores)
    write_page([path], f"Evaluation: {evaluation.task}", facts, command, sections)


def details_sections(
    details: Scores, scores: Mapping[str, Interval], known: Counter[str] | None = None
) -> Iterator[Section | None]:
    """What a report has of any model that was scored. `known`: in how many training examples each word stands."""
    yield labels_section(details)
    yield calibration_section(details, scores.get("calibration_error"))
    yield numbers_section(details.outcome)
    yield mistakes_section(details)
    yield groups_section(details.outcome, known)
    yield predictions_section(details, "distilbert evaluate has all of them with --predictions FILE.csv.")
