"""`finetune`: a model, files of examples and settings -> the model, trained, as a folder with its report."""

import dataclasses
import hashlib
import json
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from .. import __version__
from ..errors import InputError
from ..evaluation.examples import Data, Problem
from ..evaluation.judging import Judgement, judge
from ..evaluation.metrics import Interval, bootstrap
from ..evaluation.reading import read_data
from ..files import is_folder, written_whole
from .checkpoints import Checkpoints, State
from .loop import LoopArguments, open_accelerator, run
from .objectives import ClassWeights, make_objective
from .report import write_report
from .student import open_student

__all__ = ["Arguments", "Trained", "finetune"]

TRAINABLE = (
    "text-classification",
    "token-classification",
    "question-answering",
    "fill-mask",
    "sentence-similarity",
    "multiple-choice",
)
# what a tokenizer is made of, and what makes a folder one of sentence-transformers
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json", "added_tokens.json")
_SENTENCE = ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json", "1_Pooling")
_CHECKPOINTS, _DONE = "checkpoints", "training.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arguments(LoopArguments):
    """What to train on what, and, by the attributes of `LoopArguments`, how.

    Attributes:
        task: one of `TRAINABLE`.
        model: a folder, `starter/NAME`, or a name on the hub; a head that it has for the task and these labels is kept.
        train: examples, in a file that `distilbert.evaluation.read_data` reads.
        out: the folder to write.
        eval: examples that decide which weights are best; None: the last ones are.
        columns, problem: as `read_data` takes them.
        class_weights: "balanced", or the weight of each label whose weight is not 1.
        max_length: the longest text in tokens; 0: all that the model reads.
        resume: go on from the last checkpoint in `out`, if there is one.
    """

    task: str
    model: str | Path
    train: str | Path
    out: str | Path
    eval: str | Path | None = None
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    problem: Problem | None = None
    class_weights: ClassWeights | None = None
    max_length: int = 0
    resume: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.task not in TRAINABLE:
            raise InputError(f"task {self.task!r} cannot be trained; use one of {', '.join(TRAINABLE)}")
        if self.max_length < 0:
            raise InputError(f"max_length must be at least 0, not {self.max_length!r}")


@dataclasses.dataclass(frozen=True)
class Trained:
    """What came of it: the folder, and the scores of its model where there was something to score it on."""

    folder: Path
    scores: Mapping[str, Interval]


