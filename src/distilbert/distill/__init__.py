"""Distillation: a small student is trained on the outputs of a large teacher. Extra `train`.

Read objective.py first: it is what the loop of distilbert.train trains. docs/distillation.md shows the use.
"""

from ..errors import MissingExtraError

try:
    import accelerate as _accelerate  # noqa: F401
    import sklearn as _sklearn  # noqa: F401
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError(f"distilbert.distill needs {error.name}: pip install 'distilbert[train]'") from None

from ..arguments import DistillArguments, Shape
from ..evaluation.candidates import Candidate
from .distillation import distill
from .smallest import SmallestStudent, find_smallest
from .student_search import search

__all__ = ["Candidate", "DistillArguments", "Shape", "SmallestStudent", "distill", "find_smallest", "search"]
