"""A model that is about to be trained, and the task that scores it as it is."""

import dataclasses
from pathlib import Path
from typing import Any

import torch

from ..data.examples import Data
from ..errors import InputError
from ..folder.checkpoint import Checkpoint, Head, open_checkpoint
from ..folder.hub import resolve
from ..folder.sentence import SentenceFolder, read_sentence_folder
from ..loading import DEFAULT_BATCH_TOKENS, TASKS
from ..nn.engine import TorchEngine
from ..nn.heads import MODELS
from ..tasks.embedding import Embedder
from ..tasks.task import Model, Task
from ..tokenizer import BertTokenizer
from .objective import AnyModel

_PROBLEMS = {
    "single-label": "single_label_classification",
    "multi-label": "multi_label_classification",
    "regression": "regression",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Trainable:
    """A model with the head of the task, about to be trained.

    Attributes:
        folder: where it came from; `checkpoint` is in it, or in a folder of it.
        model: a module of `distilbert.nn`.
        max_length: the longest text that it is trained on, in tokens.
        sentence: how sentences are embedded.
        live: the task that runs the model as it is now: training scores it with the code that users run later.
    """

    folder: Path
    checkpoint: Checkpoint
    model: AnyModel
    tokenizer: BertTokenizer
    max_length: int
    sentence: SentenceFolder
    live: Task


def open_trainable(task: str, name: str | Path, data: Data[Any], *, max_length: int = 0, seed: int = 0) -> Trainable:
    """Open a model with the head of a task: its own where it has that head and the data's labels, else a fresh one.

    Raises what `load` raises, and InputError for a sentence-transformers folder that cannot be trained.
    """
    folder = resolve(name)
    sentence = read_sentence_folder(folder)
    checkpoint = open_checkpoint(sentence.transformer if sentence else folder)
    tokenizer = BertTokenizer.from_folder(checkpoint.folder)
    embeds = task == "sentence-similarity"
    sentence = sentence or SentenceFolder(checkpoint.folder)
    if embeds and (sentence.layers or sentence.splade or sentence.pooling.modes not in (("mean",), ("cls",))):
        raise InputError(f"{folder}: only models that take the mean of the tokens, or the first one, can be trained")
    if embeds and sentence.lower_case:
        tokenizer.lower_case_first()
    most = checkpoint.config.max_position_embeddings
    if max_length > most:
        raise InputError(f"max_length={max_length} is more than the {most} tokens that the model reads")
    if 0 < max_length <= tokenizer.special_count:
        raise InputError(
            f"max_length={max_length} has no room for text beside {tokenizer.special_count} special tokens"
        )
    stated = sentence.max_length if embeds else None
    longest = max_length or min(stated or tokenizer.max_length or most, most)

    head = TASKS[task].head
    config, new_head = checkpoint.config.for_training(), checkpoint.head is not head
    if data.labels:
        new_head |= config.labels != data.labels
        problem = _PROBLEMS[data.problem] if data.problem else None
        config = dataclasses.replace(config, labels=data.labels, problem_type=problem)
    torch.manual_seed(seed)  # of the fresh head
    model = MODELS[head].from_checkpoint(checkpoint, config=config, new_head=new_head and head is not Head.NONE)
    opened = Model(folder, model.config, tokenizer, TorchEngine(model), longest, DEFAULT_BATCH_TOKENS)
    kind = TASKS[task]
    live = Embedder(opened, sentence) if kind is Embedder else kind(opened)
    return Trainable(folder, checkpoint, model, tokenizer, longest, sentence, live)
