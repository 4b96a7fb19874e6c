"""What a pickle of weights holds -> its tensors by name, and notes on what is not read."""

from collections.abc import Collection, Mapping
from typing import Any

from ..errors import CheckpointError, name_list, short_repr
from .pickle_reader import Module, TensorRef, described

# where training checkpoints keep the model
_WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "weights", "model_state", "net")
_DEEPEST = 100  # modules within modules


def state_dict(root: Any, place: object) -> tuple[dict[str, TensorRef], tuple[str, ...]]:
    """The tensors by name of a state dict, of a training checkpoint, or of a TorchScript module and its submodules.

    With them notes: which entry they were taken from, and what lies beside them. Raises CheckpointError, naming the
    entry, for anything else.
    """
    if isinstance(root, Module):
        found: dict[str, TensorRef] = {}
        _collect(root, "", found, set(), place)
        return found, ()
    if not isinstance(root, Mapping) or not root:
        raise CheckpointError(f"{place}: holds {described(root)}, not a state dict (names and tensors)")
    notes = []
    for key in _WRAPPERS:
        if isinstance(inner := root.get(key), Mapping) and _tensors(inner):
            notes.append(f"a training checkpoint: its weights are those under {short_repr(key)}")
            if beside := _others(root, {key}):  # the optimizer and what else the run keeps
                notes.append(f"beside them, not read: {beside}")
            root = inner
            break
    found = _tensors(root)
    if not found:
        name, value = next(iter(root.items()))
        raise CheckpointError(
            f"{place}: entry {short_repr(name)} is {described(value)}, not a tensor, and no entry is known to hold the "
            "model; save its own state_dict() alone"
        )
    if len(found) < len(root):
        notes.append(f"not read, since no tensors: {_others(root, found)}")
    return found, tuple(notes)


def _tensors(entries: Mapping[Any, Any]) -> dict[str, TensorRef]:
    """The entries that are tensors; counters and settings may stand beside them."""
    return {name: value for name, value in entries.items() if isinstance(name, str) and isinstance(value, TensorRef)}


def _others(entries: Mapping[Any, Any], taken: Collection[str]) -> str:
    return name_list([short_repr(name) for name in entries if name not in taken], most=8)


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
            raise CheckpointError(f"{place}: attribute {short_repr(prefix + name)} is {described(value)}, not a tensor")
