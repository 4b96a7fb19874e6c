"""How good a model is, on the CPU engine: examples from files, metrics with intervals, comparisons."""

from ..data.examples import Choices, Data, LabelledText, PlainText, Question, SentencePair, TaggedWords
from ..data.reading import read_data
from .evaluations import Evaluation, compare, evaluate
from .intervals import Difference, Interval

__all__ = [
    "Choices",
    "Data",
    "Difference",
    "Evaluation",
    "Interval",
    "LabelledText",
    "PlainText",
    "Question",
    "SentencePair",
    "TaggedWords",
    "compare",
    "evaluate",
    "read_data",
]
