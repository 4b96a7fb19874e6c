"""Sentence-transformers folders: modules.json and what stands around the encoder, in every spelling.

Versions up to 5 write `sentence_transformers.models.Pooling` and flags like `pooling_mode_mean_tokens`;
version 6 writes longer module paths and `pooling_mode: "mean"`. A folder without modules.json is
mean pooling and normalisation. SPLADE folders hold sparse vectors; a cross-encoder's says nothing of vectors.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..config import Activation
from ..errors import CheckpointError, ConfigError, InputError, short_repr
from ..files import is_file, read_json, read_json_list
from .layout import CONFIG, MODULES, SENTENCE_CONFIG, TRANSFORMER_CONFIGS, WEIGHTS
from .weights import read_header

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
    "torch.nn.modules.activation.Mish": Activation.mish,
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
        layers: what follows pooling, in order, a last Normalize excepted.
        normalize: whether the vectors are brought to length 1 at last.
        truncate_dim: how many of their first numbers are kept; None for all.
        splade: how logits are pooled instead, of a folder for sparse vectors; None for all others.
        max_length: in tokens, None where the folder does not say.
        lower_case: whether texts are lower-cased before the tokenizer.
        prompts: by name; `default_prompt` is the name of the one used when none is asked for.
        similarity: "cosine", "dot", "euclidean" or "manhattan".
    """

    transformer: Path
    pooling: Pooling = Pooling()
    layers: tuple[Dense | Normalize, ...] = ()
    normalize: bool = True
    truncate_dim: int | None = None
    splade: SpladePooling | None = None
    max_length: int | None = None
    lower_case: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    similarity: str = "cosine"

    def width(self, dim: int) -> int:
        """Width of the vectors made of hidden states of width `dim`. Raises ConfigError where a layer does not fit."""
        width = dim * len(self.pooling.modes)
        for layer in self.layers:
            if isinstance(layer, Dense):
                out, into = layer.weight.shape
                if into != width:
                    raise ConfigError(f"{self.transformer}: a Dense reads {into} numbers, but is given {width}")
                width = out
        return width

    def prompt_text(self, prompt: str | None) -> str:
        """What stands before each text: the prompt of this name, the prompt itself, or the default one."""
        if prompt is None:
            return self.prompts[self.default_prompt] if self.default_prompt else ""
        if not isinstance(prompt, str):
            raise InputError(f"prompt must be a string, not {type(prompt).__name__}")
        return self.prompts.get(prompt, prompt)


def read_sentence_folder(folder: Path) -> SentenceFolder | None:
    """Read `modules.json` and all that it names; None where there is none, or it is a cross-encoder's.

    Raises ConfigError naming the file and the field for a module or an option that is not known.
    """
    path = folder / MODULES
    about = folder / SENTENCE_CONFIG
    described = _Settings(about, optional=True)
    if not is_file(path) or described.values.get("model_type") == "CrossEncoder":
        return None
    modules = modules_of(path)
    if not modules or modules[0][0] not in ("Transformer", "MLMTransformer"):
        raise ConfigError(f"{path}: the first module must be a Transformer")
    transformer = modules[0][1]
    pooling: Pooling | None = None
    splade: SpladePooling | None = None
    layers: list[Dense | Normalize] = []
    for kind, part in modules[1:]:
        if kind == "Pooling" and not (pooling or splade):
            pooling = _pooling(part / CONFIG)
        elif kind == "SpladePooling" and not (pooling or splade):
            splade = _splade(part / CONFIG)
        elif kind == "Dense" and pooling:
            layers.append(_dense(part))
        elif kind == "Normalize" and pooling:
            _Settings(part / CONFIG, optional=True).check_names()
            layers.append(Normalize())
        elif kind != "Dropout":  # does nothing outside training
            raise ConfigError(
                f"{path}: module {short_repr(kind)} is not supported, or not here; a Transformer is "
                "followed by a Pooling "
                "and any of Dense, Normalize, Dropout, or by a SpladePooling"
            )
    if not (pooling or splade):
        raise ConfigError(f"{path}: lists no Pooling")
    settings = _Settings(_first_file(transformer, TRANSFORMER_CONFIGS), optional=True)
    normalize = bool(layers) and isinstance(layers[-1], Normalize)
    prompts, default = _prompts(described)
    return SentenceFolder(
        transformer=transformer,
        pooling=pooling or Pooling(),
        layers=tuple(layers[:-1] if normalize else layers),
        normalize=normalize,
        truncate_dim=described.whole("truncate_dim"),
        splade=splade,
        max_length=settings.whole("max_seq_length"),
        lower_case=settings.flag("do_lower_case", False),
        prompts=prompts,
        default_prompt=default,
        similarity=described.choice("similarity_fn_name", "dot" if splade else "cosine", _SIMILARITIES),
    )


