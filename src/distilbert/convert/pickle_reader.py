"""The one reader of pickled weights: an interpreter of the few opcodes that build tensors, and nothing else.

Python's own unpickler imports and calls what a file names; this one cannot. A name (`GLOBAL`) must be
on the lists of pickle_names.py, and stands for a step of our own, or for nothing. What a tensor lies in is
a reference to a place in the file; no number is read here. Any other opcode, name or use of one is an error
that names it.
"""

import math
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any, Final

from ..errors import CheckpointError, short_repr
from .pickle_names import STORAGES, TORCHSCRIPT, is_inert, is_known, way_out

_MOST_OPCODES = 1_000_000  # a model of a thousand layers has fewer
_PROTOCOLS = range(2, 6)
_MOST_DIMENSIONS = 8
_MARK: Final = object()


@dataclass(frozen=True, eq=False)
class Inert:
    """What a file makes of a class of data: nothing is made of it, and what is put into it is dropped."""


# opcodes that push their argument, and those that push something new
_VALUES = (
    *("BINFLOAT", "BININT", "BININT1", "BININT2", "LONG1"),
    *("BINUNICODE", "BINUNICODE8", "SHORT_BINUNICODE", "SHORT_BINSTRING"),
    *("BINBYTES", "BINBYTES8", "SHORT_BINBYTES"),
)
_FRESH: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_SET": Inert,
    "EMPTY_TUPLE": tuple,
    "MARK": lambda: _MARK,
    "NEWFALSE": lambda: False,
    "NEWTRUE": lambda: True,
    "NONE": lambda: None,
}
_OTHERS = (
    "ADDITEMS APPEND APPENDS BINGET BINPERSID BINPUT BUILD FRAME FROZENSET GLOBAL LONG_BINGET LONG_BINPUT MEMOIZE "
    "NEWOBJ NEWOBJ_EX PROTO REDUCE SETITEM SETITEMS STACK_GLOBAL STOP TUPLE TUPLE1 TUPLE2 TUPLE3"
)
_BY_CODE = {opcode.code: opcode for opcode in pickletools.opcodes}
_OPCODES = frozenset({*_VALUES, *_FRESH, *_OTHERS.split()})


@dataclass(frozen=True)
class StorageRef:
    """A run of `size` numbers of `dtype` that the file keeps under `key`."""

    key: str
    dtype: str
    size: int


@dataclass(frozen=True)
class TensorRef:
    """A view of a storage: checked to lie within it, and to have no more numbers than it."""

    storage: StorageRef
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Module:
    """An object of TorchScript: its attributes by name. Its class and its code are not looked at."""

    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Global:
    name: str


