"""The names of weights: as files have them -> as the key table has them; which of them no answer depends on."""

import difflib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from ..errors import CheckpointError, name_list

Value = TypeVar("Value")

PREFIX = "distilbert."
_ENCODER = ("embeddings.", "transformer.")  # its parts, behind the prefix
WORD_EMBEDDINGS = "embeddings.word_embeddings."
WORDS, PROJECTOR = f"{PREFIX}{WORD_EMBEDDINGS}weight", "vocab_projector.weight"  # one matrix, where they are tied
# buffers that old versions of Transformers and training code save within the encoder
_BUFFERS = ("position_ids", "num_batches_tracked", "running_mean", "running_var")
# what stands beside an encoder and changes its answers: another class than Transformers' own
_OTHER_MODELS = ("crf.", "lora_", "adapter", "token_type", "prefix_encoder.", "prompt_encoder.")
_OLD_NAMES = {"gamma": "weight", "beta": "bias"}
_MOST_COMPARED = 1000


def by_modern_name(stored: Mapping[str, Value], place: Path, prefix: str = "") -> dict[str, Value]:
    """The weights by today's names: of a LayerNorm's, some published files still have TensorFlow's old ones.

    Raises CheckpointError naming `place` where one is there under both.
    """
    found = {_modern_name(name.removeprefix(prefix)): value for name, value in stored.items()}
    if len(found) < len(stored):
        raise CheckpointError(f"{place}: holds a weight under its old and its new name (gamma and weight, …)")
    return found


def _modern_name(name: str) -> str:
    module, _, last = name.rpartition(".")
    is_norm = module.endswith(("LayerNorm", "layer_norm"))
    return f"{module}.{_OLD_NAMES[last]}" if is_norm and last in _OLD_NAMES else name


def common_prefix(names: Collection[str], heads: Collection[str]) -> str:
    """What stands before the name of every weight of the model, such as `module.` or `model.`; "" for nothing.

    It is read off the word embeddings. `heads` are the first parts of the names of heads: where one of them lacks
    the prefix, the encoder is a part of a class of its own, and nothing is common to them.
    """
    leads = {name.partition(WORD_EMBEDDINGS)[0] for name in names if WORD_EMBEDDINGS in name}
    if len(leads) != 1:
        return ""
    prefix = leads.pop().removesuffix(PREFIX)
    rest = (name.partition(".")[0] for name in names if not name.startswith(prefix))
    return "" if any(part in heads for part in rest) else prefix


def by_table_name(stored: Mapping[str, Value], prefix: str, place: Path) -> dict[str, Value]:
    """The weights by their names in the key table, as far as they have one."""
    found = by_modern_name(stored, place, prefix)
    if any(name.startswith(PREFIX) for name in found):
        return found
    # saved from a bare DistilBertModel
    return {PREFIX + name if name.startswith(_ENCODER) else name: value for name, value in found.items()}


def changes_answers(name: str) -> bool:
    """Whether a weight that the key table lacks shows another architecture, not a leftover such as a loss's weights."""
    if is_buffer(name):
        return False
    return name.removeprefix(PREFIX).startswith(_ENCODER) or any(part in name for part in _OTHER_MODELS)


def is_buffer(name: str) -> bool:
    """Whether this is no weight but a buffer, which says nothing."""
    return name.endswith(_BUFFERS)


def nearest(name: str, names: Iterable[str]) -> str:
    """ " (the nearest is NAME)", for a message; "" where none is near."""
    found = difflib.get_close_matches(name[:200], [other[:200] for other in list(names)[:_MOST_COMPARED]], 1, 0.5)
    return f" (the nearest name is {name_list(found)})" if found else ""
