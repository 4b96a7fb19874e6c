"""`search`: several students of one teacher under one budget of time, and which of them are worth having."""

import dataclasses
import math
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from ..arguments import DistillArguments, EvaluateOptions, ReadOptions, Shape
from ..data.examples import Data
from ..data.splitting import hold_out, share_of
from ..errors import DistilBertError, InputError, LabelWarning, counted, import_extra, name_list
from ..evaluation.candidates import Candidate, frontier
from ..evaluation.evaluations import Evaluation, read_for
from ..evaluation.turns import Precision, evaluate_by_turns
from ..fetching import fetch
from ..fields import names_given
from ..files import is_file, read_json, write_json, written_whole
from ..folder.layout import TRAINING
from ..folder.opened import open_folder
from ..loading import load
from ..progress import run_console
from ..train.run import TEACHER_OUTPUTS
from .distillation import FEWEST_STEPS, distill
from .shapes import shape_name

_TRIAL = 12  # steps of the run that measures how fast a student is trained
_PRECISIONS: tuple[Precision, ...] = ("float32", "int8")


def search(
    arguments: DistillArguments, shapes: Sequence[Shape], minutes: float, *, quiet: bool = False
) -> list[Candidate]:
    """Distil a student of each shape, each for its share of the time, and compare them and their teacher.

    Below `arguments.out` every student has a folder; search.json and search.svg hold the comparison. With `resume`
    students that are done are not trained again. The time is that of training: the teacher's outputs are computed
    before, once for all students with the same vocabulary.

    Raises:
        InputError: without `eval`, without shapes or with one twice, and for too little time.
        MissingExtraError: without Matplotlib.
        and what `distill` raises.
    """
    if arguments.eval is None:
        raise InputError("a search needs eval, the examples that students are scored on")
    if not shapes or len(set(shapes)) < len(shapes):
        raise InputError("a search needs shapes, each of them once")
    if given := names_given(arguments, ("layers", "dim", "heads", "hidden_dim", "student", "epochs", "max_steps")):
        raise InputError(f"leave out {name_list(given)}: the shapes and minutes of a search say that")
    if not (minutes > 0 and math.isfinite(minutes)):
        raise InputError(f"minutes must be above 0, not {minutes!r}")
    _figure()  # whatever is missing is found before the time is spent
    out, console = Path(arguments.out), run_console(quiet=quiet)
    common = dataclasses.replace(arguments, cache=arguments.cache or out / TEACHER_OUTPUTS)
    share = 60 * minutes / len(shapes)
    for shape in shapes:
        name = shape_name(shape)
        of_student = dataclasses.replace(common, out=out / name, **dataclasses.asdict(shape))
        if not (arguments.resume and is_file(out / name / TRAINING)):
            steps = _steps(of_student, out / f"{name}.trial", share)
            console.print(f"{name}: {counted(steps, 'step')} in {share / 60:.1f} minutes")
            distill(dataclasses.replace(of_student, max_steps=steps), quiet=quiet)
    found = frontier(compared({shape_name(shape): out / shape_name(shape) for shape in shapes}, arguments, console))
    if arguments.cache is None:
        shutil.rmtree(out / TEACHER_OUTPUTS, ignore_errors=True)
    write_json(out / "search.json", [candidate.to_dict() for candidate in found])
    _plot(found, out / "search.svg")
    return found


def _steps(arguments: DistillArguments, folder: Path, seconds: float) -> int:
    """How many steps of training fit into so many seconds, by a short trial run."""
    shutil.rmtree(folder, ignore_errors=True)
    unscored = dataclasses.replace(arguments, eval=None, best_by=None, patience=0)
    distill(dataclasses.replace(unscored, out=folder, max_steps=_TRIAL, resume=False), quiet=True)
    made = read_json(folder / TRAINING)
    shutil.rmtree(folder)
    steps = int(seconds * made["steps"] / max(made["seconds"], 0.1))  # rounded to tenths
    if steps < FEWEST_STEPS:
        raise InputError(f"{seconds:.0f} seconds a student are enough for {steps} steps; give more minutes")
    return steps


