"""`finetune`: a model, files of examples and settings -> the model, trained, as a folder with its report."""

import dataclasses
from pathlib import Path

from ..errors import InputError
from .objectives import ClassWeights, make_objective
from .opened import open_student
from .run import SENTENCE_FILES, TOKENIZER_FILES, RunArguments, Trained, WholeRun, copy_files

TRAINABLE = (
    "text-classification",
    "token-classification",
    "question-answering",
    "fill-mask",
    "sentence-similarity",
    "multiple-choice",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arguments(RunArguments):
    """What to train on what, and, by the attributes of `RunArguments` and `LoopArguments`, how.

    Attributes:
        model: a folder, `starter/NAME`, or a name on the hub; a head that it has for the task and these labels is kept.
        class_weights: "balanced", or the weight of each label whose weight is not 1.
    """

    model: str | Path
    class_weights: ClassWeights | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.task not in TRAINABLE:
            raise InputError(f"task {self.task!r} cannot be trained; use one of {', '.join(TRAINABLE)}")


def finetune(arguments: Arguments, *, quiet: bool = False) -> Trained:
    """Train a model and write it as a Transformers folder, with tokenizer, model card and report.html.

    Whatever is wrong in the settings or the data is found before anything is trained. With `resume` an
    interrupted run goes on where its last checkpoint was and ends in the same weights as one that was not.

    Raises:
        InputError: for settings, for what is wrong in the data (naming file and line), and for a folder that
            is not empty.
        CheckpointError: where a checkpoint or the model cannot be written.
        and what opening the model raises.
    """
    whole = WholeRun(arguments, quiet=quiet)
    if done := whole.done():
        return done
    data = whole.read(arguments.train)
    held_out = None if arguments.eval is None else whole.read(arguments.eval, like=data)
    student = open_student(arguments.task, arguments.model, data, max_length=arguments.max_length, seed=arguments.seed)
    objective = make_objective(
        arguments.task,
        data,
        student.tokenizer,
        student.max_length,
        class_weights=arguments.class_weights,
        first_only=student.sentence.pooling.first_only,
    )

    def save(out: Path) -> None:
        student.model.save_pretrained(out)
        copy_files(student.checkpoint.folder, out, TOKENIZER_FILES)
        if arguments.task == "sentence-similarity":
            copy_files(student.folder, out, SENTENCE_FILES)

    return whole.carry_out(
        student.model,
        objective,
        live=lambda: student.live,
        save=save,
        data=[data],
        held_out=held_out,
        facts={"from": str(arguments.model), "made": "Fine-tuned", "command": "distilbert train"},
    )
