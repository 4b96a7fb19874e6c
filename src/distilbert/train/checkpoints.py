"""Checkpoints of a training run: folders that are there whole or not at all.

A folder `step-…` holds the weights and the optimizer's moments, by the parameters' names, and the state of the loop.
"""

import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..errors import CheckpointError, InputError, error_text, name_list, short_repr, translated
from ..files import read_json, written_whole_folder

_WEIGHTS, _STATE = "training.safetensors", "state.json"
MAKE_ROOM = "make room and go on with --resume"  # where something of a run cannot be written


@contextmanager
def saving(what: str) -> Iterator[None]:
    """Raises CheckpointError, which says how to go on, where what is being written in the block cannot be."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{error}; {MAKE_ROOM}") from None
    except (OSError, InputError, SafetensorError) as error:
        raise CheckpointError(f"{what} cannot be written ({error_text(error)}); {MAKE_ROOM}") from None


@dataclasses.dataclass
class State:
    """Where a run is. What is random follows from the seed and the step alone, so no more needs keeping.

    Attributes:
        step: optimizer steps done.
        best_step, best_score: of the evaluation with the best score so far; step 0 before there is one.
        stale: evaluations since then.
        losses: (step, mean loss since the entry before).
        scores: (step, each metric's value).
        tokens, seconds: spent on learning, evaluations left out.
    """

    step: int = 0
    best_step: int = 0
    best_score: float = float("-inf")
    stale: int = 0
    losses: list[tuple[int, float]] = dataclasses.field(default_factory=list)
    scores: list[tuple[int, dict[str, float]]] = dataclasses.field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0


class Checkpoints:
    """The checkpoints of one run in `folder`: the last one, and the best one where that is another.

    `run` says what is being trained on what; a checkpoint of another run is refused.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self.folder = folder
        self._run = run

    def make_room(self) -> None:
        """Make the folder, so that a place that cannot be written to is found before training.

        Raises CheckpointError where it cannot be made or written to.
        """
        trial = self.folder / ".trial"
        with translated(OSError, CheckpointError, f"{self.folder}: cannot be written"):
            self.folder.mkdir(parents=True, exist_ok=True)
            trial.mkdir(exist_ok=True)
            trial.rmdir()

    def steps(self) -> list[int]:
        """The steps that there are checkpoints of, in order."""
        names = (path.name.removeprefix("step-") for path in self.folder.glob("step-*"))
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    def save(self, model: nn.Module, optimizer: torch.optim.Optimizer, state: State) -> None:
        """Write a checkpoint, then remove what it makes superfluous.

        Raises CheckpointError where it cannot be written; those that there were stay.
        """
        tensors: dict[str, Tensor] = {}
        for name, parameter in model.named_parameters():
            tensors[f"weight.{name}"] = parameter.detach()
            for key, value in optimizer.state[parameter].items():
                tensors[f"{key}.{name}"] = value
        values = {"run": self._run, "state": dataclasses.asdict(state)}
        try:
            with written_whole_folder(self._at(state.step)) as temporary:
                save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary / _WEIGHTS)
                (temporary / _STATE).write_text(json.dumps(values), encoding="utf-8")
        except (OSError, SafetensorError) as error:
            kept = f"the last good one is {self._at(self.steps()[-1])}" if self.steps() else "there is none yet"
            what = f"the checkpoint of step {state.step} cannot be written ({error_text(error)})"
            raise CheckpointError(f"{self.folder}: {what}; {kept}; {MAKE_ROOM}") from None
        for step in self.steps():
            if step not in (state.step, state.best_step):
                shutil.rmtree(self._at(step))

    def load_last(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> State:
        """Put the last checkpoint into model and optimizer; the state of a fresh run where there is none."""
        if not (steps := self.steps()):
            return State()
        folder = self._at(steps[-1])
        values = read_json(folder / _STATE, CheckpointError)
        if values.get("run") is None:
            raise _damaged(folder / _STATE, "says nothing of a run")
        if values["run"] != self._run:
            raise InputError(
                f"{folder}: belongs to a run with other settings or data; resume with those, or choose another folder"
            )
        state = _state(values.get("state"), folder / _STATE)
        parameters = dict(model.named_parameters())
        moments: dict[str, dict[str, Tensor]] = {name: {} for name in parameters}
        for key, name, tensor in _tensors(folder, parameters):
            if key == "weight":
                parameters[name].data.copy_(tensor)
            else:
                moments[name][key] = tensor
        for name, kept in moments.items():
            if kept:
                # copies: what the file gives is mapped, and the file goes with the next checkpoint
                device = parameters[name].device
                optimizer.state[parameters[name]] = {key: tensor.to(device, copy=True) for key, tensor in kept.items()}
        return state

    def load_weights(self, model: nn.Module, step: int) -> None:
        """Put the weights of a step into the model."""
        parameters = dict(model.named_parameters())
        for key, name, tensor in _tensors(self._at(step), parameters):
            if key == "weight":
                parameters[name].data.copy_(tensor)

    def _at(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}"


def _state(values: object, path: Path) -> State:
    """The state of the loop. Raises CheckpointError for one that no run can have written."""
    fresh = dataclasses.asdict(State())
    if not isinstance(values, dict) or values.keys() != fresh.keys():
        raise _damaged(path, f"its state must have {', '.join(fresh)}")
    state = State(**values)
    try:
        state.losses = [(int(step), float(loss)) for step, loss in state.losses]
        state.scores = [
            (int(step), {name: float(score) for name, score in scores.items()}) for step, scores in state.scores
        ]
    except (AttributeError, OverflowError, TypeError, ValueError):
        raise _damaged(path, "losses and scores must be lists of pairs") from None
    for name, least in fresh.items():
        value = values[name]
        if type(least) is int and (type(value) is not int or value < 0):
            raise _damaged(path, f"{name} must be a whole number, not {short_repr(value)}")
        if type(least) is float and type(value) not in (int, float):
            raise _damaged(path, f"{name} must be a number, not {short_repr(value)}")
    return state


def _tensors(folder: Path, parameters: Mapping[str, Tensor]) -> Iterator[tuple[str, str, Tensor]]:
    """(key, parameter, tensor) of all that a checkpoint holds. Raises CheckpointError for what does not fit."""
    path = folder / _WEIGHTS
    lacking = {*parameters}
    unread = translated((OSError, SafetensorError), CheckpointError, f"{folder}: cannot be read")
    with unread, safe_open(path, framework="pt") as file:
        for full in file.keys():  # noqa: SIM118  # it is no mapping
            key, _, name = full.partition(".")
            tensor = file.get_tensor(full)
            if name not in parameters or (tensor.ndim and tensor.shape != parameters[name].shape):
                raise _damaged(path, f"{short_repr(full)} does not fit the model")
            if key == "weight":
                lacking.discard(name)
            yield key, name, tensor
    if lacking:
        raise _damaged(path, f"lacks {name_list(lacking)}")


def _damaged(path: Path, why: str) -> CheckpointError:
    return CheckpointError(f"{path}: is damaged: {why}; remove {path.parent.name} to resume from the one before")