def beside_teacher(arguments: DistillArguments, student: Path) -> list[Candidate]:
    """A student that was made by these settings and its teacher, as `compared` has them; none without `eval`."""
    if arguments.eval is None:
        return []
    return compared({"student": student}, arguments, run_console())


def compared(students: Mapping[str, Path], arguments: DistillArguments, console: Console) -> list[Candidate]:
    """Students by their names, and their teacher, as `in_both_precisions` has them, on the examples of `eval`.

    The teacher is left out where our engine does not run it.
    """
    assert arguments.eval is not None
    models: dict[str, str | Path] = {**students}
    try:
        load(arguments.teacher, arguments.task)
        models["teacher"] = arguments.teacher
    except DistilBertError as error:  # one of another family
        console.print(f"the teacher is not compared: {error}", markup=False)
    options = EvaluateOptions(**{name.name: getattr(arguments, name.name) for name in dataclasses.fields(ReadOptions)})
    data = _examples(arguments, next(iter(students.values())), options)
    found = in_both_precisions(models, data, arguments.task, options)
    return [Candidate.of(name, each, arguments.best_by or each.details.main) for name, each in found]


def in_both_precisions(
    models: Mapping[str, str | Path], data: Any, task: str, options: EvaluateOptions
) -> list[tuple[str, Evaluation]]:
    """(name, evaluation) of each model in float32 and in int8, as `evaluate_by_turns` makes them; of a folder of int8
    weights in int8 alone.
    """
    tried = [(name, precision) for name, model in models.items() for precision in _precisions(model)]
    done = evaluate_by_turns([(models[name], precision) for name, precision in tried], data, task, options)
    return [(name, each) for (name, _), each in zip(tried, done, strict=True)]


def _precisions(model: str | Path) -> tuple[Precision, ...]:
    return ("int8",) if open_folder(fetch(model)).checkpoint.bits else _PRECISIONS


def _examples(arguments: DistillArguments, student: Path, options: EvaluateOptions) -> Data[Any]:
    """What students are scored on: those of a file, or the share that was held out of the training examples."""
    task = load(student, arguments.task)
    if (share := share_of(arguments.eval)) is None:
        with warnings.catch_warnings(action="ignore", category=LabelWarning):  # the run has told of them
            return read_for(task, arguments.eval, options)
    return hold_out(read_for(task, arguments.train, options, open_ended=False), share, arguments.seed)[1]


def _figure() -> Any:
    drawing = import_extra("matplotlib.figure", "a search is drawn with Matplotlib: pip install 'distilbert[train]'")
    return drawing.Figure(figsize=(8, 5), layout="constrained")


def _plot(candidates: Sequence[Candidate], path: Path) -> None:
    """Score against speed, a dot's area by size, the frontier as a line."""
    figure = _figure()
    axes = figure.subplots()
    for precision, colour in zip(_PRECISIONS, ("#2563a8", "#c2571a"), strict=True):
        tried = [candidate for candidate in candidates if candidate.precision == precision]
        rates, scores = [one.rate for one in tried], [one.score.value for one in tried]
        intervals = [one.score for one in tried]
        gaps = [[x.value - x.low for x in intervals], [x.high - x.value for x in intervals]]
        axes.errorbar(rates, scores, yerr=gaps, fmt="none", ecolor=colour, alpha=0.4)
        axes.scatter(
            rates, scores, s=[20 + 4 * one.megabytes for one in tried], color=colour, label=precision, alpha=0.8
        )
    for one in candidates:
        axes.annotate(one.name, (one.rate, one.score.value), xytext=(6, 6), textcoords="offset points", fontsize=9)
    best = [one for one in candidates if one.best]
    axes.plot([one.rate for one in best], [one.score.value for one in best], color="#5c6675", lw=1, ls="--", zorder=0,
              label="Pareto frontier")  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlabel("examples a second")
    axes.set_ylabel(f"{candidates[0].metric}, with its 95 % interval")
    axes.legend(loc="lower left")  # fast models at the right, good ones at the top
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="svg")
