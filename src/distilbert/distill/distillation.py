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
from ..config import DistilBertConfig
from ..data.examples import Data, Problem
from ..errors import InputError
from ..evaluation.judging import judge
from ..folder.checkpoint import Head, open_checkpoint
from ..folder.hub import resolve
from ..folder.sentence import SentenceFolder
from ..loading import DEFAULT_BATCH_TOKENS, TASKS, load
from ..nn.heads import MODELS
from ..pooling import Dense
from ..tasks.embedding import Embedder
from ..tasks.task import FIRST, Model, Task
from ..tokenizer import BertTokenizer
from ..train.objectives import Item, TaskObjective, make_objective
from ..train.opened import LiveEngine
from ..train.run import LESSONS, TOKENIZER_FILES, RunArguments, Trained, WholeRun, copy_files
from .examples import labels_of, read_examples, texts_of
from .initial_weights import Shape, chosen_layers, shrink, student_config
from .objective import EmbedTexts, Imitate, Learner, LossWeights, SmoothedMasks, mapped_item, taught_items
from .sentence_writing import write_sentence_folder
from .teacher import NativeTeacher, Teacher, Wanted, open_teacher
from .teacher_cache import CachedLessons, Lessons, LiveLessons
from .vocabulary import Vocabulary, cut_vocabulary, same_pieces, whole_vocabulary

# task -> its usual losses. Masked LM: Sanh et al. 2019; question answering: its second step of distillation, section 3
TEACHABLE: dict[str, LossWeights] = {
    "text-classification": LossWeights(soft=1.0, hard=0.5),
    "token-classification": LossWeights(soft=1.0, hard=0.5),
    "question-answering": LossWeights(soft=0.5, hard=0.5),
    "fill-mask": LossWeights(soft=5.0, hard=2.0, cosine=1.0),
    "sentence-similarity": LossWeights(soft=1.0, hard=0.0),
}
_LOSSES = ("soft", "hard", "cosine", "hidden", "attention")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistillArguments(RunArguments):
    """Who teaches what to a student of which shape, and, by the attributes of `RunArguments` and `LoopArguments`, how.

    The settings of the optimizer are by default those that DistilBERT was distilled with.

    Attributes:
        task: one of `TEACHABLE`.
        teacher: a folder, `starter/NAME`, or a name on the hub: a DistilBERT, or a model that Transformers loads.
        train: examples with labels; for "fill-mask" and "sentence-similarity" text alone.
        unlabelled: more text, of which the teacher alone says what to make: files of lines, or tables with a column
            of text; for "question-answering" SQuAD's JSON, whose answers are not looked at.
        layers, dim, heads, hidden_dim, vocab_size: as in `Shape`.
        student: a DistilBERT to begin with instead, whose shape and vocabulary are its own.
        temperature: of the soft loss.
        soft, hard, cosine, hidden, attention: as in `LossWeights`; None: as in `TEACHABLE`.
        every_row: of "fill-mask": the soft loss is over all tokens, not over the masked ones alone.
        augment: so many altered copies of each text; the teacher says what to make of them.
        cache: a folder for the teacher's word on every item, which other runs may use; None: in `out`, while it runs.
        live: ask the teacher in every step instead. Masked LM always does: its masks are drawn anew each time.
    """

    teacher: str | Path
    unlabelled: Sequence[str | Path] = ()
    layers: int = 0
    dim: int = 0
    heads: int = 0
    hidden_dim: int = 0
    vocab_size: int = 0
    student: str | Path | None = None
    temperature: float = 2.0
    soft: float | None = None
    hard: float | None = None
    cosine: float | None = None
    hidden: float | None = None
    attention: float | None = None
    every_row: bool = False
    augment: int = 0
    cache: str | Path | None = None
    live: bool = False
    learning_rate: float = 5e-4
    warmup: float = 0.05
    weight_decay: float = 0.0
    beta2: float = 0.98
    epsilon: float = 1e-6
    max_grad_norm: float = 5.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.task not in TEACHABLE:
            raise InputError(f"task {self.task!r} cannot be distilled; use one of {', '.join(TEACHABLE)}")
        for name in ("layers", "dim", "heads", "hidden_dim", "vocab_size", "augment", *_LOSSES):
            value = getattr(self, name)
            if value is not None and not (value >= 0 and math.isfinite(value)):
                raise InputError(f"{name} must be at least 0, not {value!r}")
        if not (self.temperature > 0 and math.isfinite(self.temperature)):
            raise InputError(f"temperature must be above 0, not {self.temperature!r}")
        if self.student is not None and self.shape != Shape():
            raise InputError("give either a student or the shape of one")
        if self.task in ("fill-mask", "question-answering") and self.augment:
            raise InputError(f"augment is for whole texts and words, not for {self.task}")
        if self.task == "sentence-similarity" and self.hard:
            raise InputError("hard is for labels, which sentences to be embedded do not have")
        if not any(getattr(self.weights, name) for name in _LOSSES):
            raise InputError("every loss is 0: there is nothing to learn")

    @property
    def shape(self) -> Shape:
        return Shape(self.layers, self.dim, self.heads, self.hidden_dim, self.vocab_size)

    @property
    def weights(self) -> LossWeights:
        given = {name: value for name in _LOSSES if (value := getattr(self, name)) is not None}
        return dataclasses.replace(TEACHABLE[self.task], temperature=self.temperature, **given)


