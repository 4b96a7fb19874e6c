"""Distillation: a small student is trained on the outputs of a large teacher. Extra `train`.

Read objective.py first: it is what the loop of distilbert.train trains. docs/distillation.md shows the use.
"""

from ..errors import check_extra

check_extra("distill", "train", "accelerate", "sklearn", "torch")

from ..arguments import DistillArguments, Shape
from ..evaluation.candidates import Candidate
from .distillation import distill
from .smallest import SmallestStudent, find_smallest
from .student_search import search

__all__ = ["Candidate", "DistillArguments", "Shape", "SmallestStudent", "distill", "find_smallest", "search"]