class Unpickler:
    """Reads pickles of tensors from a stream, one `load()` each.

    Attributes:
        storages: what the tensors read so far lie in, by key.
    """

    def __init__(self, stream: IO[bytes], place: object) -> None:
        self._stream = stream
        self._place = place
        self.storages: dict[str, StorageRef] = {}

    def load(self) -> Any:
        """The next object: dicts, lists, tuples, numbers, strings, TensorRefs and Modules.

        Raises CheckpointError naming the place and the opcode or global that is not allowed.
        """
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        for _ in range(_MOST_OPCODES):
            byte = self._stream.read(1)
            opcode = _BY_CODE.get(byte.decode("latin-1"))
            if opcode is None:
                raise self._error(f"is not a whole pickle (byte {short_repr(byte)})")
            if opcode.name not in _OPCODES:
                raise self._error(f"uses the opcode {opcode.name}, which weights do not need")
            try:
                argument = opcode.arg.reader(self._stream) if opcode.arg else None
            except ValueError as error:
                raise self._error(f"is not a whole pickle ({error})") from None
            if opcode.name == "STOP":
                return self._pop()
            self._step(opcode.name, argument)
        raise self._error(f"has more than {_MOST_OPCODES} opcodes")

    def _step(self, opcode: str, argument: Any) -> None:
        push = self._stack.append
        if opcode in _VALUES:
            push(argument)
        elif opcode in _FRESH:
            push(_FRESH[opcode]())
        else:
            match opcode:
                case "PROTO":
                    if argument not in _PROTOCOLS:
                        raise self._error(f"is a pickle of protocol {argument}; 2 to 5 are read")
                case "FRAME":  # how many bytes follow at once
                    pass
                case "TUPLE":
                    push(tuple(self._pop_to_mark()))
                case "TUPLE1" | "TUPLE2" | "TUPLE3":
                    push(tuple(reversed([self._pop() for _ in range(int(opcode[-1]))])))
                case "APPEND":
                    self._extend([self._pop()])
                case "APPENDS" | "ADDITEMS":
                    self._extend(self._pop_to_mark())
                case "FROZENSET":
                    self._pop_to_mark()
                    push(Inert())
                case "SETITEM":
                    self._update(list(reversed([self._pop(), self._pop()])))
                case "SETITEMS":
                    self._update(self._pop_to_mark())
                case "BINPUT" | "LONG_BINPUT":
                    self._memo[argument] = self._top()
                case "MEMOIZE":
                    self._memo[len(self._memo)] = self._top()
                case "BINGET" | "LONG_BINGET":
                    push(self._recall(argument))
                case _:
                    self._make(opcode, argument)

    def _make(self, opcode: str, argument: Any) -> None:
        """An opcode that names something, or makes an object of what was named."""
        push = self._stack.append
        match opcode:
            case "GLOBAL":
                push(self._global(argument))
            case "STACK_GLOBAL":
                push(self._stack_global(name=self._pop(), module=self._pop()))
            case "BINPERSID":
                push(self._storage(self._pop()))
            case "REDUCE":
                push(self._call(arguments=self._pop(), function=self._pop()))
            case "NEWOBJ":
                push(self._object(arguments=self._pop(), kind=self._pop()))
            case "NEWOBJ_EX":
                push(self._object(keywords=self._pop(), arguments=self._pop(), kind=self._pop()))
            case "BUILD":
                self._build(self._pop())

    # the stack --------------------------------------------------------------------------------------

    def _pop(self) -> Any:
        value = self._top()
        self._stack.pop()
        return value

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise self._error("takes from an empty stack")
        return self._stack[-1]

    def _pop_to_mark(self) -> list[Any]:
        for index in range(len(self._stack) - 1, -1, -1):
            if self._stack[index] is _MARK:
                items = self._stack[index + 1 :]
                del self._stack[index:]
                return items
        raise self._error("looks for a mark that is not there")

    def _extend(self, items: list[Any]) -> None:
        target = self._top()
        if isinstance(target, Inert):
            return
        if not isinstance(target, list):
            raise self._error(f"appends to {described(target)}")
        target += items

    def _update(self, items: list[Any]) -> None:
        target = self._top()
        if isinstance(target, Inert):
            return
        if not isinstance(target, dict) or len(items) % 2:
            raise self._error(f"sets items of {described(target)}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str | int | float | Inert | None):  # an optimizer numbers its parameters
                raise self._error(f"has {described(key)} as a key, not a string")
            if key in target:
                raise self._error(f"sets {short_repr(key)} twice")
            target[key] = value

    # what names stand for -------------------------------------------------------------------------

    def _global(self, name: str) -> _Global | Inert:
        if is_known(name):
            return _Global(name)
        if is_inert(name):
            return Inert()
        named = short_repr(name.replace(" ", ".", 1))
        raise self._error(f"names the global {named}, which is not allowed{way_out(name)}")

    def _stack_global(self, module: Any, name: Any) -> _Global | Inert:
        if not isinstance(module, str) or not isinstance(name, str) or " " in module:
            raise self._error("names a global by something else than two strings")
        return self._global(f"{module} {name}")

    def _recall(self, index: int) -> Any:
        if index not in self._memo:
            raise self._error(f"recalls memo {index}, which was not kept")
        return self._memo[index]

    def _object(self, kind: Any, arguments: Any, keywords: Any = None) -> Module | Inert:
        if isinstance(kind, Inert):
            return kind
        if not isinstance(kind, _Global) or not kind.name.startswith(TORCHSCRIPT) or arguments != () or keywords:
            raise self._error(f"makes an object of {described(kind)}, which is not allowed")
        return Module()

    def _call(self, function: Any, arguments: Any) -> Any:
        if isinstance(function, Inert):
            return function
        if not isinstance(function, _Global) or not isinstance(arguments, tuple):
            raise self._error(f"calls {described(function)}, which is not allowed")
        match function.name, arguments:
            case "collections OrderedDict", ():
                return {}
            case "torch._utils _rebuild_tensor_v2", (storage, offset, shape, strides, _, _):
                return self._tensor(storage, offset, shape, strides)
            case "torch._utils _rebuild_tensor", (storage, offset, shape, strides):
                return self._tensor(storage, offset, shape, strides)
            case "torch._utils _rebuild_parameter", (TensorRef() as tensor, _, _):
                return tensor
        raise self._error(f"calls {described(function)} with arguments that PyTorch does not give it")

    def _storage(self, identifier: Any) -> StorageRef:
        # the form from before PyTorch 1.6 ends with None, or else with a view of another storage
        if isinstance(identifier, tuple) and len(identifier) == 6 and identifier[5] is None:
            identifier = identifier[:5]
        match identifier:
            case ("storage", _Global(kind), str(key), str(), size) if kind in STORAGES and _whole((size,)):
                storage = StorageRef(key, STORAGES[kind], size)
            case _:
                raise self._error("has a persistent id that is not a storage")
        if self.storages.setdefault(key, storage) != storage:
            raise self._error(f"declares storage {short_repr(key)} twice, and not the same")
        return storage

    def _tensor(self, storage: Any, offset: Any, shape: Any, strides: Any) -> TensorRef:
        if (
            not isinstance(storage, StorageRef)
            or not _whole((offset,))
            or not (isinstance(shape, tuple) and _whole(shape))
            or not (isinstance(strides, tuple) and _whole(strides))
            or not len(shape) == len(strides) <= _MOST_DIMENSIONS
        ):
            raise self._error("describes a tensor by something else than a storage and whole numbers")
        size = math.prod(shape)
        last = offset + sum((extent - 1) * stride for extent, stride in zip(shape, strides, strict=True))
        if offset > storage.size or size > storage.size or (size and last >= storage.size):
            raise self._error(
                f"claims a tensor of shape {list(shape)} and strides {list(strides)} at {offset} "
                f"in storage {short_repr(storage.key)}, which has {storage.size} numbers"
            )
        return TensorRef(storage, offset, shape, strides)

    def _build(self, state: Any) -> None:
        target = self._top()
        if isinstance(target, Inert):
            return
        if isinstance(target, Module) and isinstance(state, dict) and not target.attributes:
            target.attributes.update(state)
        # a state dict keeps the versions of its modules as an attribute; it says nothing of the weights
        elif not (isinstance(target, dict) and isinstance(state, dict) and state.keys() == {"_metadata"}):
            raise self._error(f"sets the state of {described(target)} from {described(state)}")

    def _error(self, what: str) -> CheckpointError:
        return CheckpointError(f"{self._place}: {what}")


def _whole(numbers: tuple[Any, ...]) -> bool:
    return all(type(number) is int and number >= 0 for number in numbers)


def described(value: object) -> str:
    if isinstance(value, _Global):
        return short_repr(value.name.replace(" ", ".", 1))
    if isinstance(value, Inert):
        return "an object of settings"
    return f"a {type(value).__name__}"
