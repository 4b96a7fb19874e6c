"""NativeEngine: int8 by the kernels of the distribution `distilbert-native` (native/ in the repository), by ctypes."""

import ctypes
import weakref
from functools import cache, cached_property

import numpy as np

from ..activations import Activation
from ..batch import Batch
from ..errors import CheckpointError
from ..folder.checkpoint import HEAD_LAYERS, Checkpoint, Head, outputs_of
from ..int8 import Scheme
from .native_weights import Kernels, open_weights
from .seam import CpuEngine

INTERFACE = 2  # kInterface in native/src/interface.h
_ACTIVATIONS = {  # in the order of native/src/kernels.h
    Activation.gelu: 0,
    Activation.gelu_new: 1,
    Activation.gelu_pytorch_tanh: 1,
    Activation.gelu_fast: 1,
    Activation.quick_gelu: 2,
    Activation.relu: 3,
    Activation.silu: 4,
    Activation.mish: 5,
    Activation.tanh: 6,
    Activation.linear: 7,
}
_NO_MEMORY = 8
_FAULTS = {  # in the order of native/src/interface.h
    1: "the weights do not fit the config",
    2: "the processor does not have these kernels",
    3: "lengths do not fit the ids",
    4: "an id is outside the vocabulary",
    5: "rows do not ascend within the tokens",
    6: "a text attends to none of its tokens, or to more than it has",
    7: "the output has another size",
    _NO_MEMORY: "there is no memory, or the system gives no thread",
}


class _Shape(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int32)
        for name in (
            *("dim", "hidden_dim", "heads", "layers", "vocabulary", "positions"),
            *("outputs", "activation", "head", "word_bits", "smoothed"),
        )
    ]


class _Weight(ctypes.Structure):
    _fields_ = [("at", ctypes.c_void_p), ("bytes", ctypes.c_uint64)]


@cache
def library() -> ctypes.CDLL:
    """The shared library. Raises ImportError where it is not installed, cannot be loaded, or is of another version."""
    import distilbert_native

    try:
        loaded = ctypes.CDLL(str(distilbert_native.library()))
        interface = loaded.distilbert_interface()
    except (OSError, StopIteration, AttributeError) as error:
        raise ImportError(f"distilbert-native cannot be loaded ({error})") from None
    if interface != INTERFACE:
        raise ImportError(f"distilbert-native has interface {interface}, and this version needs {INTERFACE}")
    pointer, size, number = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int32
    loaded.distilbert_kernels.restype = ctypes.c_char_p
    loaded.distilbert_open.restype = pointer
    loaded.distilbert_open.argtypes = [ctypes.c_char_p, pointer, pointer, size, number, pointer]
    loaded.distilbert_run.argtypes = [pointer, pointer, size, pointer, size, pointer, size, pointer, pointer, size]
    loaded.distilbert_close.argtypes = [pointer]
    loaded.distilbert_close.restype = None
    loaded.distilbert_product.argtypes = [ctypes.c_char_p, pointer, number, pointer, pointer, number, number, pointer]
    loaded.distilbert_activate.argtypes = [ctypes.c_char_p, number, pointer, number]
    return loaded


def processor_kernels() -> list[Kernels]:
    """The kernels that this processor runs, the fastest first; "generic" is always the last. Raises ImportError."""
    loaded = library()
    found: list[Kernels] = []
    group, bits = ctypes.c_int32(), ctypes.c_int32()
    while name := loaded.distilbert_kernels(len(found), ctypes.byref(group), ctypes.byref(bits)):
        found.append(Kernels(name.decode(), group.value, bits.value))
    return found


class NativeEngine(CpuEngine):
    """A model in int8."""

    name = "native"

    def __init__(
        self, checkpoint: Checkpoint, head: Head, *, all_rows: bool, threads: int, kernels: Kernels, reason: str = ""
    ) -> None:
        self._kernels, self._shape, reason = kernels, _shape(checkpoint, head), reason or kernels.name
        super().__init__(checkpoint, head, all_rows=all_rows, threads=threads, precision="int8", reason=reason)

    @cached_property
    def _weights(self) -> list[np.ndarray]:
        return open_weights(self._checkpoint, self._head, self._kernels)

    def _open(self) -> None:
        places = [_Weight(array.ctypes.data, array.nbytes) for array in self._weights]
        fault = ctypes.c_int32()
        self._engine = library().distilbert_open(
            self._kernels.name.encode(),
            ctypes.byref(self._shape),
            (_Weight * len(places))(*places),
            len(places),
            self.threads,
            ctypes.byref(fault),
        )
        if not self._engine:
            raise CheckpointError(
                f"{self._checkpoint.folder}: the native engine cannot open it ({_FAULTS[fault.value]})"
            )
        self._closing = weakref.finalize(self, library().distilbert_close, self._engine)
        self._closing.atexit = False  # another thread may still run

    def _output(self, batch: Batch) -> np.ndarray:
        rows = None if self._all_rows else batch.rows
        read = len(batch.ids) if rows is None else len(rows)
        output = np.empty((read, self._shape.outputs), np.float32)
        # by name, so that what is made contiguous lives until the call has ended
        vectors = [
            None if v is None else np.ascontiguousarray(v, np.int64)
            for v in (batch.ids, batch.lengths, rows, batch.attended)
        ]
        ids, lengths, chosen, attended = (None if v is None else v.ctypes.data for v in vectors)
        fault = library().distilbert_run(
            self._engine, ids, len(batch.ids), lengths, batch.size, chosen, read, attended,
            output.ctypes.data, output.size,
        )  # fmt: skip
        if fault:
            raise (MemoryError if fault == _NO_MEMORY else ValueError)(_FAULTS[fault])
        return output

    def _leave(self) -> None:
        """The engine that waits for its threads is never closed, and another one made."""
        self._closing.detach()
        self._open()


def _shape(checkpoint: Checkpoint, head: Head) -> _Shape:
    config, scheme = checkpoint.config, checkpoint.scheme or Scheme()
    return _Shape(
        config.dim,
        config.hidden_dim,
        config.n_heads,
        config.n_layers,
        config.vocab_size,
        config.max_position_embeddings,
        outputs_of(head, config),
        _ACTIVATIONS[config.activation],
        len(HEAD_LAYERS[head]),  # as native/src/model.h numbers them
        scheme.word_bits,
        scheme.smoothed,
    )
