"""`distill`: a teacher, text and the shape of a student -> the student, as a model folder with its report."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from ..arguments import DistillArguments
from ..command_text import command_text
from ..config import DistilBertConfig, Problem
from ..data.examples import Data
from ..errors import InputError
from ..evaluation.scoring import score_task
from ..loading import load
from ..tasks.task import FIRST
from ..tokenizer import BertTokenizer
from ..train.loop import autocast
from ..train.objective import Item, TaskObjective
from ..train.objectives import make_objective
from ..train.precision import with_precision
from ..train.progress import WorkProgress
from ..train.run import TEACHER_OUTPUTS, Run
from ..trained import Trained
from .alignment import alignable, with_teacher_ids
from .examples import read_all
from .masks import SmoothedMasks
from .objective import DistillationObjective, EmbedTexts, OutputKind
from .projections import StudentWithProjections
from .student import Student, live_task, open_student, save_student
from .teacher import NativeTeacher, RequestedOutputs, Teacher, fetch_teacher, open_teacher
from .teacher_cache import CachedOutputs, LiveOutputs, TeacherOutputs


def distill(arguments: DistillArguments, *, quiet: bool = False) -> Trained:
    """Train a student on its teacher's outputs and write it as a model folder, as `finetune` does.

    Whatever is wrong in the settings or the data is found before anything is trained. With `resume` an interrupted run
    goes on where it was, in computing the teacher's outputs or in training, and ends in the same weights as one that
    was not.

    Raises:
        InputError: for settings, for what is wrong in the data (naming file and line), for a teacher and a student
            that do not fit, and for a folder that is not empty.
        CheckpointError: where a checkpoint, the teacher's outputs or the model cannot be written.
        and what opening teacher and student raises.
    """
    arguments = with_precision(arguments)
    run = Run(arguments, quiet=quiet)
    if done := run.done():
        return done
    folder = fetch_teacher(arguments.teacher)
    teacher = open_teacher(folder, arguments.task)
    data, held_out, test = read_all(run, arguments, teacher)
    student = open_student(arguments, folder, teacher, data)
    requested, of_teacher = _requested(arguments, student.config, teacher)
    pieces = _shared_pieces(arguments.task, requested, student)
    base, teacher_items = _items(arguments, data, student, teacher, pieces)
    model = StudentWithProjections(
        student.model,
        len(requested.states),
        teacher.config.dim,
        student.kept,
        vector_width=teacher.width(of_teacher) if requested.vectors else 0,
    )
    objective = DistillationObjective(
        base,
        _teacher_outputs(run, arguments, teacher, of_teacher, teacher_items, pieces),
        arguments.weights,
        requested,
        kind=_kind(arguments.task, data.problem),
        heads=_relation_heads(student.config, teacher.config),
        columns=student.vocabulary.pieces if arguments.task == "fill-mask" else None,
        every_row=arguments.every_row,
    )
    facts = _facts(run, arguments, teacher, student, held_out)
    return run.train_and_save(
        model,
        objective,
        live=lambda: live_task(arguments, student, model),
        save=lambda out: save_student(out, arguments, folder, teacher, student, model),
        data=[data],
        held_out=held_out,
        test=test,
        facts=facts,
    )


# the items ----------------------------------------------------------------------------------------------


def _objective(
    arguments: DistillArguments, data: Data[Any], tokenizer: BertTokenizer, longest: int, teacher: Teacher | None
) -> TaskObjective:
    """The task's items as a tokenizer reads them, the student's or, where it is given, the teacher's."""
    if arguments.task == "sentence-similarity":
        read = tokenizer.encode_batch([example.text for example in data.examples], max_length=longest)
        return EmbedTexts([encoding.ids for encoding in read], FIRST if teacher and teacher.first_only else None)
    if arguments.task == "fill-mask":
        return SmoothedMasks(data, tokenizer, longest, every_row=arguments.every_row)
    objective = make_objective(arguments.task, data, tokenizer, longest)
    assert isinstance(objective, TaskObjective)
    return objective


def _shared_pieces(task: str, requested: RequestedOutputs, student: Student) -> np.ndarray | None:
    """int64 [V] the teacher's ids of the student's pieces, where the teacher reads the student's tokens; else None.

    Raises InputError where it has to, and the teacher lacks some of the pieces.
    """
    if not (requested.per_token or task in ("fill-mask", "question-answering")):
        return None
    pieces = student.vocabulary.pieces
    if (lacking := int((pieces < 0).sum())) > 0:
        raise InputError(
            f"{lacking} pieces of the student's vocabulary are not in the teacher's, and tokens can only be "
            "compared with one vocabulary: leave out cosine, hidden and attention, or the student"
        )
    return pieces


def _items(
    arguments: DistillArguments,
    data: Data[Any],
    student: Student,
    teacher: Teacher,
    pieces: np.ndarray | None,
) -> tuple[TaskObjective, list[Item]]:
    """The task's items as the student reads them, and the same texts as the teacher does."""
    base = _objective(arguments, data, student.vocabulary.tokenizer, student.longest, None)
    if pieces is not None:
        return base, [with_teacher_ids(item, pieces) for item in base.items]
    of_text = _objective(arguments, data, teacher.tokenizer, min(student.longest, teacher.max_length), teacher).items
    same = alignable(base.items, of_text)
    base.items = [base.items[i] for i in same]
    return base, [of_text[i] for i in same]


