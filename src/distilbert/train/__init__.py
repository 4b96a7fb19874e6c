"""Fine-tuning: from a file of examples to a model folder. Extra `train`.

Read loop.py first: every task, and every way of training, goes through it. docs/training.md shows the use.
"""

from ..errors import MissingExtraError

try:
    import accelerate as _accelerate  # noqa: F401
    import sklearn as _sklearn  # noqa: F401
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError(f"distilbert.train needs {error.name}: pip install 'distilbert[train]'") from None

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
