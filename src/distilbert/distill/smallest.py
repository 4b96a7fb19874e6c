"""`find_smallest`: the smallest student that keeps a share of its teacher's score, as a model folder."""

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..arguments import DistillArguments, EvaluateOptions, Shape
from ..data.examples import Data
from ..data.splitting import hold_out
from ..errors import CheckpointError, DistilBertError, InputError, counted, name_list, translated
from ..evaluation.candidates import Candidate
from ..evaluation.evaluations import Evaluation
from ..evaluation.intervals import Share, bootstrap, share
from ..evaluation.scores import Scores
from ..evaluation.scoring import score_task
from ..fields import names_given
from ..files import check_new_folder, is_file, is_folder, read_json, write_json, written_whole_folder
from ..folder.layout import TRAINING
from ..loading import load
from ..report import Training
from ..report.search_section import Searched
from ..train.checkpoints import MAKE_ROOM
from ..train.precision import with_precision
from ..train.run import TEACHER_OUTPUTS, Run, best_metric, run_facts, with_main, write_run
from ..trained import command_of
from .halving import Halving, Trial, smallest
from .inputs import Inputs, read_inputs
from .shapes import candidate_shapes, shape_name
from .student_search import in_both_precisions

_SETTINGS = "settings.json"
# what the search decides itself
_FIXED = ("layers", "dim", "heads", "hidden_dim", "student", "epochs", "max_steps", "live", "eval_steps", "patience",
          "save_steps")  # fmt: skip
_FEW_ROWS = 300  # of a part: bounds of shares are wide there