def finetune(arguments: Arguments, *, quiet: bool = False) -> Trained:
    """Train a model and write it as a Transformers folder, with tokenizer, model card and report.html.

    Whatever is wrong in the settings or the data is found before anything is trained. With `resume` an
    interrupted run goes on where its last checkpoint was and ends in the same weights as one that was not.

    Raises:
        InputError: for settings, for what is wrong in the data (naming file and line), and for a folder that
            is not empty.
        CheckpointError: where a checkpoint or the model cannot be written.
        and what opening the model raises.
    """
    out = Path(arguments.out)
    _check_out(out, arguments.resume)
    accelerator = open_accelerator(arguments)
    console = Console(stderr=True, quiet=quiet or not accelerator.is_main_process, soft_wrap=True, highlight=False)
    if arguments.resume and (out / _DONE).is_file():
        console.print(f"{out}: is done")
        saved = json.loads((out / _DONE).read_text(encoding="utf-8"))["scores"]
        return Trained(out, {name: Interval(**score) for name, score in saved.items()})

    # the data, checked
    columns = arguments.columns
    data = read_data(arguments.train, arguments.task, columns=columns, problem=arguments.problem)
    held_out: Data[Any] | None = None
    if arguments.eval is not None:
        held_out = read_data(
            arguments.eval, arguments.task, columns=columns, labels=data.labels or None, problem=data.problem
        )
    for own in (data, held_out):
        if own is not None:
            console.print(f"{own.source}: {len(own.examples)} examples{f' ({own.guessed})' if own.guessed else ''}")

    # the model and what it should learn
    student = open_student(arguments.task, arguments.model, data, max_length=arguments.max_length, seed=arguments.seed)
    objective = make_objective(
        arguments.task,
        data,
        student.tokenizer,
        student.max_length,
        class_weights=arguments.class_weights,
        first_only=student.sentence.pooling.first_only,
    )
    tokens = sum(item.tokens for item in objective.items)
    console.print(f"{len(objective.items)} items of {tokens / len(objective.items):.1f} tokens on average")

    # the training
    judgement: Judgement | None = None

    def evaluate() -> Mapping[str, float]:
        return judge(student.live, held_out).values()  # type: ignore[arg-type]

    if held_out is not None:
        judgement = judge(
            student.live, dataclasses.replace(held_out, examples=held_out.examples[:8])
        )  # finds faults early
    state = run(
        student.model,
        objective,
        arguments,
        accelerator,
        checkpoints=Checkpoints(out / _CHECKPOINTS, _fingerprint(arguments, data, held_out)),
        evaluate=None if held_out is None else evaluate,
        main=judgement.main if judgement else "",
        quiet=quiet,
    )
    accelerator.wait_for_everyone()  # the checkpoints are removed at the end: all must have read the best one

    # what is left of it
    scores: dict[str, Interval] = {}
    if held_out is not None:
        judgement = judge(student.live, held_out)
        scores = bootstrap(judgement.metrics, judgement.examples)
    if accelerator.is_main_process:
        student.model.cpu().save_pretrained(out)
        _copy(student.checkpoint.folder, out, _TOKENIZER)
        if arguments.task == "sentence-similarity":
            _copy(student.folder, out, _SENTENCE)
        facts = _facts(arguments, data, held_out, state)
        write_report(out, facts, state, judgement, scores)
        with written_whole(out / _DONE) as path:
            done = {**facts, "scores": {name: dataclasses.asdict(score) for name, score in scores.items()}}
            done |= {"losses": state.losses, "evaluations": state.scores}
            path.write_text(json.dumps(done, indent=2, default=str) + "\n", encoding="utf-8")
        shutil.rmtree(out / _CHECKPOINTS, ignore_errors=True)
    accelerator.wait_for_everyone()
    for name, score in scores.items():
        console.print(f"{name:<20} {score}")
    console.print(f"{out}: saved, with report.html")
    return Trained(out, scores)


def _check_out(out: Path, resume: bool) -> None:
    if is_folder(out) and any(out.iterdir()) and not resume:
        way = "`resume` goes on with it" if (out / _CHECKPOINTS).is_dir() else "choose another"
        raise InputError(f"{out}: is not empty; {way}")


def _copy(source: Path, out: Path, names: tuple[str, ...]) -> None:
    for name in names:
        if (source / name).is_dir():
            shutil.copytree(source / name, out / name, dirs_exist_ok=True)
        elif (source / name).is_file():
            with written_whole(out / name) as path:
                shutil.copyfile(source / name, path)


_NO_RESULT = ("out", "resume", "device", "threads", "save_steps")  # settings that change no result


def _fingerprint(arguments: Arguments, data: Data[Any], held_out: Data[Any] | None) -> str:
    """What tells this run from others: settings and examples."""
    settings = {key: value for key, value in dataclasses.asdict(arguments).items() if key not in _NO_RESULT}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for own in (data, held_out):
        digest.update(repr(own.examples if own else None).encode(errors="surrogatepass"))
    return digest.hexdigest()


def _facts(arguments: Arguments, data: Data[Any], held_out: Data[Any] | None, state: State) -> dict[str, Any]:
    """What a model card says of how the model was made."""
    settings = {key: value for key, value in dataclasses.asdict(arguments).items() if key not in ("out", "resume")}
    return {
        "task": arguments.task,
        "settings": settings,
        "labels": list(data.labels),
        "train_examples": len(data.examples),
        "eval_examples": len(held_out.examples) if held_out else 0,
        "steps": state.step,
        "best_step": state.best_step or state.step,
        "tokens": state.tokens,
        "seconds": round(state.seconds, 1),
        "versions": {"distilbert": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }
