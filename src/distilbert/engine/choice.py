"""Which engine runs a model on the CPU, and why."""

import os

from ..errors import InputError
from ..folder.checkpoint import Checkpoint, Head
from .cpus import available_cpus
from .seam import CpuEngine

VARIABLE = "DISTILBERT_ENGINE"
# measured to be faster than ONNX Runtime (docs/performance.md); other kernels run where the variable asks for them
_FASTER = ("avx2",)


def open_on_cpu(
    checkpoint: Checkpoint, head: Head, *, all_rows: bool, precision: str, threads: int | None = None
) -> CpuEngine:
    """An engine on `threads` threads, by default on all cores that the process may use.

    int8 is run by the native engine where it is installed and faster on this processor, all else by ONNX Runtime.
    DISTILBERT_ENGINE, "onnx" or "native", decides over int8 by hand: raises InputError for another value, and where the
    native engine cannot run.
    """
    threads = threads or available_cpus()
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in ("", "onnx", "native"):
        raise InputError(f"{VARIABLE} must be 'onnx' or 'native', not {wanted!r}")
    if precision != "int8":
        reason = f"{precision} runs there"
    elif wanted == "onnx":
        reason = f"{VARIABLE} asks for it"
    else:
        from .native import NativeEngine, processor_kernels  # not at the top: most of it is of no use without the library

        try:
            kernels = processor_kernels()[0]
        except ImportError as error:
            absent = isinstance(error, ModuleNotFoundError)
            reason = "distilbert-native is not installed" if absent else str(error)
        else:
            if wanted or kernels.name in _FASTER:
                why = f"{VARIABLE} asks for it" if wanted else "it is the faster one on this processor"
                why = f"{kernels.name} kernels: {why}"
                return NativeEngine(
                    checkpoint, head, all_rows=all_rows, threads=threads, kernels=kernels, reason=why
                )
            reason = f"the native engine's {kernels.name} kernels were not measured to be faster"
        if wanted:
            raise InputError(f"{VARIABLE}=native, but {reason}; pip install 'distilbert[native]'")
    from .onnx import OnnxEngine  # it imports onnxruntime

    return OnnxEngine(checkpoint, head, all_rows=all_rows, precision=precision, threads=threads, reason=reason)