@dataclasses.dataclass(frozen=True)
class SmallestStudent:
    """What `find_smallest` has found.

    Attributes:
        folder: of the student.
        shape: of it, as `Shape.parse` takes it.
        metric: whose share is kept.
        to: the share that was asked for.
        share: what the student keeps, on examples that decided nothing.
        certified: whether it keeps `to` there, with 95 % confidence.
        verdict: the same in words.
        tried: all shapes and the teacher, on the examples that decided.
        beside_teacher: the student and the teacher on those that decided nothing.
    """

    folder: Path
    shape: str
    metric: str
    to: float
    share: Share
    certified: bool
    verdict: str
    tried: tuple[Candidate, ...]
    beside_teacher: tuple[Candidate, ...]

    def to_dict(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        parts = {
            name: [candidate.to_dict() for candidate in getattr(self, name)] for name in ("tried", "beside_teacher")
        }
        return {**dataclasses.asdict(self), "folder": str(self.folder), **parts}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "SmallestStudent":
        """What `to_dict` gave."""
        parts = {
            name: tuple(Candidate.from_dict(each) for each in values[name]) for name in ("tried", "beside_teacher")
        }
        return cls(**{**values, "folder": Path(values["folder"]), "share": Share(**values["share"]), **parts})


def find_smallest(
    arguments: DistillArguments,
    to: float,
    minutes: float = 30.0,
    shapes: Sequence[Shape] = (),
    *,
    quiet: bool = False,
) -> SmallestStudent:
    """Distil students of several shapes and keep the smallest that has the share `to` of its teacher's score.

    The teacher runs once over all examples. Shapes are tried by successive halving on `eval`, and the student that is
    taken is certified on `test`, or on half of `eval` where there is none. One keeps the share where that is so with
    95 % confidence. While the search runs its files lie beside `out`, in `OUT.search`; `out` is written whole at the
    end. With `resume` a search that was killed goes on with the student that it was at.

    Args:
        arguments: what to learn from, and how. The vocabulary is cut to what the text uses, but for entities, unless
            `vocab_size` says otherwise. The search chooses the rest of the shape, and how many steps.
        to: the share, between 0 and 1.
        minutes: of all but the last evaluation.
        shapes: which are tried; by default nine that follow from the teacher's.

    Raises:
        InputError: without `eval`, for settings that the search decides itself, for fill-mask, for too little time, and
            for a teacher that our engine does not run.
        and what `distill` raises.
    """
    _check(arguments, to, minutes, shapes)
    out, arguments = Path(arguments.out), with_precision(arguments)
    if arguments.resume and is_file(out / TRAINING):
        found = read_json(out / TRAINING, CheckpointError).get("search")
        if found is None or found["to"] != to:
            raise InputError(f"{out}: is done, and was not searched for {to:.1%}; choose another folder")
        return SmallestStudent.from_dict(found)
    check_new_folder(out)
    if not arguments.vocab_size and arguments.task != "token-classification":
        arguments = dataclasses.replace(arguments, vocab_size="auto")
    work = _open_work(arguments)
    run = Run(dataclasses.replace(arguments, out=work, resume=True), quiet=quiet)
    try:
        inputs = read_inputs(run, arguments)
        search = _Search(run, arguments, inputs, to, minutes, out)
    except DistilBertError:
        if not arguments.resume:  # nothing was begun: what is mended is tried anew
            shutil.rmtree(work, ignore_errors=True)
        raise
    found = search.run(shapes or candidate_shapes(inputs.teacher.config, arguments.vocab_size))
    shutil.rmtree(work, ignore_errors=True)
    run.console.print(f"{out}: saved, with report.html")
    return found


def _check(arguments: DistillArguments, to: float, minutes: float, shapes: Sequence[Shape]) -> None:
    if arguments.task == "fill-mask":
        raise InputError("the smallest student is not looked for in fill-mask, whose teacher runs anew in every step")
    if given := names_given(arguments, _FIXED):
        raise InputError(f"leave out {name_list(given)}: a search for the smallest student decides that itself")
    if arguments.eval is None:
        raise InputError(
            "the smallest student needs eval, examples that the teacher did not learn from: they say what it keeps"
        )
    if not 0 < to <= 1:
        raise InputError(f"to must be a share of the teacher's score, above 0 and at most 1, not {to!r}")
    if not 0 < minutes < float("inf"):
        raise InputError(f"minutes must be above 0, not {minutes!r}")
    if len(set(shapes)) < len(shapes):
        raise InputError("a search needs each shape once")


def _open_work(arguments: DistillArguments) -> Path:
    """The folder of what is tried. Raises InputError where it is there and not to be gone on with."""
    work = Path(arguments.out).with_name(f"{Path(arguments.out).name}.search")
    changes_nothing = ("resume", "report", "threads", "device")
    settings = {k: str(v) for k, v in dataclasses.asdict(arguments).items() if k not in changes_nothing}
    if is_file(work / _SETTINGS):
        if not arguments.resume:
            raise InputError(f"{work}: holds a search that was not finished; resume (--resume) goes on with it")
        before = read_json(work / _SETTINGS)
        if changed := [name for name in {**before, **settings} if before.get(name) != settings.get(name)]:
            raise InputError(f"{work}: holds a search with another {name_list(changed)}; remove it to begin anew")
        return work
    if is_folder(work) and any(work.iterdir()):
        raise InputError(f"{work}: is needed for the search, and holds other files; move them")
    (work / TEACHER_OUTPUTS).mkdir(parents=True, exist_ok=True)
    write_json(work / _SETTINGS, settings)
    return work


class _Search:
    """The examples that decide and those that certify, the teacher's scores on both, and what follows from them."""

    def __init__(
        self, run: Run, arguments: DistillArguments, inputs: Inputs, to: float, minutes: float, out: Path
    ) -> None:
        self._run, self._arguments, self._inputs, self._to, self._minutes = run, arguments, inputs, to, minutes
        self._out = out
        assert inputs.held_out is not None
        self._deciding, self._certifying = (
            hold_out(inputs.held_out, 0.5, arguments.seed) if inputs.test is None else (inputs.held_out, inputs.test)
        )
        decide, certify = len(self._deciding.examples), len(self._certifying.examples)
        run.console.print(f"{counted(decide, 'example')} for the choice of the student, {certify:,} to certify it")
        if min(decide, certify) < _FEW_ROWS:
            run.console.print(f"with fewer than {_FEW_ROWS} it is seldom certain what a student keeps: give more")
        try:
            self._teacher = load(arguments.teacher, arguments.task)
        except DistilBertError as error:
            raise InputError(
                f"{arguments.teacher}: our engine does not run this teacher, so students cannot be compared with it "
                f"({error}); `distilbert convert` makes a DistilBERT of a BERT"
            ) from None
        self._theirs = with_main(score_task(self._teacher, self._deciding), best_metric(arguments, self._deciding))
        self._metric = self._theirs.main
        score = self._score_of(self._theirs, self._deciding)
        self._score_of(score_task(self._teacher, self._certifying), self._certifying)
        run.console.print(f"teacher: {self._metric} {score:.4f}")

    def _score_of(self, theirs: Scores, data: Data[Any]) -> float:
        """The teacher's score. Raises InputError where no share of it can be had."""
        if not (score := theirs.values()[self._metric]) > 0:
            raise InputError(f"the teacher's {self._metric} is {score:.4f} on {data.source}: there is no share of it")
        return score

    def run(self, shapes: Sequence[Shape]) -> SmallestStudent:
        halving = Halving(self._run, self._arguments, self._inputs, self._share_of, to=self._to, minutes=self._minutes)
        trials = halving.search(shapes)
        taken = smallest(trials, self._to) or max(trials, key=lambda trial: (trial.share.value, -trial.weights))
        name = shape_name(taken.shape)
        models = {shape_name(trial.shape): trial.folder for trial in trials}
        tried = self._compared(models, self._deciding)[1]
        details, beside = self._compared({name: taken.folder}, self._certifying)
        kept_folders = {name: str(self._out), "teacher": str(self._arguments.teacher)}
        tried, beside = (
            tuple(dataclasses.replace(each, folder=kept_folders.get(each.name, "")) for each in part)
            for part in (tried, beside)
        )
        kept = next(each.share for each in beside if (each.name, each.precision) == (name, "float32"))
        assert kept is not None
        found = SmallestStudent(
            self._out,
            name,
            self._metric,
            self._to,
            kept,
            kept.least >= self._to,
            verdict(kept, self._to, self._metric),
            tuple(dataclasses.replace(each, best=each.name == name) for each in tried),
            beside,
        )
        self._write(found, taken, details)
        return found

    def _share_of(self, folder: Path) -> Share:
        ours = score_task(load(folder, self._arguments.task, precision="float32"), self._deciding)
        return share(self._theirs.metrics[self._metric], ours.metrics[self._metric], ours.examples)

    def _compared(self, students: dict[str, Path], data: Data[Any]) -> tuple[Scores, tuple[Candidate, ...]]:
        """The first student's scores; and all of them and the teacher in both precisions, timed by turns."""
        models: dict[str, str | Path] = {**students, "teacher": self._arguments.teacher}
        options = EvaluateOptions(threads=self._arguments.threads or None)
        found = in_both_precisions(models, data, self._arguments.task, options)
        theirs = next(each for name, each in found if name == "teacher").details.metrics[self._metric]

        def candidate(name: str, evaluation: Evaluation) -> Candidate:
            metrics, examples = evaluation.details.metrics, evaluation.details.examples
            return Candidate.of(name, evaluation, self._metric, share(theirs, metrics[self._metric], examples))

        return found[0][1].details, tuple(candidate(*each) for each in found)

    def _write(self, found: SmallestStudent, taken: Trial, details: Scores) -> None:
        """The student's folder, whole or not at all."""
        chosen = dataclasses.replace(self._arguments, **dataclasses.asdict(taken.shape), max_steps=taken.state.step)
        words = ["distilbert", "distill", "--to", f"{self._to:.6g}", "--minutes", f"{self._minutes:g}"]
        facts = {
            **run_facts(chosen, self._inputs.data, self._certifying, taken.state),
            "from": str(self._arguments.teacher),
            "made": "Distilled",
            "command": command_of(words, self._arguments),
        }
        parts = [("train", self._inputs.data), ("deciding", self._deciding), ("certifying", self._certifying)]
        made = Training(
            facts,
            parts,
            taken.state.losses,
            [],
            details,
            bootstrap(details.metrics, details.examples),
            {},
            Searched(found.tried, found.shape, found.metric, found.to, found.verdict),
        )
        unwritten = translated(OSError, CheckpointError, f"{self._out}: cannot be written", f"; {MAKE_ROOM}")
        with unwritten, written_whole_folder(self._out) as temporary:

            def save(folder: Path) -> None:
                try:
                    shutil.copytree(taken.folder, folder, dirs_exist_ok=True)
                except shutil.Error as error:  # a list: why each of the files could not be copied
                    raise OSError(error.args[0][0][2]) from None

            write_run(temporary, save, made, self._arguments.report, {"search": found.to_dict()})


def verdict(kept: Share, to: float, metric: str) -> str:
    """What a share on examples that decided nothing says of the share that was asked for."""
    on = f"of the teacher's {metric} on {counted(kept.examples, 'example')} that decided nothing"
    if kept.least >= to:
        return f"{to:.1%} reached: {kept.value:.1%} {on}, with 95 % confidence at least {kept.least:.1%}"
    if kept.value < to:
        return (
            f"{to:.1%} not reached: {kept.value:.1%} {on}; more minutes, more text without labels (--unlabelled) or a "
            "lower share may do"
        )
    more = kept.examples_for(to)
    way = f"; about {more:,} examples like these would tell" if more else ""
    return f"{to:.1%} not certain: {kept.value:.1%} {on}, but with 95 % confidence only at least {kept.least:.1%}{way}"
