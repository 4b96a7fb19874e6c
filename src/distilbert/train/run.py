"""What fine-tuning and distillation have in common: from an objective to a model folder with its report."""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from ..arguments import RunArguments
from ..data.examples import Data
from ..data.summary import rare_classes
from ..errors import CheckpointError, InputError, check_one_of, counted, name_list
from ..evaluation.intervals import Interval, bootstrap, without_nan
from ..evaluation.metrics import LESS_IS_BETTER
from ..evaluation.scores import Scores, constant_numbers, never_predicted
from ..evaluation.scoring import score_task
from ..fields import names_given
from ..files import check_folder_place, check_new_folder, is_file, is_folder, read_json, write_json
from ..folder.layout import CHECKPOINTS, TRAINING
from ..model_card import write_card
from ..progress import run_console
from ..report import Training, check_place, write_training
from ..tasks.task import Task
from ..trained import Trained, facts_of
from ..training_data import ExampleReader
from .checkpoints import Checkpoints, State, saving
from .evaluation_loss import evaluation_loss
from .loop import check_steps, open_accelerator, run
from .objective import Objective

TEACHER_OUTPUTS = "teacher_outputs"  # of distillation, while it runs
# settings that change no result
_NO_RESULT = ("out", "resume", "report", "device", "threads", "save_steps", "cache", "test")


class Run:
    """One run of training, which writes the folder `out`; the main process says on `console` what it does."""

    def __init__(self, arguments: RunArguments, *, quiet: bool) -> None:
        """Raises InputError for a folder that has files, unless they are those of a run that is resumed."""
        self.arguments, self.out, self._quiet = arguments, Path(arguments.out), quiet
        self._given = _given(arguments)
        if is_folder(self.out) and any(path.is_file() for path in self.out.rglob("*")):
            begun = any((self.out / name).is_dir() for name in (CHECKPOINTS, TEACHER_OUTPUTS))
            if not arguments.resume:
                if not begun:
                    check_new_folder(self.out)
                raise InputError(f"{self.out}: holds an unfinished run; resume (--resume) goes on with it")
            if not begun and not is_file(self.out / TRAINING):
                raise InputError(f"{self.out}: holds other files, and no run to go on with; choose another folder")
        check_folder_place(self.out)
        if arguments.report is not None:
            check_place(arguments.report)
        self.accelerator: Accelerator = open_accelerator(arguments)
        self.console = run_console(quiet=quiet or not self.accelerator.is_main_process)
        self.reader = ExampleReader(arguments, self.console)

    def done(self) -> Trained | None:
        """The result, if the run is resumed and was complete before. Raises InputError where it had other settings."""
        if not self.arguments.resume or not is_file(self.out / TRAINING):
            return None
        saved = read_json(self.out / TRAINING, CheckpointError)
        given, before = self._given, saved.get("given")
        if before is not None and (other := sorted(n for n in {**before, **given} if before.get(n) != given.get(n))):
            raise InputError(f"{self.out}: is done, with another {name_list(other)}; choose another folder")
        self.console.print(f"{self.out}: is done")
        scores, test_scores = (
            {name: Interval.from_dict(score) for name, score in saved[key].items()} for key in ("scores", "test_scores")
        )
        return Trained(self.out, scores, test_scores)

    def train_and_save(
        self,
        model: nn.Module,
        objective: Objective,
        *,
        live: Callable[[], Task],
        save: Callable[[Path], None],
        data: Data[Any],
        held_out: Data[Any] | None,
        facts: Mapping[str, Any],
        test: Data[Any] | None = None,
        held_out_objective: Objective | None = None,
    ) -> Trained:
        """Train, and write the model with its model card and report.html.

        Args:
            model, objective: as `loop.run` takes them.
            live: the task that runs the model as it is now.
            save: writes the model, its tokenizer and all else into the folder.
            data, held_out, test: the training examples, those that it is scored on, and those of the end alone.
            facts: for the card and the report, besides those that every run has.
            held_out_objective: the objective of `held_out`, whose loss is shown beside that of training.

        Raises InputError for a metric that the task does not have, and CheckpointError where a checkpoint or the model
        cannot be written.
        """
        arguments, accelerator = self.arguments, self.accelerator
        check_steps(objective, arguments, accelerator)
        tokens = sum(item.tokens for item in objective.items)
        self.console.print(
            f"{counted(len(objective.items), 'item')} of {tokens / len(objective.items):.1f} tokens on average"
        )

        def evaluate() -> Mapping[str, float]:
            scores = score_task(live(), held_out).values()  # type: ignore[arg-type]
            if held_out_objective is not None:
                scores["loss"] = evaluation_loss(model, held_out_objective, arguments, accelerator)
            return scores

        best_by = best_metric(arguments, data)
        main = _main_metric(live, held_out, best_by)
        checkpoints = Checkpoints(self.out / CHECKPOINTS, _fingerprint(arguments, data, held_out))
        if accelerator.is_main_process:
            checkpoints.make_room()
        state = run(
            model,
            objective,
            arguments,
            accelerator,
            checkpoints=checkpoints,
            evaluate=None if held_out is None else evaluate,
            main=main,
            quiet=self._quiet,
        )
        accelerator.wait_for_everyone()  # the checkpoints are removed at the end: all must have read the best one
        details, scores = _scored(live, held_out, best_by)
        test_details, test_scores = _scored(live, test)
        if accelerator.is_main_process:
            model.cpu()
            about = {**run_facts(arguments, data, held_out, state), **facts}
            parts = [("train", data), ("evaluation", held_out), ("test", test)]
            known = [(name, part) for name, part in parts if part is not None]
            made = Training(about, known, state.losses, state.scores, details, scores, test_scores)
            write_run(self.out, save, made, arguments.report, {"given": self._given})
            for name in (CHECKPOINTS, TEACHER_OUTPUTS):
                shutil.rmtree(self.out / name, ignore_errors=True)
        accelerator.wait_for_everyone()
        if line := never_predicted(details or test_details) or constant_numbers(details or test_details):
            self.console.print(line, markup=False)
        self.console.print(f"{self.out}: saved, with report.html")
        return Trained(self.out, scores, test_scores)