def distill(arguments: DistillArguments, *, quiet: bool = False) -> Trained:
    """Train a student on its teacher's word and write it as a model folder, as `finetune` does.

    Whatever is wrong in the settings or the data is found before anything is trained. With `resume` an interrupted run
    goes on where it was, in asking the teacher or in training, and ends in the same weights as one that was not.

    Raises:
        InputError: for settings, for what is wrong in the data (naming file and line), for a teacher and a student
            that do not fit, and for a folder that is not empty.
        CheckpointError: where a checkpoint, the teacher's word or the model cannot be written.
        and what opening teacher and student raises.
    """
    whole = WholeRun(arguments, quiet=quiet)
    if done := whole.done():
        return done
    folder = resolve(arguments.teacher)
    teacher = open_teacher(folder, arguments.task)
    data = read_examples(whole, arguments, teacher)
    held_out = None if arguments.eval is None else whole.read(arguments.eval, like=labels_of(arguments.task, teacher))
    vocabulary = _vocabulary(arguments, folder, teacher, data)
    student, kept = _student(arguments, teacher, vocabulary)
    longest = _longest(arguments, teacher, student.config, vocabulary.tokenizer)

    base = _objective(arguments, data, vocabulary.tokenizer, longest, None)
    own, theirs = _wanted(arguments, student.config, teacher)
    if shared := own.inside or arguments.task in ("fill-mask", "question-answering"):
        if (lacking := int((vocabulary.pieces < 0).sum())) > 0:
            raise InputError(
                f"{lacking} pieces of the student's vocabulary are not the teacher's; token by token they can only be "
                "compared on one vocabulary: leave out cosine, hidden and attention, or the student"
            )
        read = [mapped_item(item, vocabulary.pieces) for item in base.items]
    else:
        read = list(_objective(arguments, data, teacher.tokenizer, min(longest, teacher.max_length), teacher).items)
        same = taught_items(base.items, read)
        base.items, read = [base.items[i] for i in same], [read[i] for i in same]
    lessons = _lessons(whole, arguments, teacher, theirs, read, vocabulary.pieces if shared else None)

    learner = Learner(
        student, len(own.states), teacher.config.dim, kept, vectors=teacher.width(theirs) if own.vectors else 0
    )
    objective = Imitate(
        base,
        lessons,
        arguments.weights,
        own,
        kind=_kind(arguments.task, data.problem),
        heads=_relation_heads(student.config, teacher.config),
        columns=vocabulary.pieces if arguments.task == "fill-mask" else None,
        every_row=arguments.every_row,
    )
    facts = _facts(whole, arguments, teacher, learner, vocabulary, held_out)

    def save(out: Path) -> None:
        student.save_pretrained(out)
        copy_files(resolve(arguments.student) if arguments.student else folder, out, TOKENIZER_FILES)
        vocabulary.write(out)
        if own.vectors:
            write_sentence_folder(out, learner.student.config.dim, learner.raise_vectors, longest, teacher.lower_case)

    done = whole.carry_out(
        learner,
        objective,
        live=lambda: _live(arguments.task, learner, vocabulary.tokenizer, longest, Path(arguments.out)),
        save=save,
        data=[data],
        held_out=held_out,
        facts=facts,
    )
    for name, score in facts["teacher_score"].items():
        if score > 0:
            whole.console.print(f"{name:<20} {done.scores[name].value / score:.1%} of the teacher's {score:.4f}")
    return done


