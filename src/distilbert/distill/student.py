"""The student: what it starts from, the task that runs it while it is trained, and its folder."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ..activations import Activation
from ..arguments import DistillArguments
from ..fetching import fetch
from ..folder.checkpoint import Head
from ..folder.companions import check_companions, copy_companions, encoder_folder
from ..folder.opened import open_folder
from ..folder.sentence import SentenceFolder
from ..folder.sentence_writing import write_sentence_folder
from ..loading import DEFAULT_BATCH_TOKENS
from ..nn.engine import TorchEngine
from ..nn.heads import MODELS
from ..pooling import Dense
from ..tasks.by_name import TASKS
from ..tasks.task import Model, Task
from ..train.numbers import save_plain
from .initial_weights import chosen_layers, shrink, student_config
from .inputs import Inputs
from .projections import StudentWithProjections


def open_student(arguments: DistillArguments, inputs: Inputs) -> tuple[Any, np.ndarray | None, bool]:
    """The student before its training, a model of `distilbert.nn`; where its numbers lie in its teacher's states; and
    whether its head is fresh.

    Where they lie is int64 [D]; None where the student does not begin with its teacher's weights.

    Raises InputError for a shape that the teacher has no room for.
    """
    source = _source(arguments, inputs)
    check_companions(source, encoder_folder(source), parts=False)
    kind, teacher = MODELS[TASKS[arguments.task].head], inputs.teacher
    torch.manual_seed(arguments.seed)  # of all that is fresh
    if arguments.student is not None:
        checkpoint = open_folder(source, vectors=False).checkpoint
        config = dataclasses.replace(
            checkpoint.config.for_training(checkpoint.folder),
            labels=teacher.config.labels,
            problem_type=teacher.config.problem_type,
        )
        other_head = checkpoint.head is not kind.head or (checkpoint.config.labels != config.labels)
        new_head = other_head and kind.head is not Head.NONE
        return kind.from_checkpoint(checkpoint, config=config, new_head=new_head), None, new_head
    pieces = inputs.vocabulary.pieces
    config = student_config(teacher.config, arguments.shape, len(pieces))
    student = kind(config)
    weights = teacher.weights()
    if not weights:
        return student, None, True
    layers = chosen_layers(teacher.config.n_layers, config.n_layers)
    return student, shrink(student, weights, teacher.config, pieces, layers), False


def _source(arguments: DistillArguments, inputs: Inputs) -> Path:
    """The folder that the student begins with: its own, or its teacher's."""
    return fetch(arguments.student) if arguments.student else inputs.folder


def live_task(arguments: DistillArguments, inputs: Inputs, model: StudentWithProjections) -> Task:
    """The task that runs the student as it is now."""
    out, student, dense = Path(arguments.out), model.student, _dense(model)
    sentence = SentenceFolder(out, layers=(Dense(*dense, Activation.identity),) if dense else ())
    opened = Model(
        out,
        student.config,
        inputs.vocabulary.tokenizer,
        TorchEngine(student),
        inputs.longest,
        DEFAULT_BATCH_TOKENS,
        sentence=sentence,
    )
    return TASKS[arguments.task](opened)


def save_student(out: Path, arguments: DistillArguments, inputs: Inputs, model: StudentWithProjections) -> None:
    """Write the student with its tokenizer, and what it has of the folder that it comes from."""
    student, source = model.student, _source(arguments, inputs)
    save_plain(student, out)
    copy_companions(source, encoder_folder(source), out, parts=False)
    inputs.vocabulary.write(out)
    if arguments.task == "sentence-similarity":
        lower_case = inputs.teacher.lower_case
        write_sentence_folder(out, student.config.dim, inputs.longest, dense=_dense(model), lower_case=lower_case)


def _dense(model: StudentWithProjections) -> tuple[np.ndarray, np.ndarray] | None:
    """Weight [out, D] and bias [out] of the layer that gives the student's vectors the teacher's width, if any."""
    last = model.vector_projection
    return (last.weight.numpy(force=True), last.bias.numpy(force=True)) if isinstance(last, nn.Linear) else None