# the teacher's outputs ----------------------------------------------------------------------------------


def _requested(
    arguments: DistillArguments, student: DistilBertConfig, teacher: Teacher
) -> tuple[RequestedOutputs, RequestedOutputs]:
    """What the losses need of the student, and of the teacher: of layers at the same relative depth."""
    weights, vectors = arguments.weights, arguments.task == "sentence-similarity"
    states: tuple[int, ...] = ()
    if weights.hidden:
        states = tuple(range(student.n_layers + 1))
    elif weights.cosine:
        states = (student.n_layers,)
    relations = weights.attention > 0
    of_teacher = tuple(round(state * teacher.config.n_layers / student.n_layers) for state in states)
    return RequestedOutputs(states, relations, vectors), RequestedOutputs(of_teacher, relations, vectors)


def _relation_heads(student: DistilBertConfig, teacher: DistilBertConfig) -> int:
    """The teacher's number of heads, or the next lower one that divides both widths."""
    common = math.gcd(student.dim, teacher.dim)
    return max(heads for heads in range(1, teacher.n_heads + 1) if common % heads == 0)


def _teacher_outputs(
    run: Run,
    arguments: DistillArguments,
    teacher: Teacher,
    requested: RequestedOutputs,
    items: Sequence[Item],
    pieces: np.ndarray | None,
) -> TeacherOutputs:
    """The teacher's outputs for its items; written to files first, unless each step has items of its own."""
    accelerator = run.accelerator
    if arguments.live or arguments.task == "fill-mask":
        return LiveOutputs(
            teacher, requested, lambda number, item: items[number] if pieces is None else with_teacher_ids(item, pieces)
        )
    folder = Path(arguments.cache) if arguments.cache else run.out / TEACHER_OUTPUTS
    if accelerator.is_main_process:
        outputs = CachedOutputs(folder, teacher, items, requested, arguments.precision)
        with WorkProgress(run.console, "the teacher's outputs", len(items), outputs.filled) as progress:
            outputs.fill(
                arguments.max_batch_tokens,
                accelerator.device,
                lambda: autocast(arguments, accelerator.device),
                progress.at,
            )
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        return outputs
    return CachedOutputs(folder, teacher, items, requested, arguments.precision)


def _kind(task: str, problem: Problem | None) -> OutputKind:
    if task == "question-answering":
        return "span"
    if task == "sentence-similarity":
        return "vectors"
    if problem == "multi_label_classification":
        return "independent labels"
    return "numbers" if problem == "regression" else "classes"


def _facts(
    run: Run,
    arguments: DistillArguments,
    teacher: Teacher,
    student: Student,
    held_out: Data[Any] | None,
) -> dict[str, Any]:
    """What the report says of teacher and student; printed as well."""
    config = student.config
    size, teacher_size = _parameters(student.model), _parameters(teacher.model)
    about = (
        f"{config.n_layers} layers of {config.dim} ({config.hidden_dim} inside, {config.n_heads} heads), "
        f"{config.vocab_size:,} pieces, {size / 1e6:.2f} M parameters beside embeddings "
        f"({size / teacher_size:.1%} of the teacher's {teacher_size / 1e6:.2f} M)"
    )
    run.console.print(f"student: {about}")
    facts: dict[str, Any] = {
        "from": str(arguments.teacher),
        "made": "Distilled",
        "command": command_text(["distilbert", "distill"], arguments, without=("resume", "report")),
        "student": about,
        "teacher_score": {},
    }
    if arguments.vocab_size:
        facts["vocabulary"] = (
            f"{student.vocabulary.unknown:.3%} of the tokens are unknown to the student's vocabulary, and texts are "
            f"{student.vocabulary.longer - 1:.1%} longer with it"
        )
        run.console.print(facts["vocabulary"])
    for remark in _remarks(arguments, student):
        run.console.print(remark, markup=False)
    if held_out is not None and isinstance(teacher, NativeTeacher):
        details = score_task(load(arguments.teacher, arguments.task), held_out)
        facts["teacher_score"] = {details.main: details.values()[details.main]}
    return facts


def _remarks(arguments: DistillArguments, student: Student) -> Iterator[str]:
    """What would make the student smaller, or better."""
    words = student.config.vocab_size * student.config.dim
    size = sum(parameter.numel() for parameter in student.model.parameters())
    if not arguments.vocab_size and arguments.student is None and words > size / 3:
        yield (
            f"{words * 4 / 1e6:,.1f} of its {size * 4 / 1e6:,.1f} MB are embeddings of pieces: --vocab-size auto keeps "
            "those that the text uses"
        )
    if not arguments.unlabelled and arguments.task in ("text-classification", "token-classification"):
        yield "text without labels mostly brings a student closer to its teacher: --unlabelled FILE"


def _parameters(model: nn.Module) -> int:
    """The number of parameters besides those of embeddings; tied ones are of embeddings."""
    embeddings = {id(p) for module in model.modules() if isinstance(module, nn.Embedding) for p in module.parameters()}
    return sum(parameter.numel() for parameter in model.parameters() if id(parameter) not in embeddings)
