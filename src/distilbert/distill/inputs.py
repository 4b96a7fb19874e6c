"""What students of one teacher learn from, whatever their shape: the examples, the vocabulary, and both as items."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import DistillArguments
from ..config import DistilBertConfig
from ..data.examples import Data, texts_of
from ..errors import InputError
from ..fetching import fetch
from ..folder.companions import encoder_folder
from ..folder.opened import open_folder
from ..tasks.task import FIRST
from ..tokenizer import BertTokenizer
from ..train.objective import Item, TaskObjective
from ..train.objectives import make_objective
from ..train.run import Run
from ..training_data import check_max_length
from .alignment import alignable, with_teacher_ids
from .examples import read_all
from .masks import SmoothedMasks
from .objective import EmbedTexts
from .teacher import Teacher, fetch_teacher, open_teacher
from .vocabulary import ENOUGH_TEXTS, Vocabulary, cut_vocabulary, same_pieces


@dataclasses.dataclass(frozen=True, eq=False)
class Inputs:
    """What students learn from: `data`. `held_out` and `test` are the examples of the arguments `eval` and `test`.

    Attributes:
        folder: the teacher's.
        vocabulary, longest: the student's, and its longest text in tokens.
        base: the task's objective, on the items as the student reads them.
        teacher_items: the same texts as the teacher reads them, in the same order.
        pieces: int64 [V], the teacher's ids of the student's pieces, where the teacher reads the student's tokens.
    """

    folder: Path
    teacher: Teacher
    data: Data[Any]
    held_out: Data[Any] | None
    test: Data[Any] | None
    vocabulary: Vocabulary
    longest: int
    base: TaskObjective
    teacher_items: list[Item]
    pieces: np.ndarray | None


def read_inputs(run: Run, arguments: DistillArguments) -> Inputs:
    """Open the teacher and read all examples. Raises what `distill` raises for what is wrong with them."""
    folder = fetch_teacher(arguments.teacher)
    teacher = open_teacher(folder, arguments.task)
    data, held_out, test = read_all(run, arguments, teacher)
    vocabulary, config = _vocabulary(arguments, folder, teacher, data)
    longest = _longest(arguments, teacher, config, vocabulary.tokenizer)
    pieces = _shared_pieces(arguments, vocabulary)
    base = _objective(arguments, data, vocabulary.tokenizer, longest, None)
    if pieces is not None:
        items = [with_teacher_ids(item, pieces) for item in base.items]
    else:
        read = _objective(arguments, data, teacher.tokenizer, min(longest, teacher.max_length), teacher).items
        same = alignable(base.items, read)
        base.items = [base.items[i] for i in same]
        items = [read[i] for i in same]
    return Inputs(folder, teacher, data, held_out, test, vocabulary, longest, base, items, pieces)


def _vocabulary(
    arguments: DistillArguments, folder: Path, teacher: Teacher, data: Data[Any]
) -> tuple[Vocabulary, DistilBertConfig]:
    """The student's vocabulary, and the config that says how long its texts may be."""
    if arguments.student is not None:
        start = open_folder(fetch(arguments.student), vectors=False)
        if teacher.lower_case:
            start.tokenizer.lower_case_first()
        pieces = same_pieces(start.tokenizer, teacher.tokenizer, start.config.vocab_size)
        return Vocabulary(start.tokenizer, pieces, {}), start.config
    texts = [text for example in data.examples for text in texts_of(example)]
    if arguments.vocab_size and not (arguments.vocab_size == "auto" and len(texts) < ENOUGH_TEXTS):
        cut = cut_vocabulary(encoder_folder(folder), teacher.tokenizer, texts, arguments.vocab_size)
        return cut, teacher.config
    return Vocabulary(teacher.tokenizer, np.arange(teacher.config.vocab_size), {}), teacher.config


def _longest(arguments: DistillArguments, teacher: Teacher, config: DistilBertConfig, tokenizer: BertTokenizer) -> int:
    most = min(teacher.max_length, tokenizer.max_length or teacher.max_length, config.max_position_embeddings)
    check_max_length(arguments.max_length, most, tokenizer, "both models read")
    return arguments.max_length or most


def _shared_pieces(arguments: DistillArguments, vocabulary: Vocabulary) -> np.ndarray | None:
    """The teacher's ids of the student's pieces, where the teacher reads the student's tokens; else None.

    Raises InputError where it has to, and the teacher lacks some of the pieces.
    """
    weights = arguments.weights
    per_token = weights.cosine or weights.hidden or weights.attention
    if not (per_token or arguments.task in ("fill-mask", "question-answering")):
        return None
    if (lacking := int((vocabulary.pieces < 0).sum())) > 0:
        raise InputError(
            f"{lacking} pieces of the student's vocabulary are not in the teacher's, and tokens can only be "
            "compared with one vocabulary: leave out cosine, hidden and attention, or the student"
        )
    return vocabulary.pieces


def _objective(
    arguments: DistillArguments, data: Data[Any], tokenizer: BertTokenizer, longest: int, teacher: Teacher | None
) -> TaskObjective:
    """The task's items as a tokenizer reads them, the student's or, where it is given, the teacher's."""
    if arguments.task == "sentence-similarity":
        read = tokenizer.encode_batch([example.text for example in data.examples], max_length=longest)
        return EmbedTexts([encoding.ids for encoding in read], FIRST if teacher and teacher.first_only else None)
    if arguments.task == "fill-mask":
        return SmoothedMasks(data, tokenizer, longest, every_row=arguments.every_row)
    return make_objective(arguments.task, data, tokenizer, longest)
