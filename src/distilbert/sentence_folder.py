"""Sentence-transformers folders: modules.json and what stands around the encoder, in every spelling.

Versions up to 5 write `sentence_transformers.models.Pooling` and flags like `pooling_mode_mean_tokens`;
version 6 writes longer module paths and `pooling_mode: "mean"`. A folder without modules.json is
mean pooling and normalisation. SPLADE folders hold sparse vectors; those of cross-encoders list the encoder alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .checkpoint import WEIGHTS, read_header
from .config import Activation
from .errors import CheckpointError, ConfigError, InputError
from .files import read_json

__all__ = ["Dense", "Normalize", "Pooling", "SentenceFolder", "SpladePooling", "read_sentence_folder"]

_OLD_FLAGS = {  # in the order in which several are concatenated
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_ACTIVATIONS = {
    "torch.nn.modules.activation.Tanh": Activation.tanh,
    "torch.nn.modules.activation.ReLU": Activation.relu,
    "torch.nn.modules.activation.GELU": Activation.gelu,
    "torch.nn.modules.activation.SiLU": Activation.silu,
    "torch.nn.modules.linear.Identity": Activation.identity,
}
_SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")


@dataclass(frozen=True)
class Pooling:
    """Hidden states of a text [T, D] -> one vector [modes · D].

    Attributes:
        modes: of cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken; several are concatenated.
        include_prompt: whether the prompt's tokens are pooled too.
    """

    modes: tuple[str, ...] = ("mean",)
    include_prompt: bool = True

    @property
    def first_only(self) -> bool:
        """Whether the first token is all that is read."""
        return self.modes == ("cls",) and self.include_prompt

    def __call__(self, hidden: np.ndarray, prompt_length: int = 0) -> np.ndarray:
        """`prompt_length` counts the first tokens, [CLS] included, that belong to the prompt."""
        skip = 0 if self.include_prompt or prompt_length >= len(hidden) else prompt_length
        return np.concatenate([_pool(mode, hidden, skip) for mode in self.modes])


def _pool(mode: str, hidden: np.ndarray, skip: int) -> np.ndarray:
    kept = hidden[skip:]
    match mode:
        case "cls":
            return kept[0]
        case "lasttoken":
            return kept[-1]
        case "max":
            return np.asarray(kept.max(0))
        case "mean":
            return np.asarray(kept.mean(0))
        case "mean_sqrt_len_tokens":
            return np.asarray(kept.sum(0) / np.float32(np.sqrt(len(kept))))
        case _:  # weightedmean: a token's weight is its place in the text
            weights = np.arange(skip + 1, len(hidden) + 1, dtype=np.float32)
            return np.asarray(weights @ kept / weights.sum())


@dataclass(frozen=True)
class SpladePooling:
    """Logits of a text over the vocabulary [T, V] -> one vector [V], none of it below 0.

    The weight of a piece is the maximum (or the sum) over tokens of log(1 + relu(logit)), special
    tokens included: Formal et al. 2021, arXiv 2109.10086 (the sum: arXiv 2107.05720).

    Attributes:
        strategy: "max" or "sum".
        logarithms: how many times log(1 + x) is taken; 2 in "log1p_relu" (arXiv 2504.14839).
    """

    strategy: str = "max"
    logarithms: int = 1

    def __call__(self, logits: np.ndarray) -> np.ndarray:
        # both functions rise, so that the maximum may be taken first: the work is on [V], not on [T, V]
        weights = np.maximum(logits.max(0) if self.strategy == "max" else logits, 0)
        for _ in range(self.logarithms):
            weights = np.log1p(weights)
        return weights if self.strategy == "max" else weights.sum(0)


@dataclass(frozen=True, eq=False)
class Dense:
    """A linear layer on the pooled vectors [B, in] -> [B, out], with an activation and perhaps a residual."""

    weight: np.ndarray
    bias: np.ndarray | None
    activation: Activation
    residual: np.ndarray | None = None
    adds_input: bool = False

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        out = vectors @ self.weight.T
        out = self.activation(out if self.bias is None else out + self.bias)
        if self.adds_input:
            out = out + (vectors if self.residual is None else vectors @ self.residual.T)
        return out


@dataclass(frozen=True)
class Normalize:
    """Vectors to length 1; a vector of zeros stays."""

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


@dataclass(frozen=True)
class SentenceFolder:
    """What a folder says of turning hidden states into a sentence's vector.

    Attributes:
        transformer: the folder of the encoder itself.
        layers: what follows pooling, in order.
        splade: how logits are pooled instead, of a folder for sparse vectors; None for all others.
        max_length: in tokens, None where the folder does not say.
        lower_case: whether texts are lower-cased before the tokenizer.
        prompts: by name; `default_prompt` is the name of the one used when none is asked for.
        similarity: "cosine", "dot", "euclidean" or "manhattan".
    """

    transformer: Path
    pooling: Pooling = Pooling()
    layers: tuple[Dense | Normalize, ...] = (Normalize(),)
    splade: SpladePooling | None = None
    max_length: int | None = None
    lower_case: bool = False
    prompts: Mapping[str, str] | None = None
    default_prompt: str | None = None
    similarity: str = "cosine"

    def prompt_text(self, prompt: str | None) -> str:
        """What stands before each text: the prompt of this name, the prompt itself, or the default one."""
        prompts = self.prompts or {}
        if prompt is None:
            return prompts[self.default_prompt] if self.default_prompt else ""
        if not isinstance(prompt, str):
            raise InputError(f"prompt must be a string, not {type(prompt).__name__}")
        return prompts.get(prompt, prompt)

    def prepared(self, texts: list[str], prompt: str) -> list[str]:
        """The texts as the tokenizer reads them."""
        full = [prompt + text for text in texts] if prompt else texts
        return [text.lower() for text in full] if self.lower_case else full


def read_sentence_folder(folder: Path) -> SentenceFolder | None:
    """Read `modules.json` and all that it names; None where there is none, or the encoder alone (a cross-encoder).

    Raises ConfigError naming the file for a module or an option that is not known.
    """
    path = folder / "modules.json"
    if not path.is_file():
        return None
    transformer: Path | None = None
    pooling: Pooling | None = None
    splade: SpladePooling | None = None
    layers: list[Dense | Normalize] = []
    for kind, part in modules_of(path):
        if kind in ("Transformer", "MLMTransformer") and transformer is None:
            transformer = part
        elif transformer is None:
            raise ConfigError(f"{path}: the first module is {kind}, not Transformer")
        elif kind == "Pooling" and pooling is None:
            pooling = _pooling(part / "config.json")
        elif kind == "SpladePooling" and pooling is None and splade is None:
            splade = _splade(part / "config.json")
        elif kind == "Dense" and pooling is not None:
            layers.append(_dense(part))
        elif kind == "Normalize":
            layers.append(Normalize())
        elif kind != "Dropout":  # does nothing outside training
            raise ConfigError(
                f"{path}: module {kind} is not supported here; "
                "known are Pooling, Dense, Normalize, Dropout and SpladePooling"
            )
    if pooling is None and splade is None and transformer == folder and not layers:
        return None
    if transformer is None or (pooling is None and splade is None) or (splade and layers):
        raise ConfigError(f"{path}: must list a Transformer and a Pooling, or a Transformer and a SpladePooling alone")
    return _with_settings(folder, transformer, pooling, splade, tuple(layers))


def _with_settings(
    folder: Path,
    transformer: Path,
    pooling: Pooling | None,
    splade: SpladePooling | None,
    layers: tuple[Dense | Normalize, ...],
) -> SentenceFolder:
    """Adds what sentence_bert_config.json and config_sentence_transformers.json say."""
    path = transformer / "sentence_bert_config.json"
    settings = _optional(path)
    length = settings.get("max_seq_length")
    if length is not None and (type(length) is not int or length < 1):
        raise ConfigError(f"{path}: max_seq_length must be at least 1, not {length!r}")
    path = folder / "config_sentence_transformers.json"
    sentence = _optional(path)
    prompts = sentence.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(prompt, str) for prompt in prompts.values()):
        raise ConfigError(f"{path}: prompts must map names to strings")
    default = sentence.get("default_prompt_name")
    if default is not None and default not in prompts:
        raise ConfigError(f"{path}: default_prompt_name {default!r} is not one of its prompts")
    similarity = sentence.get("similarity_fn_name") or ("dot" if splade else "cosine")
    if similarity not in _SIMILARITIES:
        raise ConfigError(f"{path}: similarity_fn_name must be of {', '.join(_SIMILARITIES)}, not {similarity!r}")
    return SentenceFolder(
        transformer=transformer,
        pooling=pooling or Pooling(),
        layers=layers,
        splade=splade,
        max_length=length,
        lower_case=bool(settings.get("do_lower_case", False)),
        prompts=prompts,
        default_prompt=default,
        similarity=similarity,
    )


def modules_of(path: Path) -> list[tuple[str, Path]]:
    """(kind, folder) of each module, in order; the kind is the last part of its class's name."""
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        modules = sorted(listed, key=lambda module: module["idx"])
        found = [(str(module["type"]).rpartition(".")[2], str(module["path"])) for module in modules]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ConfigError(f"{path}: must be a list of modules, each with idx, path and type") from None
    for _, part in found:
        if Path(part).is_absolute() or ".." in Path(part).parts:
            raise ConfigError(f"{path}: {part!r} points outside the folder")
    return [(kind, path.parent / part) for kind, part in found]


