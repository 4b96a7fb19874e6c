"""`finetune`: a model, files of examples and settings -> the model, trained, as a folder with its report."""

import dataclasses
import hashlib
import json
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from .. import __version__
from ..batch import Batch
from ..checkpoint import Checkpoint, Head, open_checkpoint
from ..config import DistilBertConfig
from ..engine import Engine
from ..errors import InputError
from ..evaluation.evaluate import Judgement, judge
from ..evaluation.examples import Data, Problem
from ..evaluation.metrics import Interval, bootstrap
from ..evaluation.reading import read_data
from ..files import is_folder, written_whole
from ..hub import resolve
from ..loading import TASKS
from ..nn import Packed
from ..nn.heads import MODELS
from ..sentence_folder import SentenceFolder, read_sentence_folder
from ..tasks.embedding import Embedder
from ..tasks.task import Model, Task
from ..tokenizer import BertTokenizer
from .checkpoints import Checkpoints, State
from .loop import LoopArguments, open_accelerator, run
from .objectives import AnyModel, ClassWeights, device_of, make_objective
from .report import write_report

__all__ = ["Arguments", "Trained", "finetune", "open_live"]

TRAINABLE = (
    "text-classification",
    "token-classification",
    "question-answering",
    "fill-mask",
    "sentence-similarity",
    "multiple-choice",
)
_PROBLEMS = {
    "single-label": "single_label_classification",
    "multi-label": "multi_label_classification",
    "regression": "regression",
}
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
    folder = resolve(arguments.model)
    sentence = read_sentence_folder(folder)
    checkpoint = open_checkpoint(sentence.transformer if sentence else folder)
    tokenizer = BertTokenizer.from_folder(checkpoint.folder)
    sentence = sentence or SentenceFolder(checkpoint.folder)
    max_length = _max_length(arguments, checkpoint, tokenizer, sentence)
    torch.manual_seed(arguments.seed)  # of a fresh head
    model = _fresh_model(arguments.task, checkpoint, data)
    objective = make_objective(
        arguments.task,
        data,
        tokenizer,
        max_length,
        class_weights=arguments.class_weights,
        first_only=sentence.pooling.first_only,
    )
    tokens = sum(item.tokens for item in objective.items)
    console.print(f"{len(objective.items)} items of {tokens / len(objective.items):.1f} tokens on average")

    # the training
    live = open_live(model, arguments.task, folder, tokenizer, max_length, sentence)
    judgement: Judgement | None = None

    def evaluate() -> Mapping[str, float]:
        return judge(live, held_out).values()  # type: ignore[arg-type]

    if held_out is not None:
        judgement = judge(live, dataclasses.replace(held_out, examples=held_out.examples[:8]))  # finds faults early
    state = run(
        model,
        objective,
        arguments,
        accelerator,
        checkpoints=Checkpoints(out / _CHECKPOINTS, _fingerprint(arguments, data, held_out)),
        evaluate=None if held_out is None else evaluate,
        main=judgement.main if judgement else "",
        quiet=quiet,
    )

    # what is left of it
    scores: dict[str, Interval] = {}
    if held_out is not None:
        judgement = judge(live, held_out)
        scores = bootstrap(judgement.metrics, judgement.examples)
    if accelerator.is_main_process:
        model.cpu().save_pretrained(out)
        _copy(checkpoint.folder, out, _TOKENIZER)
        if arguments.task == "sentence-similarity":
            _copy(folder, out, _SENTENCE)
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


def open_live(
    model: AnyModel, task: str, folder: Path, tokenizer: BertTokenizer, max_length: int, sentence: SentenceFolder
) -> Task:
    """The task that runs `model` as it is now: training scores it with what users run later."""
    opened = Model(
        folder=folder,
        config=model.config,
        tokenizer=tokenizer,
        engine=_LiveEngine(model),
        max_length=max_length,
        max_batch_tokens=_LIVE_TOKENS,
    )
    kind = TASKS[task]
    return Embedder(opened, sentence) if kind is Embedder else kind(opened)


_LIVE_TOKENS = 1024


class _LiveEngine(Engine):
    """A model in training behind the engine's one method."""

    def __init__(self, model: AnyModel) -> None:
        self._model = model

    def run(self, batch: Batch) -> np.ndarray:
        with torch.no_grad():
            output: np.ndarray = self._model.run(Packed.from_batch(batch, device_of(self._model))).float().cpu().numpy()
        return output


def _check_out(out: Path, resume: bool) -> None:
    if is_folder(out) and any(out.iterdir()) and not resume:
        way = "`resume` goes on with it" if (out / _CHECKPOINTS).is_dir() else "choose another"
        raise InputError(f"{out}: is not empty; {way}")


def _max_length(
    arguments: Arguments, checkpoint: Checkpoint, tokenizer: BertTokenizer, sentence: SentenceFolder
) -> int:
    most = checkpoint.config.max_position_embeddings
    if arguments.max_length > most:
        raise InputError(f"max_length={arguments.max_length} is more than the {most} tokens that the model reads")
    stated = sentence.max_length if arguments.task == "sentence-similarity" else None
    return arguments.max_length or min(stated or tokenizer.max_length or most, most)


def _fresh_model(task: str, checkpoint: Checkpoint, data: Data[Any]) -> AnyModel:
    """The checkpoint's model with the task's head: its own where it has that head and the same labels."""
    head = TASKS[task].head
    config: DistilBertConfig = checkpoint.config
    new_head = checkpoint.head is not head
    if data.labels:
        problem = _PROBLEMS[data.problem] if data.problem else None
        new_head |= config.labels != data.labels
        config = dataclasses.replace(config, labels=data.labels, problem_type=problem)
    return MODELS[head].from_checkpoint(checkpoint, config=config, new_head=new_head and head is not Head.NONE)


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
