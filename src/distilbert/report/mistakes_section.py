"""The mistakes section: examples that a person can learn from, as each task has them."""

from ..evaluation.outcomes import AnswerOutcome, LabelOutcome, LabelSetOutcome, TagOutcome
from ..evaluation.scores import Scores
from .answer_mistakes import answer_mistakes
from .entity_mistakes import entity_mistakes
from .label_mistakes import label_error_table, label_mistakes, set_error_table
from .markup import Html, data_text, joined, number, paragraph, table, tag
from .page import Section, section


def mistakes_section(details: Scores) -> Section | None:
    """None where nothing is wrong, or nothing is known of it."""
    match details.outcome:
        case LabelOutcome() as labels:
            content = [label_mistakes(labels), label_error_table(labels)]
        case LabelSetOutcome() as sets:
            content = [_worst(details), set_error_table(sets)]
        case TagOutcome() as tags:
            content = [entity_mistakes(tags)]
        case AnswerOutcome() as answers:
            content = [answer_mistakes(answers)]
        case _:
            content = [_worst(details)]
    found = [part for part in content if part is not None]
    return section("mistakes", "Mistakes", *found) if found else None


def _worst(details: Scores) -> Html | None:
    """Those that the scores keep, as a table."""
    if not details.mistakes:
        return None
    with_text = any(mistake.text for mistake in details.mistakes)
    head = (*(["example"] if with_text else []), "true", "predicted", details.worst_by)
    rows = [
        (
            *([data_text(mistake.text)] if with_text else []),
            data_text(mistake.true),
            data_text(mistake.predicted),
            number(mistake.weight) if mistake.weight % 1 else f"{mistake.weight:,.0f}",
        )
        for mistake in details.mistakes
    ]
    return joined(
        tag("h3", "The worst"),
        paragraph("Look here for wrong labels in the data, and for what the model cannot know."),
        table("The worst mistakes", head, rows, numbers=(len(head) - 1,), class_="texts"),
    )
