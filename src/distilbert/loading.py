"""`load`: a model's name -> the task that runs it."""

import dataclasses
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

from .engine.choice import open_on_cpu
from .engine.seam import Engine
from .errors import CheckpointError, CheckpointWarning, InputError, check_whole, printable_name
from .fetching import fetch
from .folder.checkpoint import Checkpoint, Head
from .folder.fingerprint import fingerprint
from .folder.hub import HubAccess
from .folder.layout import CONFIG
from .folder.opened import ModelFolder, open_folder
from .folder.sentence import SentenceFolder, read_sentence_folder
from .folder.starters import starter_task
from .hint_arguments import TASK_ALIASES
from .hints import did_you_mean, hinting
from .tasks.by_name import TASKS
from .tasks.long_text import caller_level
from .tasks.origin import Origin
from .tasks.task import Model, Task

if TYPE_CHECKING:  # the one task that is asked for is read by its name
    from .tasks.embedding import Embedder
    from .tasks.fill_mask import MaskFiller
    from .tasks.late_interaction import LateInteractionEncoder
    from .tasks.multiple_choice import ChoiceClassifier
    from .tasks.question_answering import QuestionAnswerer
    from .tasks.reranking import Reranker
    from .tasks.sparse import SparseEncoder
    from .tasks.text_classification import TextClassifier
    from .tasks.token_classification import TokenClassifier
    from .tasks.zero_shot import ZeroShotClassifier

_BY_HEAD = {
    Head.SEQUENCE_CLASSIFICATION: "text-classification",
    Head.TOKEN_CLASSIFICATION: "token-classification",
    Head.QUESTION_ANSWERING: "question-answering",
    Head.MASKED_LM: "fill-mask",
    Head.MULTIPLE_CHOICE: "multiple-choice",
    Head.NONE: "feature-extraction",
}

DEFAULT_BATCH_TOKENS = 1024

AnyPath = str | Path
EmbedderTask = Literal["feature-extraction", "sentence-similarity"]
ZeroShotTask = Literal["zero-shot-classification"]


def task_of(head: Head, sentence: SentenceFolder | None = None) -> str:
    """The task that a checkpoint was trained for, by its head and by whether it is a sentence-transformers folder."""
    if sentence is None:
        return _BY_HEAD[head]
    if sentence.token_vectors:
        return "late-interaction"
    return "sparse-encoding" if sentence.splade else "feature-extraction"


def ranking_task(model: AnyPath, revision: str | None = None) -> str:
    """The task that ranks documents with this model: "late-interaction" for a folder that speaks of it."""
    sentence = read_sentence_folder(fetch(model, revision))
    return "late-interaction" if sentence and sentence.token_vectors else "text-ranking"


_MOST_THREADS = 1024  # a system may let a process start far more, and then stand still


class _Options(TypedDict, total=False):
    precision: Literal["float32", "int8"] | None
    threads: int | None
    max_batch_tokens: int
    device: Literal["cpu", "cuda", "mps", "auto"]
    revision: str | None
    token: str | bool | None
    cache_dir: AnyPath | None
    local_files_only: bool
    calibrated: bool
    progress: bool


