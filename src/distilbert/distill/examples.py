"""A student's training examples: those with labels, text without, and altered copies of both."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import DistillArguments
from ..data.examples import Data, LabelledText, PlainText, TaggedWords
from ..data.splitting import share_of
from ..errors import InputError
from ..tokenizer import BertTokenizer
from ..train.run import Run
from .augmentation import altered
from .teacher import Teacher


def _labels_of(task: str, teacher: Teacher) -> Data[Any]:
    """No examples, with the teacher's labels and problem: what a reader has to know of them."""
    if task not in ("text-classification", "token-classification"):
        return Data(teacher.name, [])
    labels = teacher.config.labels
    problem = teacher.config.problem if task == "text-classification" else None
    return Data(teacher.name, [], () if problem == "regression" else labels, problem)


def read_all(
    run: Run, arguments: DistillArguments, teacher: Teacher
) -> tuple[Data[Any], Data[Any] | None, Data[Any] | None]:
    """The examples to train on, those that choose the weights, and those of the test, with the teacher's labels.

    Raises InputError where `eval` is a share of sentences, which have no scores.
    """
    like, task, share = _labels_of(arguments.task, teacher), arguments.task, share_of(arguments.eval)
    if share is not None and task == "sentence-similarity":
        raise InputError("eval must be a file of pairs with scores for sentence-similarity")
    plain = task in ("fill-mask", "sentence-similarity")
    labelled = run.reader.read(arguments.train, "fill-mask" if plain else None, like, to_learn=True)
    held_out: Data[Any] | None = None
    if share is not None:
        labelled, held_out = run.reader.hold_out(labelled, share)
    elif arguments.eval is not None:
        held_out = run.reader.read(arguments.eval, like=like)
    examples = _with_more(run, arguments, teacher, labelled.examples)
    data = dataclasses.replace(like, source=str(arguments.train), examples=examples)
    test = None if arguments.test is None else run.reader.read(arguments.test, like=like)
    return data, held_out, test


def _with_more(run: Run, arguments: DistillArguments, teacher: Teacher, labelled: Sequence[Any]) -> list[Any]:
    """Training examples, behind them those without labels, and altered copies of both."""
    task, examples = arguments.task, list(labelled)
    for path in arguments.unlabelled:
        if task == "question-answering":
            examples += [dataclasses.replace(question, answers=None) for question in run.reader.read(path).examples]
        else:
            lines = [example.text for example in run.reader.read(path, "fill-mask").examples]
            examples += [_unlabelled(task, line, teacher.tokenizer) for line in lines]
    rng = np.random.default_rng(arguments.seed)
    mask = teacher.tokenizer.mask_token
    for example in list(examples) * arguments.augment:
        if isinstance(example, TaggedWords):
            examples.append(TaggedWords(tuple(altered(example.words, mask, rng)), ()))
        elif isinstance(example.text, str) and (words := example.text.split()):
            examples.append(_unlabelled(task, " ".join(altered(words, mask, rng)), teacher.tokenizer))
    return examples


def _unlabelled(task: str, line: str, tokenizer: BertTokenizer) -> Any:
    """A line of text as an example of the task, without a label."""
    if task == "text-classification":
        return LabelledText(line, None)
    if task == "token-classification":  # words are what the tokenizer takes for words
        read = tokenizer.encode(line)
        spans: dict[int, list[int]] = {}
        for word, (start, end) in zip(read.word_ids.tolist(), read.offsets.tolist(), strict=True):
            if word >= 0:
                spans.setdefault(word, [start, end])[1] = end
        return TaggedWords(tuple(line[start:end] for start, end in spans.values()) or (line,), ())
    return PlainText(line)
