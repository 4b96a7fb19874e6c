"""int8 with a guarantee: as many matrices in int8 as keep a task's metric on the user's own examples."""

from ..convert.layer_errors import LayerError
from .quantizing import Guarantee, Rung, quantize_within

__all__ = ["Guarantee", "LayerError", "Rung", "quantize_within"]