# what is learnt ---------------------------------------------------------------------------------------


def _objective(
    arguments: DistillArguments, data: Data[Any], tokenizer: BertTokenizer, longest: int, teacher: Teacher | None
) -> TaskObjective:
    """The task's items as a tokenizer reads them, the student's or, where it is given, the teacher's."""
    if arguments.task == "sentence-similarity":
        read = tokenizer.encode_batch([example.text for example in data.examples], max_length=longest)
        return EmbedTexts([own.ids for own in read], FIRST if teacher and teacher.first_only else None)
    if arguments.task == "fill-mask":
        return SmoothedMasks(data, tokenizer, longest, every_row=arguments.every_row)
    objective = make_objective(arguments.task, data, tokenizer, longest)
    assert isinstance(objective, TaskObjective)
    return objective


# the student --------------------------------------------------------------------------------------------


def _vocabulary(arguments: DistillArguments, folder: Path, teacher: Teacher, data: Data[Any]) -> Vocabulary:
    if arguments.student is not None:
        checkpoint = open_checkpoint(resolve(arguments.student))
        tokenizer = BertTokenizer.from_folder(checkpoint.folder)
        return Vocabulary(tokenizer, same_pieces(tokenizer, teacher.tokenizer, checkpoint.config.vocab_size), {})
    if arguments.vocab_size:
        return cut_vocabulary(folder, teacher.tokenizer, texts_of(data.examples), arguments.vocab_size)
    return whole_vocabulary(teacher.tokenizer, teacher.config.vocab_size)