def _optional(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


def _pooling(path: Path) -> Pooling:
    settings = read_json(path)
    modes = settings.get("pooling_mode")
    if modes is None:
        modes = [mode for flag, mode in _OLD_FLAGS.items() if settings.get(flag)] or ["mean"]
    modes = [modes] if isinstance(modes, str) else modes
    if not isinstance(modes, list) or not modes or not all(mode in _OLD_FLAGS.values() for mode in modes):
        raise ConfigError(f"{path}: pooling_mode must be of {', '.join(_OLD_FLAGS.values())}, not {modes!r}")
    return Pooling(tuple(modes), bool(settings.get("include_prompt", True)))


def _splade(path: Path) -> SpladePooling:
    settings = read_json(path)
    strategy = settings.get("pooling_strategy", "max")
    activation = settings.get("activation_function", "relu")
    if strategy not in ("max", "sum"):
        raise ConfigError(f"{path}: pooling_strategy must be max or sum, not {strategy!r}")
    if activation not in ("relu", "log1p_relu"):
        raise ConfigError(f"{path}: activation_function must be relu or log1p_relu, not {activation!r}")
    return SpladePooling(strategy, 2 if activation == "log1p_relu" else 1)


def _dense(folder: Path) -> Dense:
    path = folder / "config.json"
    settings = read_json(path)
    name = settings.get("activation_function", "torch.nn.modules.activation.Tanh")
    activation = _ACTIVATIONS.get(name) if isinstance(name, str) else None
    if activation is None:
        raise ConfigError(
            f"{folder / 'config.json'}: activation_function {name!r} is not one of {', '.join(_ACTIVATIONS)}"
        )
    for key in ("module_input_name", "module_output_name"):
        if settings.get(key) not in (None, "sentence_embedding"):
            raise ConfigError(
                f"{folder / 'config.json'}: {key}={settings[key]!r} is not supported, only sentence_embedding"
            )
    if not (folder / WEIGHTS).is_file():
        raise CheckpointError(f"{folder}: no {WEIGHTS}; save the module as safetensors")
    tensors = read_header(folder / WEIGHTS)
    weights = {tensor: found.read() for tensor, found in tensors.items()}
    adds_input = bool(settings.get("use_residual", False))
    try:
        into, out = int(settings["in_features"]), int(settings["out_features"])
    except (KeyError, TypeError, ValueError):
        raise ConfigError(f"{path}: in_features and out_features must be whole numbers") from None
    expected: dict[str, tuple[int, ...]] = {"linear.weight": (out, into)}
    if settings.get("bias", True):
        expected["linear.bias"] = (out,)
    if adds_input and into != out:
        expected["residual.weight"] = (out, into)
    if {tensor: array.shape for tensor, array in weights.items()} != expected:
        raise CheckpointError(f"{folder / WEIGHTS}: must hold {expected}, by its config.json")
    residual = weights.get("residual.weight")
    return Dense(weights["linear.weight"], weights.get("linear.bias"), activation, residual, adds_input)
