"""Fine-tuning: from a file of examples to a model folder. Extra `train`.

Read loop.py first: every task, and every way of training, goes through it. docs/training.md shows the use.
"""

from ..errors import check_extra

check_extra("train", "train", "accelerate", "sklearn", "torch")

from ..arguments import FinetuneArguments
from ..trained import Trained
from .estimator import DistilBertClassifier
from .finetuning import finetune
from .loop import parameter_groups

__all__ = [
    "DistilBertClassifier",
    "FinetuneArguments",
    "Trained",
    "finetune",
    "parameter_groups",
]
