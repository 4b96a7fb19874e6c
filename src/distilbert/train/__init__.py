"""Fine-tuning and distillation: from a file of examples to a model folder. Extra `train`.

Read loop.py first: every task, and every way of training, goes through it. docs/training.md and docs/distillation.md
show the use.
"""

from ..errors import MissingExtraError

try:
    import accelerate as _accelerate  # noqa: F401
    import sklearn as _sklearn  # noqa: F401
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError(f"distilbert.train needs {error.name}: pip install 'distilbert[train]'") from None

from .distillation.distilling import DistillArguments, distill
from .distillation.search import Candidate, search
from .distillation.shrinking import Shape
from .estimator import DistilBertClassifier
from .finetuning import Arguments, finetune
from .whole_run import Trained

__all__ = [
    "Arguments",
    "Candidate",
    "DistilBertClassifier",
    "DistillArguments",
    "Shape",
    "Trained",
    "distill",
    "finetune",
    "search",
]
