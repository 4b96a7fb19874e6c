"""How good a model is, on the CPU engine: examples from files, metrics with intervals, comparisons."""

from ..data.examples import Choices, Data, LabelledText, PlainText, Question, SentencePair, TaggedWords
from ..data.reading import read_data
from .calibrating import CalibrationReport, calibrate
from .evaluations import Evaluation, compare, evaluate
from .intervals import Difference, Interval

__all__ = [
    "CalibrationReport",
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
    "calibrate",
    "compare",
    "evaluate",
    "read_data",
]
