"""What training, distilling, evaluating and benching can be told. No PyTorch here: the command line reads it first.

Fields of `RunArguments` and its subclasses keep their names: checkpoints know their run by a hash of them.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from .data.columns import COLUMNS
from .data.examples import ProblemName
from .errors import InputError
from .fields import Checked, documented, names_given, setting, setting_of
from .hint_options import SETFIT_OPTIONS
from .hints import hinting_fields
from .loading import DEFAULT_BATCH_TOKENS
from .tasks.long_text import LongText

Quote = Literal['"', "'", "none"]
ClassWeights = Literal["balanced", "none"] | Mapping[str, float]
_UNHEEDED_IN_FEW_SHOT = ("head_rate", "max_batch_tokens", "eval_steps", "patience", "save_steps", "best_by", "resume")
_MODEL = "a folder, a starter model such as starter/embed, or a name on the Hugging Face hub"


@documented
@dataclasses.dataclass(frozen=True, kw_only=True)
class LoopArguments(Checked):
    """How to train, whatever the task. Raises InputError for values outside their range."""

    group: ClassVar[str] = "training"

    epochs: float = setting(0.0, least=0, help="passes over the data", unset="by the number of examples")
    max_steps: int = setting(0, least=0, help="stop after so many steps, whatever the epochs", unset="as they say")
    batch_size: int = setting(0, least=0, help="items a step, over all processes", unset="by the number of examples")
    learning_rate: float = setting(0.0, least=0, help="of AdamW, at its peak", unset="by the model's width and head")
    layer_decay: float = setting(
        1.0, above=0, help="the learning rate of each layer is that of the layer above times this"
    )
    head_rate: float = setting(1.0, above=0, help="the learning rate of a fresh head is that of the encoder times this")
    warmup: float = setting(
        0.06, least=0, below=1, help="share of the steps in which the learning rate rises; then it falls to 0"
    )
    weight_decay: float = setting(0.01, least=0, help="of AdamW; biases and LayerNorms do not decay")
    beta1: float = setting(0.9, least=0, below=1, help="of AdamW")
    beta2: float = setting(0.999, least=0, below=1, help="of AdamW")
    epsilon: float = setting(1e-8, above=0, help="of AdamW")
    max_grad_norm: float = setting(1.0, least=0, help="gradients are clipped to this norm; 0: never")
    max_batch_tokens: int = setting(
        1024, least=1, help="tokens computed at once, which bounds memory; CPUs gain little from more, GPUs much"
    )
    eval_steps: int = setting(0, least=0, help="steps between evaluations", unset="once an epoch")
    patience: int = setting(0, least=0, help="stop after so many evaluations without a better score", unset="never")
    save_steps: int = setting(
        0, least=0, help="steps between checkpoints, besides those at evaluations", unset="at evaluations alone"
    )
    dropout: float | None = setting(
        None,
        least=0,
        below=1,
        help="dropout while training; the trained model keeps its config's",
        unset="its config's",
    )
    seed: int = setting(0, least=0, help="of everything random")
    precision: Literal["auto", "float32", "bfloat16"] = setting(
        "auto", help="of computing; weights stay float32; auto is bfloat16 on a CPU that is faster with it"
    )
    device: Literal["auto", "cpu"] = setting("auto", help="to train on; auto is a GPU if there is one")
    threads: int = setting(0, least=0, help="cores to compute on", unset="all that the process may use")


@documented
@dataclasses.dataclass(frozen=True)
class ReadOptions:
    """How examples are read, as far as it should not be found out."""

    group: ClassVar[str] = "reading examples"

    columns: Mapping[str, str] = setting({}, help="names of columns", unset="guessed", metavar="ROLE=NAME")
    labels: Mapping[str, str] | Sequence[str] = setting(
        {},
        help="names of the data's labels; names alone are those of 0, 1, … in order, or labels that may come later; "
        "rows of a label without a name (LABEL=) are left out",
        metavar="LABEL[=NAME]",
    )
    separator: str | None = setting(None, help="character between the cells of a CSV", unset="found out")
    quote: Quote | None = setting(
        None, help="mark around the cells of a CSV; none: marks are letters", unset="found out"
    )
    encoding: str | None = setting(None, help="encoding of files of text", unset="found out")
    skip_bad: bool = setting(False, help="leave out rows that cannot be used")


@documented
@dataclasses.dataclass(frozen=True, kw_only=True)
class RunArguments(ReadOptions, LoopArguments):
    """What to train on, and how."""

    task: str = setting(help="what the model shall do", choices=tuple(COLUMNS))
    train: str | Path = setting(
        help="examples: .csv .tsv .jsonl .parquet, CoNLL columns, SQuAD's .json, plain text", metavar="FILE"
    )
    out: str | Path = setting(help="the folder to write", metavar="DIR")
    eval: str | Path | None = setting(
        None,
        help="examples that decide which weights are best, or a share of the training examples such as 0.1",
        unset="the last weights are best",
        metavar="FILE",
    )
    test: str | Path | None = setting(
        None, help="examples that decide nothing, scored at the end", unset="none", metavar="FILE"
    )
    best_by: str | None = setting(
        None,
        help="metric by which weights are best, such as f1_macro",
        unset="the first of the task's, f1_macro where classes are uneven",
        metavar="METRIC",
    )
    problem: ProblemName | None = setting(None, help="kind of text classification", unset="guessed")
    max_length: int = setting(0, least=0, help="longest text in tokens", unset="all that the model reads")
    resume: bool = setting(False, help="go on from the last checkpoint in the folder, if there is one")
    report: str | Path | None = setting(
        None, help="where to write the report as well", unset="in the folder alone", metavar="FILE.html"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.eval is None and (unheeded := names_given(self, ("patience", "best_by"))):
            raise InputError(f"without eval nothing is scored in training, which does not heed {', '.join(unheeded)}")
        if self.problem is not None and self.task != "text-classification":
            raise InputError(f"problem is for text-classification, not for {self.task}")


@hinting_fields(SETFIT_OPTIONS)
@documented
@dataclasses.dataclass(frozen=True, kw_only=True)
class FinetuneArguments(RunArguments):
    """What model to train on what, and how. A head that the model has for the task and these labels is kept, unless
    `few_shot` or `head_only` puts a linear one in its place.
    """

    model: str | Path = setting(help=_MODEL, metavar="MODEL")
    class_weights: ClassWeights | None = setting(
        None,
        help="weights of labels in the loss, 1 for the others",
        unset="balanced where classes are uneven",
        metavar="LABEL=WEIGHT",
    )
    few_shot: bool = setting(
        False, help="for 8 to 64 examples a class: bring texts of one class together, then fit a linear head"
    )
    head_only: bool = setting(False, help="fit a linear head in seconds and leave the model as it is; needs no PyTorch")

    def __post_init__(self) -> None:
        if self.few_shot and self.head_only:
            raise InputError("give either few_shot or head_only: the first fits a head as well")
        if self.head_only:
            of_steps = {field.name for field in dataclasses.fields(LoopArguments)} - {"seed", "threads", "device"}
            self._refuse("head_only fits without steps", of_steps | {"best_by", "resume"})
        if self.few_shot:
            self._refuse("few_shot trains without checkpoints, evaluations and a head", _UNHEEDED_IN_FEW_SHOT)
        if (self.few_shot or self.head_only) and isinstance(self.class_weights, Mapping):
            raise InputError("class_weights of few_shot and head_only are balanced or none")
        super().__post_init__()

    def _refuse(self, why: str, names: Collection[str]) -> None:
        """Raises InputError for settings that were given and would not be heeded."""
        if unheeded := names_given(self, names):
            raise InputError(f"{why}, and does not heed {', '.join(unheeded)}")


@dataclasses.dataclass(frozen=True)
class LossWeights:
    """How much each loss of distillation counts; 0: not at all. `temperature` is that of the soft loss."""

    soft: float
    hard: float
    cosine: float = 0.0
    hidden: float = 0.0
    attention: float = 0.0
    temperature: float = 2.0


# task -> its usual losses. Masked LM: Sanh et al. 2019; question answering: its second step of distillation, section 3
USUAL_LOSSES: dict[str, LossWeights] = {
    "text-classification": LossWeights(soft=1.0, hard=0.5),
    "token-classification": LossWeights(soft=1.0, hard=0.5),
    "question-answering": LossWeights(soft=0.5, hard=0.5),
    "fill-mask": LossWeights(soft=5.0, hard=2.0, cosine=1.0),
    "sentence-similarity": LossWeights(soft=1.0, hard=0.0),
}
_LOSSES = ("soft", "hard", "cosine", "hidden", "attention")


@documented
@dataclasses.dataclass(frozen=True)
class Shape(Checked):
    """The size of a student; 0: as the teacher's, or as follows from it."""

    layers: int = setting(0, least=0, help="layers of the student", unset="half of the teacher's")
    dim: int = setting(0, least=0, help="width of the student", unset="the teacher's")
    heads: int = setting(0, least=0, help="attention heads of the student", unset="each as wide as the teacher's")
    hidden_dim: int = setting(
        0, least=0, help="width inside the student's feed-forward blocks", unset="in proportion to the teacher's"
    )
    vocab_size: int | Literal["auto"] = setting(
        0,
        least=0,
        help="most pieces of the student's vocabulary, those that the text uses most; auto by how much text there is",
        unset="all",
        metavar="N",
    )

    @classmethod
    def parse(cls, text: str, vocab_size: int | Literal["auto"] = 0) -> "Shape":
        """From "LAYERSxDIM" or "LAYERSxDIMxHIDDEN", as `--search` takes them. Raises InputError."""
        parts = text.lower().split("x")
        if len(parts) not in (2, 3) or not all(part.isascii() and part.isdecimal() and int(part) for part in parts):
            raise InputError(f"a shape is LAYERSxDIM or LAYERSxDIMxHIDDEN, like 3x256 or 3x384x512, not {text!r}")
        numbers = [int(part) for part in parts]
        return cls(numbers[0], numbers[1], hidden_dim=numbers[2] if len(parts) == 3 else 0, vocab_size=vocab_size)