def _student(arguments: DistillArguments, teacher: Teacher, vocabulary: Vocabulary) -> tuple[Any, np.ndarray | None]:
    """The model, and which of the teacher's D numbers its own began as; None where that cannot be said."""
    kind = MODELS[TASKS[arguments.task].head]
    torch.manual_seed(arguments.seed)  # of all that is fresh
    if arguments.student is not None:
        checkpoint = open_checkpoint(resolve(arguments.student))
        config = dataclasses.replace(
            checkpoint.config, labels=teacher.config.labels, problem_type=teacher.config.problem_type
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


def _live(task: str, learner: Learner, tokenizer: BertTokenizer, longest: int, out: Path) -> Task:
    """The task that runs the student as it is now."""
    student = learner.student
    opened = Model(out, student.config, tokenizer, LiveEngine(student), longest, DEFAULT_BATCH_TOKENS)
    kind = TASKS[task]
    if kind is not Embedder:
        return kind(opened)
    layers: tuple[Dense, ...] = ()
    if isinstance(last := learner.raise_vectors, nn.Linear):
        weight, bias = (own.detach().cpu().numpy() for own in (last.weight, last.bias))
        layers = (Dense(weight, bias, Activation.identity),)
    return Embedder(opened, SentenceFolder(out, layers=layers))


# the teacher's word -------------------------------------------------------------------------------------


def _wanted(arguments: DistillArguments, student: DistilBertConfig, teacher: Teacher) -> tuple[Wanted, Wanted]:
    """What the losses read of the student, and what of the teacher, layer by layer at the same height."""
    weights, vectors = arguments.weights, arguments.task == "sentence-similarity"
    own, theirs = student.n_layers, teacher.config.n_layers
    states: tuple[int, ...] = ()
    if weights.hidden:
        states = tuple(range(own + 1))
    elif weights.cosine:
        states = (own,)
    relations = weights.attention > 0
    heights = tuple(round(state * theirs / own) for state in states)
    return Wanted(states, relations, vectors), Wanted(heights, relations, vectors)


def _relation_heads(student: DistilBertConfig, teacher: DistilBertConfig) -> int:
    """As many as the teacher has, or the most below that into which both widths can be cut."""
    common = math.gcd(student.dim, teacher.dim)
    return max(heads for heads in range(1, teacher.n_heads + 1) if common % heads == 0)


def _lessons(
    whole: WholeRun,
    arguments: DistillArguments,
    teacher: Teacher,
    wanted: Wanted,
    read: Sequence[Item],
    pieces: np.ndarray | None,
) -> Lessons:
    """The teacher's word on the items, written to files first where these can be used again."""
    accelerator = whole.accelerator
    if arguments.live or arguments.task == "fill-mask":
        return LiveLessons(
            teacher, wanted, lambda number, item: read[number] if pieces is None else mapped_item(item, pieces)
        )
    folder = Path(arguments.cache) if arguments.cache else whole.out / LESSONS
    if accelerator.is_main_process:
        lessons = CachedLessons(folder, teacher, read, wanted, arguments.precision)
        with Progress(console=whole.console) as progress:
            bar = progress.add_task("asking the teacher", total=len(read), completed=lessons.filled)
            lessons.fill(
                arguments.max_batch_tokens,
                accelerator.device,
                lambda: arguments.autocast(accelerator.device),
                lambda done: progress.update(bar, completed=done),
            )
    accelerator.wait_for_everyone()
    return lessons if accelerator.is_main_process else CachedLessons(folder, teacher, read, wanted, arguments.precision)


def _kind(task: str, problem: Problem | None) -> str:
    """Of the output, as `Imitate` takes it."""
    if task == "question-answering":
        return "span"
    if task == "sentence-similarity":
        return "vectors"
    return {"multi-label": "several", "regression": "numbers"}.get(problem or "", "classes")


def _facts(
    whole: WholeRun,
    arguments: DistillArguments,
    teacher: Teacher,
    learner: Learner,
    vocabulary: Vocabulary,
    held_out: Data[Any] | None,
) -> dict[str, Any]:
    """What the report says of teacher and student; said to the user as well."""
    config = learner.student.config
    own, theirs = _parameters(learner.student), _parameters(teacher.model)
    about = (
        f"{config.n_layers} layers of {config.dim} ({config.hidden_dim} inside, {config.n_heads} heads), "
        f"{config.vocab_size:,} pieces, {own / 1e6:.2f} M parameters beside embeddings "
        f"({own / theirs:.1%} of the teacher's {theirs / 1e6:.2f} M)"
    )
    whole.console.print(f"student: {about}")
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
        whole.console.print(facts["vocabulary"])
    if held_out is not None and isinstance(teacher, NativeTeacher):
        judgement = judge(load(arguments.teacher, arguments.task), held_out)
        facts["teacher_score"] = {judgement.main: judgement.values()[judgement.main]}
    return facts


def _parameters(model: nn.Module) -> int:
    """How many numbers the model has besides its embeddings, those that are tied counted there."""
    embeddings = {id(p) for module in model.modules() if isinstance(module, nn.Embedding) for p in module.parameters()}
    return sum(parameter.numel() for parameter in model.parameters() if id(parameter) not in embeddings)
