"""`distill`: a teacher, text and the shape of a student -> the student, as a model folder with its report."""

import math
from pathlib import Path

import numpy as np

from ..arguments import DistillArguments
from ..config import DistilBertConfig
from ..train.loop import autocast
from ..train.numbers import NumbersHead
from ..train.precision import with_precision
from ..train.progress import WorkProgress
from ..train.run import TEACHER_OUTPUTS, Run
from ..trained import Trained
from .alignment import with_teacher_ids
from .facts import student_facts
from .inputs import Inputs, read_inputs
from .objective import DistillationObjective, soft_loss_of
from .projections import StudentWithProjections
from .student import live_task, open_student, save_student
from .teacher import RequestedOutputs, Teacher
from .teacher_cache import CachedOutputs, LiveOutputs, TeacherOutputs

FEWEST_STEPS = 20  # of a student; fewer teach it nothing
_NUMBERS = 256  # of the teacher's, by which those of a regression are measured


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
    inputs = read_inputs(run, arguments)
    model, objective = begin(run, arguments, inputs)
    return run.train_and_save(
        model,
        objective,
        live=lambda: live_task(arguments, inputs, model),
        save=lambda out: save_student(out, arguments, inputs, model),
        data=inputs.data,
        held_out=inputs.held_out,
        test=inputs.test,
        facts=student_facts(run.console, arguments, inputs, model.student),
    )


def begin(
    run: Run, arguments: DistillArguments, inputs: Inputs
) -> tuple[StudentWithProjections, DistillationObjective]:
    """A student before its training, and what it is trained by.

    The teacher's outputs are computed now, unless they are there or live.
    """
    teacher = inputs.teacher
    student, kept, fresh_head = open_student(arguments, inputs)
    requested, of_teacher = _requested(arguments, student.config, teacher)
    outputs = _teacher_outputs(run, arguments, inputs, of_teacher)
    if inputs.data.problem == "regression":
        items = inputs.base.items
        chosen = np.linspace(0, len(items) - 1, min(len(items), _NUMBERS)).astype(int).tolist()  # a table may be sorted
        numbers = outputs.of(chosen, [items[number] for number in chosen], run.accelerator.device).output
        student.classifier = NumbersHead(student.classifier, numbers.flatten().tolist(), fresh=fresh_head)
    model = StudentWithProjections(
        student,
        len(requested.states),
        teacher.config.dim,
        kept,
        vector_width=teacher.width(of_teacher) if requested.vectors else 0,
    )
    objective = DistillationObjective(
        inputs.base,
        outputs,
        arguments.weights,
        requested,
        soft=soft_loss_of(arguments.task, inputs.data.problem),
        heads=_relation_heads(student.config, teacher.config),
        columns=inputs.vocabulary.pieces if arguments.task == "fill-mask" else None,
        every_row=arguments.every_row,
    )
    return model, objective


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
    run: Run, arguments: DistillArguments, inputs: Inputs, requested: RequestedOutputs
) -> TeacherOutputs:
    """The teacher's outputs for its items; written to files first, unless each step has items of its own."""
    accelerator, teacher, items, pieces = run.accelerator, inputs.teacher, inputs.teacher_items, inputs.pieces
    if arguments.live or arguments.task == "fill-mask":
        return LiveOutputs(
            teacher, requested, lambda number, item: items[number] if pieces is None else with_teacher_ids(item, pieces)
        )
    folder = Path(arguments.cache) if arguments.cache else run.out / TEACHER_OUTPUTS
    if not accelerator.is_main_process:
        accelerator.wait_for_everyone()  # until they are written
    outputs = CachedOutputs(folder, teacher, items, requested, arguments.precision)
    if accelerator.is_main_process:
        device = accelerator.device
        with WorkProgress(run.console, "the teacher's outputs", len(items), outputs.filled) as progress:
            outputs.fill(arguments.max_batch_tokens, device, lambda: autocast(arguments, device), progress.at)
        accelerator.wait_for_everyone()
    return outputs
