"""What a folder of sentence-transformers says of a cross-encoder: its activation, its prompts, how it reads text."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError, name_list, short_repr
from ..files import is_file
from ..module_activations import ACTIVATIONS, Function, activation_name
from ..prompts import Prompts
from .layout import MODULES, SENTENCE_CONFIG
from .module_list import read_modules
from .settings import Settings, read_prompts
from .transformer_settings import TransformerSettings, read_transformer_settings

_TASK = "sequence-classification"


@dataclass(frozen=True)
class CrossEncoderFolder:
    """What a cross-encoder's folder says beside its checkpoint.

    Attributes:
        activation: logits [B, 1] -> scores [B, 1]; the sigmoid where the folder names none.
        prompts: what may stand before a query.
        text: how the encoder reads a query and a document.
    """

    activation: Function
    prompts: Prompts
    text: TransformerSettings


def read_cross_encoder(folder: Path, extra: Mapping[str, Any]) -> CrossEncoderFolder:
    """Read `config_sentence_transformers.json` and what older versions wrote into config.json (`extra`).

    Raises ConfigError naming the folder and the key, for an activation that is not one of torch.nn, and for modules
    besides a Transformer.
    """
    path = folder / SENTENCE_CONFIG
    newest = Settings(path, optional=True)
    if newest.values.get("model_type", "CrossEncoder") != "CrossEncoder":
        newest.values = {}  # about another kind of model, which was taken apart for its encoder
    newer = extra.get("sentence_transformers")  # version 4
    name = newest.values.get("activation_fn") or (newer.get("activation_fn") if isinstance(newer, dict) else None)
    name = name or extra.get("sbert_ce_default_activation_function")  # up to version 3
    return CrossEncoderFolder(_activation(folder, name), read_prompts(newest), _text(folder, newest))


def _activation(folder: Path, name: object) -> Function:
    if name is None:
        return ACTIVATIONS["Sigmoid"]
    kind = activation_name(name) if isinstance(name, str) else None
    if kind is None or kind == "GLU":  # which wants two numbers for one
        names = ", ".join(ACTIVATIONS)
        raise ConfigError(f"{folder}: activation_fn {short_repr(name)} is not one of torch.nn's {names}")
    return ACTIVATIONS[kind]


def _text(folder: Path, described: Settings) -> TransformerSettings:
    """What version 6 keeps beside the encoder. Without modules.json, or with another model's, it reads none of it."""
    if described.values.get("model_type") != "CrossEncoder" or not is_file(folder / MODULES):
        return TransformerSettings(_TASK)
    modules = read_modules(folder)
    kinds = [module.kind for module in modules]
    if kinds != ["Transformer"] or modules[0].folder != folder:
        raise ConfigError(
            f"{folder / MODULES}: a cross-encoder is one Transformer in the folder itself; {name_list(kinds)} "
            "is not supported"
        )
    text = read_transformer_settings(modules[0])
    if text.task != _TASK:
        raise ConfigError(f"{folder / MODULES}: a cross-encoder has transformer_task {_TASK!r}, not {text.task!r}")
    return text
