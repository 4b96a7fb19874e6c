"""Successive halving over students' shapes: all are trained for a short time, the best third of them goes on.

Jamieson and Talwalkar 2016, https://arxiv.org/abs/1502.07943, with another aim: not the best student is looked for, but
the smallest that keeps a share of its teacher's score. So what is larger than one that does is out.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from safetensors.torch import load_file, save_file

from ..arguments import DistillArguments, Shape
from ..errors import CheckpointError, InputError
from ..evaluation.intervals import Share
from ..files import is_file, read_json, write_json, written_whole_folder
from ..train.checkpoints import State, saving
from ..train.loop import run as train
from ..train.loop import step_seconds
from ..train.run import Run
from .distillation import FEWEST_STEPS, begin
from .initial_weights import student_config
from .inputs import Inputs
from .objective import DistillationObjective
from .projections import StudentWithProjections
from .shapes import shape_name
from .student import save_student

ROUNDS = 3
_KEPT = 3  # one of so many goes on
_MOST_EPOCHS = 40.0  # of a student: more hardly teach it more
MODEL, _WEIGHTS, _DONE = "model", "weights.safetensors", "round.json"


@dataclasses.dataclass(frozen=True)
class Trial:
    """A student after its last round: how many weights it has, embeddings included, the state of its training, all
    rounds together, and its share of the teacher's score.
    """

    shape: Shape
    folder: Path
    weights: int
    state: State
    share: Share


class Halving:
    """Rounds of training in a folder, with a student's folder for each; those that are there are not run again."""

    def __init__(
        self,
        run: Run,
        arguments: DistillArguments,
        inputs: Inputs,
        score: Callable[[Path], Share],
        *,
        to: float,
        minutes: float,
    ) -> None:
        """`score` gives the share of a student in a folder; the time of runs that were killed counts as well."""
        self._run, self._arguments, self._inputs, self._score = run, arguments, inputs, score
        self._to, self._minutes = to, minutes
        self._last: dict[Shape, Trial] = {}
        spent = sum(float(read_json(path)["seconds"]) for path in run.out.glob(f"*/round-*/{_DONE}"))
        self._ends = time.monotonic() + 60 * minutes - spent

    def search(self, shapes: Sequence[Shape]) -> list[Trial]:
        """Every shape's last trial. Raises InputError for too little time."""
        last = self._last
        beside = 0.0  # seconds that a trial takes besides its training: the student is opened, written and scored
        costs = {shape: self._cost(shape) for shape in shapes}
        begin(self._run, self._settings(shapes[0], 0), self._inputs)  # computes the teacher's outputs, for all of them
        for number in range(ROUNDS):
            if not shapes:
                break
            ends = time.monotonic() + (self._ends - time.monotonic()) / (ROUNDS - number)
            for place, shape in enumerate(shapes):  # each gets as many steps, so that shares can be compared
                left = shapes[place:]
                part = costs[shape] / sum(costs[other] for other in left)
                started = time.monotonic()
                seconds = (ends - started - beside * len(left)) * part
                trial = self._train(shape, number, seconds, last.get(shape))
                if trial is None:
                    continue
                trained = trial.state.seconds - (last[shape].state.seconds if shape in last else 0.0)
                beside = max(beside, time.monotonic() - started - trained)
                last[shape] = trial
                self._run.console.print(
                    f"round {number + 1} of {ROUNDS}, {shape_name(shape)}: {trial.share} of the teacher's score after "
                    f"{trial.state.step:,} steps"
                )
            shapes = survivors(list(last.values()), smallest(last.values(), self._to), math.ceil(len(shapes) / _KEPT))
        return list(last.values())

    def _cost(self, shape: Shape) -> int:
        """Of a token, about: the weights of the layers. Raises InputError for a larger shape than the teacher's."""
        config = student_config(self._inputs.teacher.config, shape, 1)
        return config.n_layers * config.dim * (4 * config.dim + 2 * config.hidden_dim)

    def _settings(self, shape: Shape, number: int) -> DistillArguments:
        """Those of a student's training in a round, which has an order of its own."""
        seed = self._arguments.seed + number
        return dataclasses.replace(self._arguments, **dataclasses.asdict(shape), seed=seed)

    def _train(self, shape: Shape, number: int, seconds: float, before: Trial | None) -> Trial | None:
        """A student after another round; None where no time is left for it, or nothing to learn."""
        folder = self._run.out / shape_name(shape) / f"round-{number}"
        if not is_file(folder / _DONE) and not self._write_round(shape, number, seconds, before, folder):
            return None
        done = read_json(folder / _DONE, CheckpointError)
        losses = [(int(step), float(loss)) for step, loss in done["losses"]]
        state = State(done["steps"], losses=losses, tokens=done["tokens"], seconds=done["training_seconds"])
        return Trial(shape, folder / MODEL, done["weights"], state, self._score(folder / MODEL))

    def _write_round(self, shape: Shape, number: int, seconds: float, before: Trial | None, folder: Path) -> bool:
        """Train and write a folder for `_train`; False where there is nothing to write."""
        started = time.monotonic()
        arguments = self._settings(shape, number)
        model, objective = begin(self._run, arguments, self._inputs)
        if before is not None:
            model.load_state_dict(load_file(before.folder.parent / _WEIGHTS))
        steps = self._steps(model, objective, arguments, seconds, before)
        if steps < FEWEST_STEPS:
            return False
        limited = dataclasses.replace(arguments, max_steps=steps)
        state = train(model, objective, limited, self._run.accelerator, quiet=True)
        model.cpu()
        earlier = before.state if before else State()
        with saving(f"{folder}:"), written_whole_folder(folder) as temporary:
            (temporary / MODEL).mkdir()
            save_student(temporary / MODEL, arguments, self._inputs, model)
            weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
            save_file(weights, temporary / _WEIGHTS)
            done = {
                "seconds": time.monotonic() - started,
                "steps": earlier.step + state.step,
                "tokens": earlier.tokens + state.tokens,
                "training_seconds": earlier.seconds + state.seconds,
                "losses": [*earlier.losses, *((earlier.step + step, loss) for step, loss in state.losses)],
                "weights": sum(parameter.numel() for parameter in model.student.parameters()),
            }
            write_json(temporary / _DONE, done)
        return True

    def _steps(
        self,
        model: StudentWithProjections,
        objective: DistillationObjective,
        arguments: DistillArguments,
        seconds: float,
        before: Trial | None,
    ) -> int:
        """How many steps fit into so many seconds, in the first round a few at least: what was trained before is not
        thrown away for one student. Raises InputError where they are too few for the very first.
        """
        if before is not None:
            a_step = before.state.seconds / before.state.step
        else:
            a_step = step_seconds(model, objective, arguments, self._run.accelerator)
        most = math.ceil(_MOST_EPOCHS * len(objective.items) / arguments.batch_size)
        steps = min(int(seconds / a_step), most - (before.state.step if before else 0))
        if not self._last and seconds < FEWEST_STEPS * a_step:
            raise InputError(
                f"{self._minutes:g} minutes are too few: a step of a student of {shape_name(arguments.shape)} takes "
                f"{a_step:.2g} s, and each gets {max(seconds, 0):.1f} s; give more minutes, or fewer shapes "
                "(--search), with resume (--resume)"
            )
        return max(steps, FEWEST_STEPS) if before is None else steps


def smallest(trials: Iterable[Trial], to: float) -> Trial | None:
    """The student with the fewest weights that keeps the share `to` with 95 % confidence."""
    return min((trial for trial in trials if trial.share.least >= to), key=lambda trial: trial.weights, default=None)


def survivors(trials: Sequence[Trial], found: Trial | None, most: int) -> list[Shape]:
    """The shapes that go on: the `most` best of all that are smaller than `found`, those that were out before too."""
    left = [trial for trial in trials if found is None or trial.weights < found.weights]
    return [trial.shape for trial in sorted(left, key=lambda trial: -trial.share.value)[:most]]
