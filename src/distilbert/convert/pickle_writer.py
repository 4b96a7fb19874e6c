"""The opposite of pickle_reader.py: the bytes of the pickles that PyTorch puts before its tensors."""

import pickle
import struct
from collections.abc import Mapping, Sequence

from ..folder.weights import Weight

_STORAGES = {"F32": "FloatStorage", "F16": "HalfStorage", "BF16": "BFloat16Storage"}


class Pickler:
    """Writes one pickle of protocol 2, with the opcodes that PyTorch itself uses."""

    def __init__(self) -> None:
        self._bytes = bytearray(pickle.PROTO + b"\x02")

    def state_dict(self, weights: Mapping[str, Weight], stored_as: str) -> None:
        """An OrderedDict of tensors; tensor number i lies in storage "i"."""
        self._ordered_dict()
        self._tensors(weights, stored_as)

    def module(self, weights: Mapping[str, Weight], stored_as: str) -> None:
        """A TorchScript object of class `__torch__.Module` whose attributes are the tensors."""
        self._global("__torch__", "Module")
        self._bytes += pickle.EMPTY_TUPLE + pickle.NEWOBJ + pickle.EMPTY_DICT
        self._tensors(weights, stored_as)
        self._bytes += pickle.BUILD

    def empty_tuple(self) -> None:
        self._bytes += pickle.EMPTY_TUPLE

    def finish(self) -> bytes:
        return bytes(self._bytes + pickle.STOP)

    def _tensors(self, weights: Mapping[str, Weight], stored_as: str) -> None:
        self._bytes += pickle.MARK
        for key, (name, weight) in enumerate(weights.items()):
            self._text(name)
            self._tensor(str(key), weight.shape, _STORAGES[stored_as])
        self._bytes += pickle.SETITEMS

    def _tensor(self, key: str, shape: tuple[int, ...], storage: str) -> None:
        """`_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)`, contiguous."""
        strides = [1]
        for extent in reversed(shape):
            strides.insert(0, strides[0] * extent)
        self._global("torch._utils", "_rebuild_tensor_v2")
        self._bytes += pickle.MARK
        self._bytes += pickle.MARK
        self._text("storage")
        self._global("torch", storage)
        self._text(key)
        self._text("cpu")
        self._number(strides[0])
        self._bytes += pickle.TUPLE + pickle.BINPERSID
        self._number(0)
        self._numbers(shape)
        self._numbers(strides[1:])
        self._bytes += pickle.NEWFALSE
        self._ordered_dict()
        self._bytes += pickle.TUPLE + pickle.REDUCE

    def _ordered_dict(self) -> None:
        self._global("collections", "OrderedDict")
        self._bytes += pickle.EMPTY_TUPLE + pickle.REDUCE

    def _global(self, module: str, name: str) -> None:
        self._bytes += pickle.GLOBAL + f"{module}\n{name}\n".encode()

    def _text(self, text: str) -> None:
        data = text.encode()
        self._bytes += pickle.BINUNICODE + struct.pack("<I", len(data)) + data

    def _numbers(self, numbers: Sequence[int]) -> None:
        self._bytes += pickle.MARK
        for number in numbers:
            self._number(number)
        self._bytes += pickle.TUPLE

    def _number(self, number: int) -> None:
        if number < 1 << 31:
            self._bytes += pickle.BININT + struct.pack("<i", number)
        else:
            self._bytes += pickle.LONG1 + b"\x08" + struct.pack("<q", number)
