"""Which engine runs a model on the CPU, and why."""

import os
from dataclasses import dataclass
from typing import Literal

from .. import int8
from ..errors import InputError
from ..folder.checkpoint import Checkpoint, Head
from .cpus import available_cpus
from .native_weights import Kernels
from .seam import CpuEngine

VARIABLE = "DISTILBERT_ENGINE"
# measured to be faster than ONNX Runtime (docs/performance.md); other kernels run where the variable asks for them
_FASTER = ("avx2", "avx512_vnni", "avx512_amx")


@dataclass(frozen=True)
class Choice:
    """An engine.

    Attributes:
        reason: why it is this one.
        kernels: of the native engine.
    """

    name: Literal["onnx", "native"]
    reason: str
    kernels: Kernels | None = None

    def __str__(self) -> str:
        kernels = f" ({self.kernels.name})" if self.kernels else ""
        return f"{self.name}{kernels}, because {self.reason}"


def choose(precision: str) -> Choice:
    """The native engine for int8, where it is installed and faster on this processor; for all else ONNX Runtime.

    DISTILBERT_ENGINE, "onnx" or "native", decides over int8 by hand. Raises InputError for another value, and for
    "native" where it cannot run.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in ("", "onnx", "native"):
        raise InputError(f"{VARIABLE} must be 'onnx' or 'native', not {wanted!r}")
    if precision != "int8":
        return Choice("onnx", f"it runs {precision}")
    if wanted == "onnx":
        return Choice("onnx", f"{VARIABLE} asks for it")
    from .native import processor_kernels  # not at the top: nothing else needs ctypes

    try:
        kernels = processor_kernels()[0]
    except ImportError as error:
        reason = "distilbert-native is not installed" if isinstance(error, ModuleNotFoundError) else str(error)
        if wanted:
            raise InputError(f"{VARIABLE}=native: {reason}; pip install 'distilbert[native]'") from None
        return Choice("onnx", reason)
    if wanted:
        return Choice("native", f"{VARIABLE} asks for it", kernels)
    if kernels.name not in _FASTER or kernels.bits < int8.fitting_bits():  # AVX-VNNI: ONNX Runtime has it, we have not
        return Choice("onnx", f"distilbert-native's {kernels.name} kernels are not known to be faster")
    return Choice("native", "it is faster on this processor", kernels)


def open_on_cpu(
    checkpoint: Checkpoint, head: Head, *, all_rows: bool, precision: str, threads: int | None = None
) -> CpuEngine:
    """The engine that `choose` names, on `threads` threads: by default on all cores that the process may use."""
    choice = choose(precision)
    threads = threads or available_cpus()
    if choice.kernels:
        from .native import NativeEngine

        return NativeEngine(
            checkpoint, head, all_rows=all_rows, threads=threads, kernels=choice.kernels, reason=choice.reason
        )
    from .onnx import OnnxEngine  # it imports onnxruntime

    return OnnxEngine(checkpoint, head, all_rows=all_rows, threads=threads, precision=precision, reason=choice.reason)
