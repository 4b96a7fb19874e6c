"""Label schemes of token classifiers: which tokens form an entity, and which sequences of labels are valid."""

from collections.abc import Collection, Sequence
from typing import Literal

import numpy as np

Role = Literal["outside", "bare", "begin", "inside", "end", "single"]
_PREFIXES: dict[str, Role] = {
    "B": "begin",
    "I": "inside",
    "M": "inside",  # BMES
    "E": "end",
    "L": "end",  # BILOU
    "S": "single",
    "U": "single",  # BILOU
}
_OUTSIDE = ("O", "o")


class LabelScheme:
    """What labels say of spans: IOB1, IOB2, IOBES, BILOU, BMES and bare labels, in any mixture.

    A label is a prefix, a hyphen and a type ("B-PER", in either case; more hyphens belong to the type).
    E, L, S, U and M are prefixes only where their type has a B- or I- as well: "E-mail" is a bare label.
    Labels that are nothing but prefixes (B, I, O) have the type "". "O" is no entity, and is not the type
    of "B-O".

    Attributes:
        types: each label's type; a bare label is its own.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = tuple(labels)
        parsed = _parse(labels)
        self.types = tuple(kind for _, kind in parsed)
        self._roles = np.array([role for role, _ in parsed])
        numbers: dict[tuple[bool, str], int] = {}  # "O" apart from the type "O"
        kinds = [numbers.setdefault((role == "outside", kind), len(numbers)) for role, kind in parsed]
        self._kinds = np.array(kinds)
        self._begins = np.isin(self._roles, ("begin", "single"))
        self._ends = np.isin(self._roles, ("end", "single"))

    def matching(self, names: Collection[str]) -> np.ndarray:
        """bool [labels]: those that are named, or whose type is. The name "O" is the label alone, no type."""
        return np.array(
            [
                label in names or (kind in names and kind not in _OUTSIDE)
                for label, kind in zip(self._labels, self.types, strict=True)
            ]
        )

    def starts(self, labels: np.ndarray) -> np.ndarray:
        """The places where a span begins in a sequence of label indices [T], which need not be valid.

        As in Transformers, an I- behind another type begins a span. So does what follows an E- or S-.
        """
        kinds = self._kinds[labels]
        new = self._begins[labels]
        new[:1] = True
        new[1:] |= (kinds[1:] != kinds[:-1]) | self._ends[labels[:-1]]
        return np.flatnonzero(new)

    def best_sequence(self, log_probabilities: np.ndarray, *, iob1: bool) -> np.ndarray:
        """The likeliest valid sequence of labels, int64 [T], for float [T, labels] (Viterbi's algorithm).

        In a valid one an entity begins with B- (or S-) and, where its type has them, ends with E- (or S-).
        With `iob1` it begins with I-, and with B- right behind another of its type alone.
        """
        first, follows, last = self._valid(iob1)
        likeliest = log_probabilities.argmax(-1)
        if first[likeliest[0]] and last[likeliest[-1]] and follows[likeliest[:-1], likeliest[1:]].all():
            return likeliest
        penalty = np.where(follows, 0.0, -np.inf)
        score = np.where(first, log_probabilities[0], -np.inf)
        came_from = np.zeros(log_probabilities.shape, np.int64)
        for place in range(1, len(came_from)):
            paths = score[:, None] + penalty
            came_from[place] = paths.argmax(0)
            score = paths.max(0) + log_probabilities[place]
        best = np.empty(len(came_from), np.int64)
        best[-1] = np.where(last, score, -np.inf).argmax()
        for place in range(len(best) - 1, 0, -1):
            best[place - 1] = came_from[place, best[place]]
        return best

    def _valid(self, iob1: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """bool [labels], [labels, labels], [labels]: what may come first, what may follow what, what may come last."""
        opens = np.ones(len(self._roles), bool)  # an entity may begin with it
        closes = np.ones(len(self._roles), bool)  # an entity may end with it
        parts = np.zeros(len(self._roles), bool)  # it begins an entity only behind its own type
        for label, role in enumerate(self._roles):
            siblings = self._roles[self._kinds == self._kinds[label]]
            if role == "begin":
                parts[label] = iob1 and "inside" in siblings
                closes[label] = "single" not in siblings
            elif role == "inside":
                opens[label] = iob1 or "begin" not in siblings
                closes[label] = "end" not in siblings
            elif role == "end":
                opens[label] = iob1 or "begin" not in siblings  # IOE2: a word by itself
        same = self._kinds[:, None] == self._kinds
        continues = same & ~self._ends[:, None] & ~self._begins
        begins_anew = closes[:, None] & opens & (same | ~parts)
        return opens & ~parts, continues | begins_anew, closes


def _parse(labels: Sequence[str]) -> list[tuple[Role, str]]:
    """Each label's role and type."""
    letters = {label.upper() for label in labels}
    only_prefixes = {"B", "I"} <= letters <= {*_PREFIXES, "O"}
    types = {label[2:] for label in labels if label[:2].upper() in ("B-", "I-")}
    parsed: list[tuple[Role, str]] = []
    for label in labels:
        role = _PREFIXES.get(label[:1].upper())
        if label in _OUTSIDE:
            parsed.append(("outside", label))
        elif role and (only_prefixes or (label[1:2] == "-" and label[2:] in types)):
            parsed.append((role, label[2:]))
        else:
            parsed.append(("bare", label))
    return parsed