# for type checkers: what a task's name gives
@overload
def load(model: AnyPath, task: Literal["text-classification"], **options: Unpack[_Options]) -> "TextClassifier": ...
@overload
def load(model: AnyPath, task: Literal["token-classification"], **options: Unpack[_Options]) -> "TokenClassifier": ...
@overload
def load(model: AnyPath, task: Literal["question-answering"], **options: Unpack[_Options]) -> "QuestionAnswerer": ...
@overload
def load(model: AnyPath, task: Literal["fill-mask"], **options: Unpack[_Options]) -> "MaskFiller": ...
@overload
def load(model: AnyPath, task: Literal["multiple-choice"], **options: Unpack[_Options]) -> "ChoiceClassifier": ...
@overload
def load(model: AnyPath, task: EmbedderTask, **options: Unpack[_Options]) -> "Embedder": ...
@overload
def load(model: AnyPath, task: ZeroShotTask, **options: Unpack[_Options]) -> "ZeroShotClassifier": ...
@overload
def load(model: AnyPath, task: Literal["text-ranking"], **options: Unpack[_Options]) -> "Reranker": ...
@overload
def load(model: AnyPath, task: Literal["sparse-encoding"], **options: Unpack[_Options]) -> "SparseEncoder": ...
@overload
def load(
    model: AnyPath, task: Literal["late-interaction"], **options: Unpack[_Options]
) -> "LateInteractionEncoder": ...
@overload
def load(model: AnyPath, task: str | None = None, **options: Unpack[_Options]) -> Any: ...
@hinting
def load(
    model: str | Path,
    task: str | None = None,
    *,
    precision: Literal["float32", "int8"] | None = None,
    threads: int | None = None,
    max_batch_tokens: int = DEFAULT_BATCH_TOKENS,
    device: Literal["cpu", "cuda", "mps", "auto"] = "cpu",
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    calibrated: bool = True,
    progress: bool = False,
) -> Task:
    """Open a model for a task.

    Args:
        model: a folder, a starter model such as "starter/embed", or a name on the Hugging Face hub (the local cache is
            asked first; nothing goes over the network that is already here).
        task: one of `distilbert.TASKS`, or a common name of one, such as "ner"; by default what the
            checkpoint was trained for.
        precision: of the matrix products, "float32" or "int8"; by default as the folder is stored.
        threads: by default, and at most, the cores that the process may use (affinity and cgroup quota).
        max_batch_tokens: the token budget of one batch; bounds memory.
        device: "cpu", or with the extra `torch` "cuda", "mps" or "auto" (CUDA if there is one, else the CPU).
        revision: a branch, tag or commit on the hub.
        token: of an account on the hub; by default HF_TOKEN or the one stored on this machine, False for none.
        cache_dir: where copies from the hub are kept; by default the hub client's own folder.
        local_files_only: take a copy that is there, and ask nobody.
        calibrated: whether scores are calibrated where the folder says how (`distilbert calibrate`); logits never are.
        progress: whether a call that takes longer than a second shows a bar on standard error.

    Raises:
        HubError, ConfigError, CheckpointError, TokenizerError: naming the file and the field.
        InputError: for an option that does not exist, or a device that is not here.
        MissingExtraError: for another device than the CPU without PyTorch.
    """
    task = starter_task(str(model)) if task is None else _task_name(task)
    check_whole("max_batch_tokens", max_batch_tokens)
    root = fetch(model, revision, HubAccess(token, cache_dir, local_files_only))
    folder = open_folder(root, vectors=task is None or TASKS[task].makes_vectors)
    checkpoint = folder.checkpoint
    task = task or task_of(checkpoint.head, folder.sentence)
    kind = TASKS[task]
    if task == "zero-shot-classification" and checkpoint.head is Head.NONE:
        from .tasks.zero_shot_similarity import SimilarityClassifier  # read where it is asked for, as other tasks

        kind, folder = SimilarityClassifier, open_folder(root)
    if kind.head not in (checkpoint.head, Head.NONE):
        there = f"; its weights hold a {kind.head.value}, too: name it in config.json's architectures"
        raise CheckpointError(
            f"{folder.root}: task {task!r} needs a {kind.head.value}, and this is a {checkpoint.head.value}"
            f" (its task is {_BY_HEAD[checkpoint.head]!r}){there if checkpoint.leaves_unread(kind.head) else ''}"
        )
    if note := _other_use(folder, kind):
        warnings.warn(f"{folder.root}: {note}", CheckpointWarning, stacklevel=caller_level())
    first_only = kind.pools and folder.sentence is not None and folder.sentence.first_only
    engine = open_engine(
        checkpoint,
        kind.head,
        all_rows=kind.all_rows and not first_only,
        precision=precision,
        threads=threads,
        device=device,
    )
    options = {"precision": precision, "threads": threads, "max_batch_tokens": max_batch_tokens, "device": device}
    options["calibrated"] = calibrated
    origin = Origin(
        load,
        str(model),
        folder.root.absolute(),
        {"task": task, **options, "revision": revision, "cache_dir": cache_dir, "progress": progress},
        fingerprint([checkpoint.folder / CONFIG, *checkpoint.weights_files]),
    )
    opened = dataclasses.replace(open_model(folder, engine, max_batch_tokens), origin=origin, progress=progress)
    return kind(opened if calibrated else dataclasses.replace(opened, config=opened.config.uncalibrated()))


