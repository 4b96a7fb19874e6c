"""The files of a training: what is learnt from, what chooses the best weights, and what tests them."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from .arguments import RunArguments
from .data.examples import Data, LabelledText
from .data.labels import tags_of_known_types, with_labels
from .data.reading import read_data
from .data.splitting import hold_out, share_of
from .data.summary import summary
from .errors import InputError, counted
from .tasks.inputs import encoded
from .tokenizer import BertTokenizer


class ExampleReader:
    """Reads the files that a run is told of, and says on the console what was guessed and what stands in them."""

    def __init__(self, arguments: RunArguments, console: Console) -> None:
        self._arguments, self._console = arguments, console

    def read(
        self,
        path: str | Path,
        task: str | None = None,
        like: Data[Any] | None = None,
        *,
        to_learn: bool = False,
        with_tags: bool = False,
    ) -> Data[Any]:
        """The examples of a file, with the labels and the problem of others; says what was guessed.

        Labels that `like` has not count as wrong where a model is scored; where they are `to_learn` they are an error.
        With `with_tags` the caller makes tags of a known type labels, and they are no wrong ones.
        """
        arguments = self._arguments
        task = task or arguments.task
        data = read_data(
            path,
            task,
            columns=arguments.columns if task == arguments.task else {},
            labels=like.labels or None if like else None,
            problem=like.problem if like else arguments.problem,
            separator=arguments.separator,
            quote=arguments.quote,
            encoding=arguments.encoding,
            label_names=arguments.labels,
            skip_bad=arguments.skip_bad,
            open_ended=like is not None and not to_learn,
            with_tags=with_tags,
        )
        self._say_read(data)
        return data

    def read_all(self) -> tuple[Data[Any], Data[Any] | None, Data[Any] | None]:
        """The examples to train on, those that choose the weights, and those of the test; says what is in them."""
        arguments = self._arguments
        labels = arguments.labels
        data = with_labels(self.read(arguments.train), labels.values() if isinstance(labels, Mapping) else labels)
        chosen: Data[Any] | None = None
        if (share := share_of(arguments.eval)) is not None:
            data, chosen = self.hold_out(data, share)
        elif arguments.eval is not None:
            chosen = self.read(arguments.eval, like=data, with_tags=True)
            data = with_labels(data, tags_of_known_types(chosen.labels, data.labels))
            chosen = dataclasses.replace(chosen, labels=tuple(dict.fromkeys((*data.labels, *chosen.labels))))
        test = None if arguments.test is None else self.read(arguments.test, like=data)
        for part, others in ((data, None), (chosen, data), (test, data)):
            for line in summary(part, others) if part else ():
                self._console.print(f"{part.source if part else ''}: {line}", markup=False)
        return data, chosen, test

    def hold_out(self, data: Data[Any], share: float) -> tuple[Data[Any], Data[Any]]:
        """The examples without a share of them, and those of that share; says how many these are."""
        rest, out = hold_out(data, share, self._arguments.seed)
        self._say_read(out)
        return rest, out

    def say_lengths(self, tokenizer: BertTokenizer, data: Data[Any], max_length: int) -> None:
        """Say how long texts are, and how many are cut."""
        texts = [example.text for example in data.examples if isinstance(example, LabelledText)]
        if not texts:
            return
        encodings = encoded(tokenizer, texts, max_length)
        lengths, cut = [len(each.ids) for each in encodings], sum(each.truncated for each in encodings)
        self._console.print(
            f"texts of {sum(lengths) / len(lengths):.1f} tokens on average; {cut:,} ({cut / len(lengths):.1%}) are "
            f"longer than {max_length} and cut"
        )

    def _say_read(self, data: Data[Any]) -> None:
        guessed = f" ({data.guessed})" if data.guessed else ""
        self._console.print(f"{data.source}: {counted(len(data.examples), 'example')}{guessed}")


def check_max_length(max_length: int, most: int, tokenizer: BertTokenizer, reads: str) -> None:
    """Raises InputError for more tokens than the model reads (in words: `reads`), and for too few to hold a text."""
    if max_length > most:
        raise InputError(f"max_length={max_length} is more than the {most} tokens that {reads}")
    if 0 < max_length <= (special := tokenizer.special_count):
        raise InputError(f"max_length={max_length} has no room for text beside {special} special tokens")
