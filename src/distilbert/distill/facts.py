"""What the console and the report say of a student and its teacher."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from torch import nn

from ..arguments import DistillArguments
from ..errors import counted
from ..evaluation.scoring import score_task
from ..loading import load
from ..trained import command_of
from .inputs import Inputs
from .teacher import NativeTeacher, Teacher
from .vocabulary import ENOUGH_TEXTS


def student_facts(console: Console, arguments: DistillArguments, inputs: Inputs, student: Any) -> dict[str, Any]:
    """What the report says of the teacher and of the student, a model of `distilbert.nn`; printed as well."""
    about, vocabulary = _described(student, inputs.teacher), inputs.vocabulary
    console.print(f"student: {about}")
    facts: dict[str, Any] = {
        "from": str(arguments.teacher),
        "made": "Distilled",
        "command": command_of(["distilbert", "distill"], arguments),
        "student": about,
        "teacher_score": {},
    }
    if arguments.vocab_size == "auto" and not vocabulary.files:
        facts["vocabulary"] = f"all pieces stay: --vocab-size auto needs {ENOUGH_TEXTS:,} texts to choose by"
    elif arguments.vocab_size:
        facts["vocabulary"] = (
            f"{vocabulary.unknown:.3%} of the tokens are unknown to the student's vocabulary, and texts are "
            f"{vocabulary.longer - 1:.1%} longer with it"
        )
    if arguments.vocab_size:
        console.print(facts["vocabulary"])
    for remark in _remarks(arguments, student, len(inputs.data.examples)):
        console.print(remark, markup=False)
    if inputs.held_out is not None and isinstance(inputs.teacher, NativeTeacher):
        details = score_task(load(arguments.teacher, arguments.task), inputs.held_out)
        facts["teacher_score"] = {details.main: details.values()[details.main]}
    return facts


def _described(student: Any, teacher: Teacher) -> str:
    """The student's shape, and its size beside the teacher's."""
    config = student.config
    size, teacher_size = _parameters(student), _parameters(teacher.model)
    return (
        f"{counted(config.n_layers, 'layer')} of {config.dim} "
        f"({config.hidden_dim} inside, {counted(config.n_heads, 'head')}), "
        f"{config.vocab_size:,} pieces, {size / 1e6:.2f} M parameters beside embeddings "
        f"({size / teacher_size:.1%} of the teacher's {teacher_size / 1e6:.2f} M)"
    )


def _remarks(arguments: DistillArguments, student: Any, texts: int) -> Iterator[str]:
    """What would make the student smaller, or better."""
    given = f", given {ENOUGH_TEXTS:,} texts or more" if texts < ENOUGH_TEXTS else ""
    words = student.config.vocab_size * student.config.dim
    size = sum(parameter.numel() for parameter in student.parameters())
    if not arguments.vocab_size and arguments.student is None and words > size / 3:
        yield (
            f"{words * 4 / 1e6:,.1f} of its {size * 4 / 1e6:,.1f} MB are embeddings of pieces: --vocab-size auto keeps "
            f"those that the text uses{given}"
        )
    if not arguments.unlabelled and arguments.task in ("text-classification", "token-classification"):
        yield "text without labels mostly brings a student closer to its teacher: --unlabelled FILE"


def _parameters(model: nn.Module) -> int:
    """The number of parameters besides those of embeddings; tied ones are of embeddings."""
    embeddings = {id(p) for module in model.modules() if isinstance(module, nn.Embedding) for p in module.parameters()}
    return sum(parameter.numel() for parameter in model.parameters() if id(parameter) not in embeddings)
