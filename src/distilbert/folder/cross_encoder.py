"""What a folder of sentence-transformers says of a cross-encoder: its activation and its prompts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError, short_repr
from ..module_activations import ACTIVATIONS, Function, activation_name
from ..prompts import Prompts
from .layout import SENTENCE_CONFIG
from .settings import Settings, read_prompts


@dataclass(frozen=True)
class CrossEncoderFolder:
    """What a cross-encoder's folder says beside its checkpoint.

    Attributes:
        activation: logits [B, 1] -> scores [B, 1]; the sigmoid where the folder names none.
        prompts: what may stand before a query.
    """

    activation: Function
    prompts: Prompts


def read_cross_encoder(folder: Path, extra: Mapping[str, Any]) -> CrossEncoderFolder:
    """Read `config_sentence_transformers.json` and what older versions wrote into config.json (`extra`).

    Raises ConfigError naming the folder and the key, for an activation that is not one of torch.nn too.
    """
    path = folder / SENTENCE_CONFIG
    newest = Settings(path, optional=True)
    if newest.values.get("model_type", "CrossEncoder") != "CrossEncoder":
        newest.values = {}  # about another kind of model, which was taken apart for its encoder
    newer = extra.get("sentence_transformers")  # version 4
    name = newest.values.get("activation_fn") or (newer.get("activation_fn") if isinstance(newer, dict) else None)
    name = name or extra.get("sbert_ce_default_activation_function")  # up to version 3
    return CrossEncoderFolder(_activation(folder, name), read_prompts(newest))


def _activation(folder: Path, name: object) -> Function:
    if name is None:
        return ACTIVATIONS["Sigmoid"]
    kind = activation_name(name) if isinstance(name, str) else None
    if kind is None or kind == "GLU":  # which wants two numbers for one
        names = ", ".join(ACTIVATIONS)
        raise ConfigError(f"{folder}: activation_fn {short_repr(name)} is not one of torch.nn's {names}")
    return ACTIVATIONS[kind]