@documented
@dataclasses.dataclass(frozen=True, kw_only=True)
class DistillArguments(RunArguments):
    """What student to distil from which teacher, on what, and how.

    Defaults of the optimizer are those that DistilBERT was distilled with.
    """

    task: str = setting(help="what teacher and student do", choices=tuple(USUAL_LOSSES))
    teacher: str | Path = setting(help=f"{_MODEL}: a DistilBERT, or a model that Transformers loads", metavar="MODEL")
    train: str | Path = setting(
        help="examples, as for train; for fill-mask and sentence-similarity text alone", metavar="FILE"
    )
    unlabelled: Sequence[str | Path] = setting(
        (), help="more text, without labels; for question-answering SQuAD's .json, its answers ignored", metavar="FILE"
    )
    layers: int = setting_of(Shape, "layers")
    dim: int = setting_of(Shape, "dim")
    heads: int = setting_of(Shape, "heads")
    hidden_dim: int = setting_of(Shape, "hidden_dim")
    vocab_size: int | Literal["auto"] = setting_of(Shape, "vocab_size")
    student: str | Path | None = setting(
        None, help="a DistilBERT to begin with, with its shape and vocabulary", metavar="MODEL"
    )
    temperature: float = setting(2.0, above=0, help="of the soft loss")
    soft: float | None = setting(None, least=0, help="weight of the loss against the teacher's output")
    hard: float | None = setting(
        None, least=0, help="weight of the loss against the labels (of fill-mask: against the masked tokens)"
    )
    cosine: float | None = setting(None, least=0, help="weight of the loss of the last hidden states' direction")
    hidden: float | None = setting(
        None, least=0, help="weight of the loss of hidden states, of layers at the same relative depth"
    )
    attention: float | None = setting(
        None, least=0, help="weight of the loss of relations among queries, keys and values of the last layer"
    )
    every_row: bool = setting(False, help="of fill-mask: the soft loss is over all tokens, not the masked ones alone")
    augment: int = setting(0, least=0, help="altered copies of each text, without labels", unset="none")
    cache: str | Path | None = setting(
        None,
        help="folder that keeps the teacher's outputs, for other runs too",
        unset="one in out, while the run lasts",
        metavar="DIR",
    )
    live: bool = setting(False, help="compute the teacher's outputs in every step instead, as fill-mask always does")
    epochs: float = setting_of(RunArguments, "epochs", 3.0)
    batch_size: int = setting_of(RunArguments, "batch_size", 32)
    learning_rate: float = setting_of(RunArguments, "learning_rate", 5e-4)
    warmup: float = setting_of(RunArguments, "warmup", 0.05)
    weight_decay: float = setting_of(RunArguments, "weight_decay", 0.0)
    beta2: float = setting_of(RunArguments, "beta2", 0.98)
    epsilon: float = setting_of(RunArguments, "epsilon", 1e-6)
    max_grad_norm: float = setting_of(RunArguments, "max_grad_norm", 5.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.student is not None and self.shape != Shape():
            raise InputError("give either a student or the shape of one")
        if self.task in ("fill-mask", "question-answering") and self.augment:
            raise InputError(f"augment is for whole texts and words, not for {self.task}")
        if self.task == "sentence-similarity" and self.hard:
            raise InputError("hard is for labels, which sentence-similarity does not have in distillation")
        if not any(getattr(self.weights, name) for name in _LOSSES):
            raise InputError("every loss is 0: there is nothing to learn")

    @property
    def shape(self) -> Shape:
        return Shape(self.layers, self.dim, self.heads, self.hidden_dim, self.vocab_size)

    @property
    def weights(self) -> LossWeights:
        """Those given, in place of the task's `USUAL_LOSSES`."""
        given = {name: value for name in _LOSSES if (value := getattr(self, name)) is not None}
        return dataclasses.replace(USUAL_LOSSES[self.task], temperature=self.temperature, **given)


@documented
@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateOptions(ReadOptions, Checked):
    """How to evaluate a model: the options of `distilbert.evaluation.evaluate`, which has their defaults too."""

    precision: Literal["float32", "int8"] | None = setting(None, help="of computing", unset="as the folder is stored")
    threads: int | None = setting(None, least=1, help="cores to compute on", unset="all that the process may use")
    long_text: LongText | None = setting(
        None, help="what to do with a text longer than the model reads", unset="as the task does"
    )
    max_batch_tokens: int = setting(DEFAULT_BATCH_TOKENS, least=1, help="tokens computed at once")
    revision: str | None = setting(None, help="branch, tag or commit on the hub")
    resamples: int = setting(1000, least=1, help="bootstrap samples")
    seed: int = setting(0, least=0, help="of the bootstrap")


@documented
@dataclasses.dataclass(frozen=True, kw_only=True)
class CalibrateOptions(ReadOptions, Checked):
    """How to calibrate a model: the options of `distilbert.evaluation.calibrate`, which has their defaults too."""

    threads: int | None = setting_of(EvaluateOptions, "threads")
    max_batch_tokens: int = setting_of(EvaluateOptions, "max_batch_tokens")
    seed: int = setting(0, least=0, help="of the folds in which a calibration is tried")


@documented
@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchOptions(Checked):
    """How to measure a model: the options of `distilbert.bench.bench`, which has their defaults too."""

    revision: str | None = setting_of(EvaluateOptions, "revision")
    rounds: int = setting(3, least=1, help="runs of each setting")