# names of a second label that says that a document fits a query
_FITS = re.compile(
    r"LABEL_1|1|yes|true|good|.*(relevan|match|answer|equiv|duplic|entail|simil|same|paraphras|correct).*", re.I
)


def _other_use(folder: ModelFolder, kind: type[Task]) -> str:
    """What to say of a model that can do the task, and was trained for another; "" of any other."""
    config, head = folder.config, folder.checkpoint.head
    if kind.pools and head not in (Head.NONE, Head.MASKED_LM) and folder.sentence is None:
        if config.classifier_pooling == "mean":  # whose head was fitted to such vectors
            return ""
        return (
            f"is a {head.value}, whose encoder was trained for {_BY_HEAD[head]}: its vectors say little of what texts "
            "mean; take a model of sentences, such as starter/embed"
        )
    if kind.task == "text-ranking" and config.num_labels == 2 and not _FITS.fullmatch(config.labels[1]):
        return (
            f"orders documents by the score of its label {printable_name(config.labels[1])}; unless that says that one "
            "fits the query, take a cross-encoder, such as cross-encoder/ms-marco-MiniLM-L6-v2, converted"
        )
    return ""


def _task_name(given: str) -> str:
    """A task's name in `TASKS`. Raises InputError for what is no name of one."""
    name = TASK_ALIASES.get(given, given)
    if name not in TASKS:
        like = did_you_mean(given, [*TASKS, *TASK_ALIASES])
        raise InputError(f"task {given!r} is unknown{like}; use one of {', '.join(TASKS)}")
    return name


def open_model(folder: ModelFolder, engine: Engine, max_batch_tokens: int = DEFAULT_BATCH_TOKENS) -> Model:
    """What a task needs of a folder, run by `engine`."""
    return Model(
        folder=folder.root,
        config=folder.config,
        tokenizer=folder.tokenizer,
        engine=engine,
        max_length=folder.longest,
        max_batch_tokens=max_batch_tokens,
        sentence=folder.sentence,
    )


def open_engine(
    checkpoint: Checkpoint, head: Head, *, all_rows: bool, precision: str | None, threads: int | None, device: str
) -> Engine:
    """The engine for a device: on the CPU what `engine/choice.py` chooses, PyTorch elsewhere.

    Raises InputError for a precision or device that does not exist or is not here, MissingExtraError for a
    device other than "cpu" without PyTorch.
    """
    precision = precision or ("int8" if checkpoint.bits else "float32")
    if precision not in ("float32", "int8"):
        raise InputError(f"precision must be 'float32' or 'int8', not {precision!r}")
    if precision == "float32" and checkpoint.bits:
        raise InputError(
            f"{checkpoint.folder}: holds int8 weights; leave precision out, or load the folder it came from"
        )
    if threads is not None and (type(threads) is not int or not 1 <= threads <= _MOST_THREADS):
        raise InputError(f"threads must be a whole number from 1 to {_MOST_THREADS}, not {threads!r}")
    if device not in ("cpu", "cuda", "mps", "auto"):
        raise InputError(f"device must be 'cpu', 'cuda', 'mps' or 'auto', not {device!r}")
    if device != "cpu":
        from .nn.engine import TorchEngine, find_device  # not at the top: it needs PyTorch

        device = find_device(device)
    if device != "cpu":
        if precision == "int8":
            raise InputError(
                f"int8 runs on the CPU, not on {device!r}; leave device out, or choose precision='float32'"
            )
        return TorchEngine.open(checkpoint, head, device=device)
    return open_on_cpu(checkpoint, head, all_rows=all_rows, precision=precision, threads=threads)
