"""The one reader of pickled weights: an interpreter of the few opcodes that build tensors, and nothing else.

Python's own unpickler imports and calls what a file names; this one cannot. A name (`GLOBAL`) must be
on the list below, and stands for a step of our own. What a tensor lies in is a reference to a place in
the file; no number is read here. Any other opcode, name or use of one is an error that names it.
"""

import math
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Final

from ..errors import CheckpointError, short_repr

_MOST_OPCODES = 1_000_000  # a model of a thousand layers has fewer
_STORAGES = {
    "torch FloatStorage": "F32",
    "torch HalfStorage": "F16",
    "torch BFloat16Storage": "BF16",
    "torch DoubleStorage": "F64",
    "torch LongStorage": "I64",
    "torch IntStorage": "I32",
    "torch ShortStorage": "I16",
    "torch CharStorage": "I8",
    "torch ByteStorage": "U8",
    "torch BoolStorage": "BOOL",
}
_FUNCTIONS = (
    "collections OrderedDict",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
)
_CLASSES = "__torch__"  # the package of TorchScript's own
_PROTOCOL = 2
_MOST_DIMENSIONS = 8
# where training checkpoints keep the model
_WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "weights", "model_state", "net")
_DEEPEST = 100  # modules within modules
_MARK: Final = object()
# opcodes that push their argument, and those that push something new
_VALUES = ("BINFLOAT", "BININT", "BININT1", "BININT2", "BINUNICODE", "LONG1", "SHORT_BINSTRING")
_FRESH: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "MARK": lambda: _MARK,
    "NEWFALSE": lambda: False,
    "NEWTRUE": lambda: True,
    "NONE": lambda: None,
}
_OTHERS = (
    "APPEND APPENDS BINGET BINPERSID BINPUT BUILD GLOBAL LONG_BINGET LONG_BINPUT NEWOBJ PROTO REDUCE "
    "SETITEM SETITEMS STOP TUPLE TUPLE1 TUPLE2 TUPLE3"
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
                    if argument != _PROTOCOL:
                        raise self._error(f"is a pickle of protocol {argument}; PyTorch writes protocol {_PROTOCOL}")
                case "TUPLE":
                    push(tuple(self._pop_to_mark()))
                case "TUPLE1" | "TUPLE2" | "TUPLE3":
                    push(tuple(reversed([self._pop() for _ in range(int(opcode[-1]))])))
                case "APPEND":
                    self._extend([self._pop()])
                case "APPENDS":
                    self._extend(self._pop_to_mark())
                case "SETITEM":
                    self._update(list(reversed([self._pop(), self._pop()])))
                case "SETITEMS":
                    self._update(self._pop_to_mark())
                case "BINPUT" | "LONG_BINPUT":
                    self._memo[argument] = self._top()
                case "BINGET" | "LONG_BINGET":
                    push(self._recall(argument))
                case "GLOBAL":
                    push(self._global(argument))
                case "BINPERSID":
                    push(self._storage(self._pop()))
                case "REDUCE":
                    push(self._call(arguments=self._pop(), function=self._pop()))
                case "NEWOBJ":
                    push(self._module(arguments=self._pop(), kind=self._pop()))
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
        if not isinstance(target, list):
            raise self._error(f"appends to {_shown(target)}")
        target += items

    def _update(self, items: list[Any]) -> None:
        target = self._top()
        if not isinstance(target, dict) or len(items) % 2:
            raise self._error(f"sets items of {_shown(target)}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str | int):  # an optimizer numbers its parameters
                raise self._error(f"has {_shown(key)} as a key, not a string")
            if key in target:
                raise self._error(f"sets {short_repr(key)} twice")
            target[key] = value

    # what names stand for -------------------------------------------------------------------------

    def _global(self, name: str) -> _Global:
        if name in _FUNCTIONS or name in _STORAGES or name.replace(" ", ".").split(".")[0] == _CLASSES:
            return _Global(name)
        raise self._error(f"names the global {short_repr(name.replace(' ', '.', 1))}, which is not allowed")

    def _recall(self, index: int) -> Any:
        if index not in self._memo:
            raise self._error(f"recalls memo {index}, which was not kept")
        return self._memo[index]

    def _module(self, kind: Any, arguments: Any) -> Module:
        if not isinstance(kind, _Global) or not kind.name.startswith(_CLASSES) or arguments != ():
            raise self._error(f"makes an object of {_shown(kind)}, which is not allowed")
        return Module()

    def _call(self, function: Any, arguments: Any) -> Any:
        if not isinstance(function, _Global) or not isinstance(arguments, tuple):
            raise self._error(f"calls {_shown(function)}, which is not allowed")
        match function.name, arguments:
            case "collections OrderedDict", ():
                return {}
            case "torch._utils _rebuild_tensor_v2", (storage, offset, shape, strides, _, _):
                return self._tensor(storage, offset, shape, strides)
            case "torch._utils _rebuild_tensor", (storage, offset, shape, strides):
                return self._tensor(storage, offset, shape, strides)
            case "torch._utils _rebuild_parameter", (TensorRef() as tensor, _, _):
                return tensor
        raise self._error(f"calls {_shown(function)} with arguments that PyTorch does not give it")

    def _storage(self, identifier: Any) -> StorageRef:
        # the form from before PyTorch 1.6 ends with None, or else with a view of another storage
        if isinstance(identifier, tuple) and len(identifier) == 6 and identifier[5] is None:
            identifier = identifier[:5]
        match identifier:
            case ("storage", _Global(kind), str(key), str(), size) if kind in _STORAGES and _whole((size,)):
                storage = StorageRef(key, _STORAGES[kind], size)
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
        if isinstance(target, Module) and isinstance(state, dict) and not target.attributes:
            target.attributes.update(state)
        # a state dict keeps the versions of its modules as an attribute; it says nothing of the weights
        elif not (isinstance(target, dict) and isinstance(state, dict) and state.keys() == {"_metadata"}):
            raise self._error(f"sets the state of {_shown(target)} from {_shown(state)}")

    def _error(self, what: str) -> CheckpointError:
        return CheckpointError(f"{self._place}: {what}")


def _whole(numbers: tuple[Any, ...]) -> bool:
    return all(type(number) is int and number >= 0 for number in numbers)


def _shown(value: object) -> str:
    if isinstance(value, _Global):
        return short_repr(value.name.replace(" ", ".", 1))
    return f"a {type(value).__name__}"


def flatten(root: Any, place: object) -> dict[str, TensorRef]:
    """The tensors of a state dict, or of a TorchScript module and its submodules, by name.

    Raises CheckpointError for anything else, naming the entry.
    """
    if isinstance(root, Module):
        found: dict[str, TensorRef] = {}
        _collect(root, "", found, set(), place)
        return found
    if not isinstance(root, Mapping) or not root:
        raise CheckpointError(f"{place}: holds {_shown(root)}, not a state dict (names and tensors)")
    for key in _WRAPPERS:
        if isinstance(inner := root.get(key), Mapping) and _tensors(inner):
            root = inner  # a training checkpoint: beside it lie the optimizer and what else the run keeps
            break
    if found := _tensors(root):
        return found
    name, value = next(iter(root.items()))
    raise CheckpointError(f"{place}: entry {short_repr(name)} is {_shown(value)}, not a tensor")


def _tensors(entries: Mapping[Any, Any]) -> dict[str, TensorRef]:
    """The entries that are tensors; counters and settings may stand beside them."""
    return {name: value for name, value in entries.items() if isinstance(name, str) and isinstance(value, TensorRef)}


def _collect(module: Module, prefix: str, found: dict[str, TensorRef], seen: set[int], place: object) -> None:
    if id(module) in seen or prefix.count(".") > _DEEPEST:
        raise CheckpointError(f"{place}: module {short_repr(prefix)} stands twice, or in more than {_DEEPEST} others")
    seen.add(id(module))
    for name, value in module.attributes.items():
        if prefix + name in found:
            raise CheckpointError(f"{place}: {short_repr(prefix + name)} stands twice")
        if isinstance(value, Module):
            _collect(value, f"{prefix}{name}.", found, seen, place)
        elif isinstance(value, TensorRef):
            found[prefix + name] = value
        elif value is not None and not isinstance(value, bool | int | float | str):
            raise CheckpointError(f"{place}: attribute {short_repr(prefix + name)} is {_shown(value)}, not a tensor")
