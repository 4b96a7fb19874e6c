"""How good a model is, on the CPU engine: examples from files, metrics with intervals, comparisons."""

from ..data.reading import read_data
from .evaluations import Evaluation, compare, evaluate
from .metrics import Difference, Interval

__all__ = ["Difference", "Evaluation", "Interval", "compare", "evaluate", "read_data"]