def _given(arguments: RunArguments) -> dict[str, Any]:
    """The settings that the caller gave and that change the result, as training.json keeps them."""
    names = {field.name for field in dataclasses.fields(arguments)} - {*_NO_RESULT} | {"test"}
    given = {name: getattr(arguments, name) for name in names_given(arguments, names)}
    return dict(json.loads(json.dumps(given, default=str)))


def write_run(
    out: Path, save: Callable[[Path], None], made: Training, report: str | Path | None, more: Mapping[str, Any]
) -> None:
    """Write the model into `out` by `save`, its card, the report (to `report` as well), and training.json at the end.

    `more` stands in training.json beside what all runs have.

    Raises CheckpointError where something cannot be written.
    """
    done = {
        **made.facts,
        "scores": {name: score.to_dict() for name, score in made.scores.items()},
        "test_scores": {name: score.to_dict() for name, score in made.test_scores.items()},
        "losses": made.losses,
        "evaluations": [(step, without_nan(scores)) for step, scores in made.evaluations],
        **more,
    }
    with saving(f"{out}: the model"):
        save(out)
        write_card(out, made.facts, made.scores)
        write_training([out / "report.html", *([report] if report else [])], made)
        write_json(out / TRAINING, done)


def _main_metric(live: Callable[[], Task], held_out: Data[Any] | None, best_by: str | None) -> str:
    """The metric that decides which weights are best. A few examples are scored for it, so that faults show early."""
    if held_out is None:
        return ""
    few = dataclasses.replace(held_out, examples=held_out.examples[:8])
    return with_main(score_task(live(), few), best_by).main


def _scored(
    live: Callable[[], Task], data: Data[Any] | None, best_by: str | None = None
) -> tuple[Scores | None, dict[str, Interval]]:
    """The scores of the trained model, and each metric with its interval; none without data."""
    if data is None:
        return None, {}
    details = with_main(score_task(live(), data), best_by)
    return details, bootstrap(details.metrics, details.examples)


def best_metric(arguments: RunArguments, data: Data[Any]) -> str | None:
    """The metric that was asked for, or that uneven classes ask for; None for the task's own first."""
    return arguments.best_by or ("f1_macro" if rare_classes(data) else None)


def with_main(details: Scores, metric: str | None) -> Scores:
    """With another metric that decides. Raises InputError for one that there is not, or of which less is better."""
    if metric is None:
        return details
    names = [name for name in details.metrics if name not in LESS_IS_BETTER]
    check_one_of("best_by", metric, names)
    return dataclasses.replace(details, main=metric)


def _fingerprint(arguments: RunArguments, data: Data[Any], held_out: Data[Any] | None) -> str:
    """A hash of the settings and the examples, by which a checkpoint of another run is known."""
    settings = {key: value for key, value in dataclasses.asdict(arguments).items() if key not in _NO_RESULT}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for part in (data, held_out):
        digest.update(repr(part.examples if part else None).encode(errors="surrogatepass"))
    return digest.hexdigest()


def run_facts(arguments: RunArguments, data: Data[Any], held_out: Data[Any] | None, state: State) -> dict[str, Any]:
    """What is written down of a run of steps."""
    return {
        **facts_of(arguments, data, held_out, {"torch": torch.__version__}),
        "steps": state.step,
        "best_step": state.best_step or state.step,
        "tokens": state.tokens,
        "seconds": round(state.seconds, 1),
    }
