"""report.html: one page for training, distillation, evaluation and quantisation, which needs no network."""

from ..errors import MissingExtraError

try:
    import matplotlib  # noqa: F401
except ImportError:
    raise MissingExtraError("distilbert.report needs Matplotlib: pip install 'distilbert[report]'") from None

from .evaluation import write_evaluation
from .guarantee import write_guarantee
from .page import check_place
from .quantization import write_quantization
from .training import Training, write_training

__all__ = ["Training", "check_place", "write_evaluation", "write_guarantee", "write_quantization", "write_training"]
