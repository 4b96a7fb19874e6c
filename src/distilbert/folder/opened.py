"""`open_folder`: a model's name -> all that is known of its folder, the same for every task and command."""

import math
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .. import int8
from ..config import DistilBertConfig
from ..errors import CheckpointError, CheckpointWarning, TokenizerWarning
from ..files import is_file
from ..tokenizer import BertTokenizer
from .checkpoint import Checkpoint, open_checkpoint
from .companions import check_companions, copy_companions
from .hub import resolve
from .layout import ADAPTER_CONFIG, MODULES, SETFIT_HEAD
from .sentence import SentenceFolder, read_sentence_folder

_MOST_PADDING = 256  # rows of embeddings that no piece has: their number is often rounded up to a multiple of 64 or so
# what may lie beside a model, would change its answers, and is not read
_NOT_READ = {
    SETFIT_HEAD: (
        "the head of a SetFit model, a pickle, and not read: this is its encoder alone; `distilbert train` makes a "
        "classifier of it"
    ),
    ADAPTER_CONFIG: (
        "of an adapter (LoRA, PEFT), which is not applied: unless it is merged into the weights already, merge it "
        "first with PEFT's merge_and_unload()"
    ),
}


@dataclass(frozen=True, eq=False)
class ModelFolder:
    """A model folder that was checked.

    Attributes:
        root: the folder.
        checkpoint: config and weights, in `root` or, of some sentence-transformers folders, in a folder of it.
        tokenizer: lower-casing first where `sentence` asks for it; it refuses ids that the model has no embedding of.
        sentence: what a sentence-transformers folder says of making vectors; None for any other.
    """

    root: Path
    checkpoint: Checkpoint
    tokenizer: BertTokenizer
    sentence: SentenceFolder | None

    @property
    def config(self) -> DistilBertConfig:
        return self.checkpoint.config

    @cached_property
    def longest(self) -> int:
        """Of a text, in tokens: what `sentence` says, else the tokenizer; never more than the model has positions."""
        stated = (self.sentence and self.sentence.text.max_length) or self.tokenizer.max_length
        most = self.config.max_position_embeddings
        return min(stated or most, most)

    @property
    def bytes(self) -> int:
        """Of the weights, as they are stored."""
        return sum(weight.nbytes for weight in self.checkpoint.tensors.values())

    def bytes_in(self, precision: str | None) -> int:
        """Of the weights as they run: in "int8" those that `quantize` would write; else as they are stored."""
        if precision != "int8" or self.checkpoint.bits:
            return self.bytes
        floats = {name: weight.shape for name, weight in self.checkpoint.tensors.items()}
        return sum(
            math.prod(shape) * (1 if name.endswith(".int8") else 4) for name, shape in int8.table(floats).items()
        )

    def copy_companions(self, out: Path, *, parts: bool = True) -> list[str]:
        """Copy what belongs to the model beside config and weights into `out`, where these lie at the root.

        That is the tokenizer and, unless `parts` is false, what makes the folder one of sentence-transformers.
        Returns the names of what was written.
        """
        return copy_companions(self.root, self.checkpoint.folder, out, parts=parts)

    def check_companions(self, *, parts: bool = True) -> None:
        """Raises what `copy_companions` would raise, for what is to be found out before long work."""
        check_companions(self.root, self.checkpoint.folder, parts=parts)


def open_folder(name: str | Path, *, vectors: bool = True) -> ModelFolder:
    """Open a model by its folder or its name on the hub (see `resolve`). No number of its weights is read.

    `vectors=False` leaves unheeded what sentence-transformers' files say, for a task that makes no vectors: those speak
    of vectors alone, and a plain Transformers folder of the same model would not have them.

    Raises HubError, ConfigError, CheckpointError, TokenizerError: naming the file and the field.
    """
    root = resolve(name)
    sentence = read_sentence_folder(root)
    checkpoint = open_checkpoint(sentence.transformer if sentence else root)
    tokenizer = BertTokenizer.from_folder(checkpoint.folder)
    tokenizer.embedded = checkpoint.config.vocab_size
    if tokenizer.embedded - tokenizer.vocab_size > max(_MOST_PADDING, tokenizer.embedded // 20):
        warnings.warn(
            f"{checkpoint.folder}: its tokenizer has {tokenizer.vocab_size} pieces and its model embeds "
            f"{tokenizer.embedded}; unless it was trained so, the vocabulary was cut short: bring along the whole file",
            TokenizerWarning,
            stacklevel=3,
        )
    if not vectors:
        sentence = None
    _warn_of_files(root, sentence)
    if sentence and sentence.text.lower_case:
        tokenizer.lower_case_first()
    folder = ModelFolder(root, checkpoint, tokenizer, sentence)
    if folder.longest <= tokenizer.special_count:
        raise CheckpointError(
            f"{root}: says that a text has {folder.longest} tokens at most, which leaves no room for text"
        )
    return folder


def _warn_of_files(root: Path, sentence: SentenceFolder | None) -> None:
    """Say what lies in a folder and is not read, and what is not there and is made up for."""
    notes = [f"{name} is {what}" for name, what in _NOT_READ.items() if is_file(root / name)]
    if sentence and not sentence.is_plain_mean and not is_file(root / MODULES):
        notes.append(
            f"has no {MODULES}; its vectors are made as the folders of its parts say, to length 1, where "
            "sentence-transformers takes the mean of all tokens; bring the file along"
        )
    for note in notes:
        warnings.warn(f"{root}: {note}", CheckpointWarning, stacklevel=4)