def modules_of(path: Path) -> list[tuple[str, Path]]:
    """(kind, folder) of each module, in order; the kind is the name of a class of sentence-transformers."""
    try:
        modules = [(module["type"], module["path"]) for module in read_json_list(path)]
    except (TypeError, KeyError):
        modules = [(None, None)]
    if not all(isinstance(kind, str) and isinstance(part, str) for kind, part in modules):
        raise ConfigError(f"{path}: must be a list of modules, each with type and path")
    for _, part in modules:
        if Path(part).is_absolute() or ".." in Path(part).parts:
            raise ConfigError(f"{path}: {short_repr(part)} points outside the folder")
    return [(_kind(name), path.parent / part) for name, part in modules]


def _kind(name: str) -> str:
    return name.rpartition(".")[2] if name.startswith("sentence_transformers.") else name


def _first_file(folder: Path, names: Sequence[str]) -> Path:
    return next((folder / name for name in names if is_file(folder / name)), folder / names[0])


class _Settings:
    """What a JSON file says. Every answer is checked; ConfigError names file and key. Null is "not said"."""

    def __init__(self, path: Path, *, optional: bool = False) -> None:
        self.path = path
        self.values = {} if optional and not is_file(path) else read_json(path)

    def flag(self, key: str, default: bool) -> bool:
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise ConfigError(f"{self.path}: {key} must be true or false, not {short_repr(value)}")
        return default if value is None else value

    def whole(self, key: str) -> int | None:
        value = self.values.get(key)
        if value is not None and (type(value) is not int or value < 1):
            raise ConfigError(f"{self.path}: {key} must be a whole number of at least 1, not {short_repr(value)}")
        return value

    def choice(self, key: str, default: str, choices: Collection[str]) -> str:
        value = self.values.get(key)
        if value is not None and not (isinstance(value, str) and value in choices):
            raise ConfigError(f"{self.path}: {key} must be one of {short_repr(list(choices))}, not {short_repr(value)}")
        return default if value is None else value

    def check_names(self) -> None:
        for key in ("module_input_name", "module_output_name"):
            self.choice(key, "sentence_embedding", ["sentence_embedding"])


def _prompts(settings: _Settings) -> tuple[dict[str, str], str | None]:
    """The prompts by name, and the name of the one that is used when none is asked for."""
    found = settings.values.get("prompts") or {}
    if not isinstance(found, dict) or not all(isinstance(prompt, str | None) for prompt in found.values()):
        raise ConfigError(f"{settings.path}: prompts must map names to strings, not {short_repr(found)}")
    prompts = {name: prompt or "" for name, prompt in found.items()}
    default = settings.values.get("default_prompt_name")
    return prompts, None if default is None else settings.choice("default_prompt_name", "", prompts)


def _pooling(path: Path) -> Pooling:
    settings = _Settings(path)
    modes = settings.values.get("pooling_mode")
    if modes is None:
        modes = [mode for flag, mode in _OLD_FLAGS.items() if settings.flag(flag, False)] or ["mean"]
    modes = [modes] if isinstance(modes, str) else modes
    if not isinstance(modes, list) or not modes or not all(mode in _OLD_FLAGS.values() for mode in modes):
        raise ConfigError(f"{path}: pooling_mode must be of {', '.join(_OLD_FLAGS.values())}, not {short_repr(modes)}")
    return Pooling(tuple(modes), settings.flag("include_prompt", True))


def _splade(path: Path) -> SpladePooling:
    settings = _Settings(path)
    strategy = settings.choice("pooling_strategy", "max", ("max", "sum"))
    activation = settings.choice("activation_function", "relu", ("relu", "log1p_relu"))
    return SpladePooling(strategy, 2 if activation == "log1p_relu" else 1)


def _dense(folder: Path) -> Dense:
    settings = _Settings(folder / CONFIG)
    settings.check_names()
    activation = settings.choice("activation_function", "torch.nn.modules.activation.Tanh", _ACTIVATIONS)
    adds_input = settings.flag("use_residual", False)
    out, into = settings.whole("out_features"), settings.whole("in_features")
    if out is None or into is None:
        raise ConfigError(f"{settings.path}: in_features and out_features must be given")
    expected: dict[str, tuple[int, ...]] = {"linear.weight": (out, into)}
    if settings.flag("bias", True):
        expected["linear.bias"] = (out,)
    if adds_input and into != out:
        expected["residual.weight"] = (out, into)
    path = folder / WEIGHTS
    if not is_file(path):
        raise CheckpointError(f"{folder}: no {WEIGHTS}; save the module as safetensors")
    tensors = read_header(path)
    if {name: tensor.shape for name, tensor in tensors.items()} != expected:
        raise CheckpointError(f"{path}: must hold {expected}, by its config.json")
    weights = {name: tensor.read() for name, tensor in tensors.items()}
    residual = weights.get("residual.weight")
    return Dense(weights["linear.weight"], weights.get("linear.bias"), _ACTIVATIONS[activation], residual, adds_input)
