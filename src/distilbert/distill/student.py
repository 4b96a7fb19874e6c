"""The student: what it starts from, the task that runs it while it is trained, and its folder."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ..activations import Activation
from ..arguments import DistillArguments
from ..config import DistilBertConfig
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
from .initial_weights import chosen_layers, shrink, student_config
from .inputs import Inputs
from .projections import StudentWithProjections
from .teacher import Teacher
from .vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True)
class Student:
    """A student before its training.

    Attributes:
        model: one of distilbert.nn.
        kept: int64 [D] the dimensions of the teacher's states that its own were copied from; None: unknown.
        vocabulary: its tokenizer, and the teacher's ids of its pieces.
        longest: of its texts, in tokens.
    """

    model: Any
    kept: np.ndarray | None
    vocabulary: Vocabulary
    longest: int

    @property
    def config(self) -> DistilBertConfig:
        config: DistilBertConfig = self.model.config
        return config


def open_student(arguments: DistillArguments, inputs: Inputs) -> Student:
    """The student that is taught. Raises InputError for a shape that the teacher has no room for."""
    source = fetch(arguments.student) if arguments.student else inputs.folder
    check_companions(source, encoder_folder(source), parts=False)
    return Student(*_initial_model(arguments, inputs.teacher, inputs.vocabulary), inputs.vocabulary, inputs.longest)


def _initial_model(
    arguments: DistillArguments, teacher: Teacher, vocabulary: Vocabulary
) -> tuple[Any, np.ndarray | None]:
    """The student's `model` and `kept`."""
    kind = MODELS[TASKS[arguments.task].head]
    torch.manual_seed(arguments.seed)  # of all that is fresh
    if arguments.student is not None:
        checkpoint = open_folder(fetch(arguments.student), vectors=False).checkpoint
        config = dataclasses.replace(
            checkpoint.config.for_training(checkpoint.folder),
            labels=teacher.config.labels,
            problem_type=teacher.config.problem_type,
        )
        new_head = checkpoint.head is not kind.head or (checkpoint.config.labels != config.labels)
        return kind.from_checkpoint(checkpoint, config=config, new_head=new_head and kind.head is not Head.NONE), None
    config = student_config(teacher.config, arguments.shape, len(vocabulary.pieces))
    student = kind(config)
    weights = teacher.weights()
    if not weights:
        return student, None
    kept = shrink(
        student, weights, teacher.config, vocabulary.pieces, chosen_layers(teacher.config.n_layers, config.n_layers)
    )
    return student, kept


def live_task(arguments: DistillArguments, student: Student, model: StudentWithProjections) -> Task:
    """The task that runs the student as it is now."""
    out, tokenizer, dense = Path(arguments.out), student.vocabulary.tokenizer, _dense(model)
    sentence = SentenceFolder(out, layers=(Dense(*dense, Activation.identity),) if dense else ())
    opened = Model(
        out,
        student.config,
        tokenizer,
        TorchEngine(student.model),
        student.longest,
        DEFAULT_BATCH_TOKENS,
        sentence=sentence,
    )
    return TASKS[arguments.task](opened)


def save_student(
    out: Path, arguments: DistillArguments, inputs: Inputs, student: Student, model: StudentWithProjections
) -> None:
    """Write the student with its tokenizer, and what it has of the folder that it comes from."""
    student.model.save_pretrained(out)
    source = fetch(arguments.student) if arguments.student else inputs.folder
    copy_companions(source, encoder_folder(source), out, parts=False)
    student.vocabulary.write(out)
    if arguments.task == "sentence-similarity":
        lower_case = inputs.teacher.lower_case
        write_sentence_folder(out, student.config.dim, student.longest, dense=_dense(model), lower_case=lower_case)


def _dense(model: StudentWithProjections) -> tuple[np.ndarray, np.ndarray] | None:
    """Weight [out, D] and bias [out] of the layer that gives the student's vectors the teacher's width, if any."""
    last = model.vector_projection
    return (last.weight.numpy(force=True), last.bias.numpy(force=True)) if isinstance(last, nn.Linear) else None
