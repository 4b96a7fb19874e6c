"""report.html: one page for training, distillation, evaluation and quantisation, which needs no network."""

from ..errors import check_extra

check_extra("report", "report", "matplotlib")

from .evaluation import write_evaluation
from .guarantee import write_guarantee
from .page import check_place
from .quantization import write_quantization
from .training import Training, write_training

__all__ = ["Training", "check_place", "write_evaluation", "write_guarantee", "write_quantization", "write_training"]
