"""Sentences with entities that are not right: true and predicted entities marked in the text."""

import numpy as np

from ..data.examples import TaggedWords
from ..errors import counted
from ..evaluation.metrics import Span, entity_spans
from ..evaluation.outcomes import TagOutcome
from .markup import Html, joined, paragraph, tag

_MOST = 20  # sentences
_MOST_WORDS = 80  # of a sentence
_BEFORE = 15  # words before the first mistake of a longer one
_COLOURS = 6


def entity_mistakes(outcome: TagOutcome) -> Html | None:
    """The sentences with the most entities that are not right; of those with as many, the shorter first."""
    wrong = np.flatnonzero(outcome.errors).tolist()
    if not wrong:
        return None
    examples = [outcome.data.examples[index] for index in wrong]
    spans = entity_spans([[*each.labels] for each in examples], [[*outcome.predicted[index]] for index in wrong])
    order = sorted(range(len(wrong)), key=lambda at: (-len(spans[at][0] ^ spans[at][1]), len(examples[at].words)))
    kinds = sorted({kind for pair in spans for side in pair for kind, _, _ in side})
    chosen = [_sentence(examples[at], *spans[at], kinds) for at in order[:_MOST]]
    return joined(
        tag("h3", "Sentences with mistakes"),
        paragraph(
            f"{len(wrong):,} of {counted(len(outcome.errors), 'sentence')} have an entity that is not right; here are "
            f"{len(chosen)} with the most. Dashed entities have no counterpart of the same words and type on the other "
            "line."
        ),
        *chosen,
    )


def _sentence(example: TaggedWords, true: set[Span], predicted: set[Span], kinds: list[str]) -> Html:
    first = min((start for _, start, _ in true ^ predicted), default=0)
    start = max(0, first - _BEFORE) if len(example.words) > _MOST_WORDS else 0
    sides = (("true", true, predicted), ("predicted", predicted, true))
    return tag(
        "div",
        *(
            tag("p", tag("span", name, class_="side"), " ", _marked(example.words, start, spans, others, kinds))
            for name, spans, others in sides
        ),
        class_="sentence",
    )


def _marked(words: tuple[str, ...], start: int, spans: set[Span], others: set[Span], kinds: list[str]) -> Html:
    end = min(len(words), start + _MOST_WORDS)
    pieces: list[str] = ["…"] if start else []
    at = start
    for span in sorted(spans, key=lambda span: span[1:]):
        kind, first, last = span
        if first < at or first >= end:
            continue
        off = span not in others
        pieces += words[at:first]
        pieces.append(
            tag(
                "mark",
                " ".join(words[first : min(last, end)]),
                tag("small", kind),
                tag("span", " (not on the other line)", class_="hidden") if off else None,
                class_=f"k{kinds.index(kind) % _COLOURS}{' off' if off else ''}",
            )
        )
        at = last
    pieces += [*words[at:end], *(["…"] if end < len(words) else [])]
    return tag("bdi", *[part for piece in pieces for part in (" ", piece)][1:])
