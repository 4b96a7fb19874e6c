"""What an explanation holds: each token and word with what it added to one number of the model's output."""

import dataclasses
from typing import Any, Literal

from ..results import Result
from .page import html_fragment, html_page

Method = Literal["leave-one-out", "integrated-gradients"]

ATTENTION_WARNING = (
    "Attention is where the model looked, not what drove the result: other weights may give the same output "
    "(Jain and Wallace 2019, arXiv 1902.10186)."
)


@dataclasses.dataclass(frozen=True, slots=True)
class Attribution(Result):
    """What a token or a word added.

    Attributes:
        text: `text == source[start:end]`, the source being the text for `part` 0 and its pair for `part` 1.
        start, end: in characters.
        value: above 0 where it speaks for what is explained, below where it speaks against it.
        attention: its share of the attention rollout, from 0 to 1; None unless asked for.
    """

    text: str
    start: int
    end: int
    part: int
    value: float
    attention: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class Explanation(Result):
    """Why a model gave a result.

    Attributes:
        target: what is explained: a label, an entity, an answer, "the two texts".
        measure: the number of it that `value`s are parts of, such as "log-odds".
        score: that number for the texts as they are.
        baselines: the number where every token is masked; of a similarity one for each text, the other left as it is.
        method: how values were found.
        tokens, words: in the order of the texts, special tokens left out. By leave-one-out a word's value is that of
            masking all of its tokens at once, by integrated gradients the sum of theirs.
        texts: the text, and its pair where there is one.
        truncated: whether the texts were longer than the model reads; what was cut has no tokens here.
        gap: by integrated gradients, how far values are from adding up to `score` less the baseline (the larger of two
            gaps for a similarity); None by leave-one-out, whose values do not add up to anything.
    """

    target: str
    measure: str
    score: float
    baselines: tuple[float, ...]
    method: Method
    tokens: tuple[Attribution, ...]
    words: tuple[Attribution, ...]
    texts: tuple[str, ...]
    truncated: bool
    gap: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for `json.dumps`."""
        values: dict[str, Any] = {name: self[name] for name in self.keys()}
        return values | {
            "baselines": list(self.baselines),
            "tokens": [token.to_dict() for token in self.tokens],
            "words": [word.to_dict() for word in self.words],
            "texts": list(self.texts),
        }

    @property
    def title(self) -> str:
        """One line on what is explained, and how."""
        cut = "; texts were cut to what the model reads" if self.truncated else ""
        return f"{self.target}: {self.measure} {self.score:.4f}, by {self.method}{cut}"

    @property
    def has_attention(self) -> bool:
        return self.words[0].attention is not None

    def of_part(self, part: int) -> list[Attribution]:
        """The words of the text (0) or of its pair (1)."""
        return [word for word in self.words if word.part == part]

    def marked(self, *, attention: bool = False) -> list[tuple[str, list[tuple[int, int, float]]]]:
        """Each text with its words (start, end, share): value, or attention, from -1 to 1 of the largest."""
        largest = max(abs(_shown(word, attention)) for word in self.words) or 1.0
        texts = []
        for part, text in enumerate(self.texts):
            after, spans = 0, []
            for word in self.of_part(part):
                after, start = max(after, word.end), max(after, word.start)  # two words may share a character
                spans.append((start, after, _shown(word, attention) / largest))
            texts.append((text, spans))
        return texts

    def to_page(self) -> str:
        """A whole HTML page: light and dark, nothing is fetched, all that texts and labels hold is escaped."""
        return html_page(self.target, self._fragment())

    def _repr_html_(self) -> str:
        return self._fragment()

    def _fragment(self) -> str:
        attention = self.marked(attention=True) if self.has_attention else None
        rows = [(word.text, word.value) for word in sorted(self.words, key=lambda word: -abs(word.value))]
        return html_fragment(self.title, self.marked(), rows, attention, ATTENTION_WARNING)


def _shown(word: Attribution, attention: bool) -> float:
    return (word.attention or 0.0) if attention else word.value
