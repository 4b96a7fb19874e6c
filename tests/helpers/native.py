"""The native engine on texts of random tokens, beside ONNX Runtime's. Whoever imports this is skipped without it."""

from pathlib import Path

import numpy as np
import pytest

from distilbert.batch import run_batched
from distilbert.engine.native import NativeEngine, processor_kernels
from distilbert.engine.native_weights import Kernels
from distilbert.engine.onnx import OnnxEngine
from distilbert.folder.checkpoint import Head, open_checkpoint
from helpers.token_ids import LENGTHS, texts_of

try:
    KERNELS = processor_kernels()
except ImportError as error:
    pytest.skip(str(error), allow_module_level=True)

FASTEST, GENERIC = KERNELS[0], KERNELS[-1]
# AMX's attention differs from float32's in the fifth digit, so that more numbers fall on other sides of roundings
EXACT = [kernels for kernels in KERNELS if kernels.name != "avx512_amx"]
WIDE = {"dim": 64, "hidden_dim": 256}


def engine_of(
    folder: Path,
    *,
    all_rows: bool = True,
    head: Head | None = None,
    threads: int = 1,
    kernels: Kernels = FASTEST,
) -> NativeEngine:
    checkpoint = open_checkpoint(folder)
    return NativeEngine(checkpoint, head or checkpoint.head, all_rows=all_rows, threads=threads, kernels=kernels)


def onnx_of(folder: Path, precision: str = "int8", *, all_rows: bool = True) -> OnnxEngine:
    checkpoint = open_checkpoint(folder)
    return OnnxEngine(checkpoint, checkpoint.head, all_rows=all_rows, threads=1, precision=precision)


def texts_for(head: Head) -> list[np.ndarray]:
    """Fewer, where each token has a logit for every word."""
    return texts_of((1, 17, 40, 5) if head is Head.MASKED_LM else LENGTHS)


def rows_of(engine: NativeEngine | OnnxEngine, texts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(run_batched(engine.run, texts, None, 256))
