"""`distill`: a teacher, text and the shape of a student -> the student, as a model folder with its report."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress
from torch import nn

from ..activations import Activation
from ..arguments import DistillArguments
from ..config import DistilBertConfig, Problem
from ..data.examples import Data
from ..data.splitting import share_of
from ..errors import InputError
from ..evaluation.scoring import score_task
from ..folder.checkpoint import Head
from ..folder.companions import copy_companions, encoder_folder
from ..folder.hub import resolve
from ..folder.opened import open_folder
from ..folder.sentence import SentenceFolder
from ..folder.sentence_writing import write_sentence_folder
from ..loading import DEFAULT_BATCH_TOKENS, TASKS, load
from ..nn.engine import TorchEngine
from ..nn.heads import MODELS
from ..pooling import Dense
from ..tasks.task import FIRST, Model, Task
from ..tokenizer import BertTokenizer
from ..train.loop import autocast
from ..train.objective import Item, TaskObjective
from ..train.objectives import make_objective
from ..train.run import TEACHER_OUTPUTS, Run, Trained
from .alignment import alignable, with_teacher_ids
from .examples import labels_of, read_examples, texts_of
from .initial_weights import chosen_layers, shrink, student_config
from .masks import SmoothedMasks
from .objective import DistillationObjective, EmbedTexts, OutputKind
from .projections import StudentWithProjections
from .teacher import NativeTeacher, RequestedOutputs, Teacher, open_teacher
from .teacher_cache import CachedOutputs, LiveOutputs, TeacherOutputs
from .vocabulary import Vocabulary, cut_vocabulary, same_pieces, whole_vocabulary


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
    run = Run(arguments, quiet=quiet)
    if done := run.done():
        return done
    folder = resolve(arguments.teacher)
    teacher = open_teacher(folder, arguments.task)
    data = read_examples(run, arguments, teacher)
    if share_of(arguments.eval) is not None:
        raise InputError("eval must be a file for distill; a share of the training examples is for train")
    like = labels_of(arguments.task, teacher)
    held_out = None if arguments.eval is None else run.read(arguments.eval, like=like)
    test = None if arguments.test is None else run.read(arguments.test, like=like)
    vocabulary = _vocabulary(arguments, folder, teacher, data)
    student, kept = _student(arguments, teacher, vocabulary)
    longest = _longest(arguments, teacher, student.config, vocabulary.tokenizer)

    base = _objective(arguments, data, vocabulary.tokenizer, longest, None)
    requested, of_teacher = _requested(arguments, student.config, teacher)
    if shared := requested.per_token or arguments.task in ("fill-mask", "question-answering"):
        if (lacking := int((vocabulary.pieces < 0).sum())) > 0:
            raise InputError(
                f"{lacking} pieces of the student's vocabulary are not in the teacher's, and tokens can only be "
                "compared with one vocabulary: leave out cosine, hidden and attention, or the student"
            )
        teacher_items = [with_teacher_ids(item, vocabulary.pieces) for item in base.items]
    else:
        of_text = _objective(arguments, data, teacher.tokenizer, min(longest, teacher.max_length), teacher).items
        same = alignable(base.items, of_text)
        base.items, teacher_items = [base.items[i] for i in same], [of_text[i] for i in same]
    pieces = vocabulary.pieces if shared else None
    teacher_outputs = _teacher_outputs(run, arguments, teacher, of_teacher, teacher_items, pieces)

    vector_width = teacher.width(of_teacher) if requested.vectors else 0
    model = StudentWithProjections(student, len(requested.states), teacher.config.dim, kept, vector_width=vector_width)
    objective = DistillationObjective(
        base,
        teacher_outputs,
        arguments.weights,
        requested,
        kind=_kind(arguments.task, data.problem),
        heads=_relation_heads(student.config, teacher.config),
        columns=vocabulary.pieces if arguments.task == "fill-mask" else None,
        every_row=arguments.every_row,
    )
    facts = _facts(run, arguments, teacher, student, vocabulary, held_out)

    def save(out: Path) -> None:
        student.save_pretrained(out)
        source = resolve(arguments.student) if arguments.student else folder
        copy_companions(source, encoder_folder(source), out, parts=False)
        vocabulary.write(out)
        if requested.vectors:
            write_sentence_folder(out, student.config.dim, longest, dense=_dense(model), lower_case=teacher.lower_case)

    done = run.train_and_save(
        model,
        objective,
        live=lambda: _live(arguments.task, model, vocabulary.tokenizer, longest, Path(arguments.out)),
        save=save,
        data=[data],
        held_out=held_out,
        test=test,
        facts=facts,
    )
    for name, score in facts["teacher_score"].items():
        if score > 0:
            run.console.print(f"{name:<20} {done.scores[name].value / score:.1%} of the teacher's {score:.4f}")
    return done


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


# the student --------------------------------------------------------------------------------------------


def _vocabulary(arguments: DistillArguments, folder: Path, teacher: Teacher, data: Data[Any]) -> Vocabulary:
    if arguments.student is not None:
        start = open_folder(arguments.student, vectors=False)
        if teacher.lower_case:
            start.tokenizer.lower_case_first()
        return Vocabulary(start.tokenizer, same_pieces(start.tokenizer, teacher.tokenizer, start.config.vocab_size), {})
    if arguments.vocab_size:
        return cut_vocabulary(encoder_folder(folder), teacher.tokenizer, texts_of(data.examples), arguments.vocab_size)
    return whole_vocabulary(teacher.tokenizer, teacher.config.vocab_size)


def _student(arguments: DistillArguments, teacher: Teacher, vocabulary: Vocabulary) -> tuple[Any, np.ndarray | None]:
    """The model, and int64 [D] the dimensions of the teacher's states that its own were copied from; None: unknown."""
    kind = MODELS[TASKS[arguments.task].head]
    torch.manual_seed(arguments.seed)  # of all that is fresh
    if arguments.student is not None:
        checkpoint = open_folder(arguments.student, vectors=False).checkpoint
        config = dataclasses.replace(
            checkpoint.config.for_training(), labels=teacher.config.labels, problem_type=teacher.config.problem_type
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


def _longest(arguments: DistillArguments, teacher: Teacher, config: DistilBertConfig, tokenizer: BertTokenizer) -> int:
    most = min(teacher.max_length, tokenizer.max_length or teacher.max_length, config.max_position_embeddings)
    if arguments.max_length > most:
        raise InputError(f"max_length={arguments.max_length} is more than the {most} tokens that both models read")
    if 0 < arguments.max_length <= (special := tokenizer.special_count):
        raise InputError(f"max_length={arguments.max_length} has no room for text beside {special} special tokens")
    return arguments.max_length or most


def _live(task: str, model: StudentWithProjections, tokenizer: BertTokenizer, longest: int, out: Path) -> Task:
    """The task that runs the student as it is now."""
    student = model.student
    dense = _dense(model)
    sentence = SentenceFolder(out, layers=(Dense(*dense, Activation.identity),) if dense else ())
    engine = TorchEngine(student)
    return TASKS[task](Model(out, student.config, tokenizer, engine, longest, DEFAULT_BATCH_TOKENS, sentence=sentence))


def _dense(model: StudentWithProjections) -> tuple[np.ndarray, np.ndarray] | None:
    """Weight [out, D] and bias [out] of the layer that gives the student's vectors the teacher's width, if any."""
    last = model.vector_projection
    return (last.weight.numpy(force=True), last.bias.numpy(force=True)) if isinstance(last, nn.Linear) else None


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
        with Progress(console=run.console) as progress:
            bar = progress.add_task("computing the teacher's outputs", total=len(items), completed=outputs.filled)
            outputs.fill(
                arguments.max_batch_tokens,
                accelerator.device,
                lambda: autocast(arguments, accelerator.device),
                lambda done: progress.update(bar, completed=done),
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
    student: Any,
    vocabulary: Vocabulary,
    held_out: Data[Any] | None,
) -> dict[str, Any]:
    """What the report says of teacher and student; printed as well."""
    config = student.config
    size, teacher_size = _parameters(student), _parameters(teacher.model)
    about = (
        f"{config.n_layers} layers of {config.dim} ({config.hidden_dim} inside, {config.n_heads} heads), "
        f"{config.vocab_size:,} pieces, {size / 1e6:.2f} M parameters beside embeddings "
        f"({size / teacher_size:.1%} of the teacher's {teacher_size / 1e6:.2f} M)"
    )
    run.console.print(f"student: {about}")
    facts: dict[str, Any] = {
        "from": str(arguments.teacher),
        "made": "Distilled",
        "command": "distilbert distill",
        "student": about,
        "teacher_score": {},
    }
    if arguments.vocab_size:
        facts["vocabulary"] = (
            f"{vocabulary.unknown:.3%} of the tokens are unknown to the student's vocabulary, and texts are "
            f"{vocabulary.longer - 1:.1%} longer with it"
        )
        run.console.print(facts["vocabulary"])
    if held_out is not None and isinstance(teacher, NativeTeacher):
        details = score_task(load(arguments.teacher, arguments.task), held_out)
        facts["teacher_score"] = {details.main: details.values()[details.main]}
    return facts


def _parameters(model: nn.Module) -> int:
    """The number of parameters besides those of embeddings; tied ones are of embeddings."""
    embeddings = {id(p) for module in model.modules() if isinstance(module, nn.Embedding) for p in module.parameters()}
    return sum(parameter.numel() for parameter in model.parameters() if id(parameter) not in embeddings)
