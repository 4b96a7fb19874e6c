"""A model that is about to be trained, and the task that scores it as it is."""

import dataclasses
from pathlib import Path
from typing import Any

import torch

from ..arguments import ClassWeights
from ..data.examples import Data
from ..errors import InputError, name_list
from ..fetching import fetch
from ..folder.checkpoint import Head
from ..folder.opened import ModelFolder, open_folder
from ..loading import open_model
from ..nn.engine import TorchEngine
from ..nn.heads import MODELS
from ..tasks.by_name import TASKS
from ..tasks.task import Task
from ..training_data import check_max_length
from .numbers import NumbersHead, save_plain
from .objective import AnyModel, Objective
from .objectives import make_objective


@dataclasses.dataclass(frozen=True, eq=False)
class Trainable:
    """A model with the head of the task, about to be trained.

    Attributes:
        task: what it is trained for.
        folder: where it came from, and how it reads text.
        model: a module of `distilbert.nn`.
        max_length: the longest text that it is trained on, in tokens.
        fresh_head: whether the head has random weights.
        live: the task that runs the model as it is now: training scores it with the code that users run later.
    """

    task: str
    folder: ModelFolder
    model: AnyModel
    max_length: int
    fresh_head: bool
    live: Task

    @property
    def replaced_labels(self) -> tuple[str, ...]:
        """The labels of a head for the same task that the model had; none where it is kept, or had none."""
        checkpoint = self.folder.checkpoint
        return checkpoint.config.labels if self.fresh_head and checkpoint.head is self.model.head else ()

    def save(self, out: Path) -> None:
        """Write the model as it is now."""
        save_plain(self.model, out)

    def objective(self, data: Data[Any], class_weights: ClassWeights | None = None) -> Objective:
        """Its training on examples, of the rows that its head reads. Raises what `make_objective` raises."""
        sentence = self.folder.sentence
        return make_objective(
            self.task,
            data,
            self.folder.tokenizer,
            self.max_length,
            class_weights=class_weights,
            first_only=sentence is not None and sentence.first_only,
            mean_pooling=self.model.config.classifier_pooling == "mean",
        )


def open_trainable(task: str, name: str | Path, data: Data[Any], *, max_length: int = 0, seed: int = 0) -> Trainable:
    """Open a model with the head of a task: its own where it has that head and the data's labels, else a fresh one.

    Raises what `load` raises, and InputError for a sentence-transformers folder that cannot be trained.
    """
    kind = TASKS[task]
    folder = open_folder(fetch(name), vectors=kind.makes_vectors)
    checkpoint, sentence = folder.checkpoint, folder.sentence
    if sentence and (parts := sentence.untrained_parts(dense=False)):
        raise InputError(
            f"{folder.root}: has {name_list(parts)}; only models that take the mean of the tokens, or the first one, "
            "can be trained"
        )
    check_max_length(max_length, folder.config.max_position_embeddings, folder.tokenizer, "the model reads")
    head = kind.head
    config, new_head = checkpoint.config.for_training(checkpoint.folder), checkpoint.head is not head
    if data.labels:
        numbers = data.problem == config.problem == "regression"  # called by their column, which may be another
        new_head |= config.labels != data.labels and not numbers
        config = dataclasses.replace(config, labels=data.labels, problem_type=data.problem)
    torch.manual_seed(seed)  # of the fresh head
    fresh_head = new_head and head is not Head.NONE
    if fresh_head:
        config = dataclasses.replace(config, classifier_pooling="cls")
    model: AnyModel = MODELS[head].from_checkpoint(checkpoint, config=config, new_head=fresh_head)
    if data.problem == "regression":
        model.classifier = NumbersHead(model.classifier, [each.label for each in data.examples], fresh=fresh_head)
    longest = max_length or folder.longest
    opened = dataclasses.replace(open_model(folder, TorchEngine(model)), config=model.config, max_length=longest)
    return Trainable(task, folder, model, longest, fresh_head, live=kind(opened))
