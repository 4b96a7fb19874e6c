"""The files of a sentence-transformers module -> the module: one function for each that can run here."""

from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from ..errors import CheckpointError, ConfigError, short_repr
from ..files import has_file, is_file, read_json
from ..module_activations import ACTIVATIONS, OVER_SEVERAL, activation_name, leaky_relu
from ..pooling import Dense, LayerNorm, Pooling, SpladePooling, WordWeights
from ..tokenizer import BertTokenizer
from .layout import CONFIG, PYTORCH, WEIGHTS
from .settings import Settings
from .weights import read_header

_OLD_FLAGS = {  # in the order in which several are concatenated
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}

TOKEN_TABLE = "SparseStaticEmbedding"  # the kind of module that looks weights up

# modules that cannot run here, and why
UNSUPPORTED = {
    "BoW": "it counts words, without an encoder",
    "CLIPModel": "it reads images",
    "CNN": "it is a network of its own behind the encoder",
    "LSTM": "it is a network of its own behind the encoder",
    "LogitScore": "it reads a language model's next word",
    "SparseAutoEncoder": "it is a network of its own behind the encoder",
    "StaticEmbedding": "it has no encoder, only a table of vectors",
    "WordEmbeddings": "it has no encoder, only a table of vectors",
}


def read_pooling(folder: Path) -> Pooling:
    """Both spellings: `pooling_mode` of version 6, and a flag for each mode before."""
    settings = Settings(folder / CONFIG)
    modes = settings.values.get("pooling_mode")
    if modes is None:
        modes = [mode for flag, mode in _OLD_FLAGS.items() if settings.flag(flag, False)] or ["mean"]
    modes = [modes] if isinstance(modes, str) else modes
    if not isinstance(modes, list) or not modes or not all(mode in _OLD_FLAGS.values() for mode in modes):
        raise settings.wrong("pooling_mode", f"of {', '.join(_OLD_FLAGS.values())}")
    return Pooling(tuple(modes), settings.flag("include_prompt", True))


def read_splade_pooling(folder: Path) -> SpladePooling:
    settings = Settings(folder / CONFIG)
    strategy = settings.choice("pooling_strategy", "max", ("max", "sum"))
    activation = settings.choice("activation_function", "relu", ("relu", "log1p_relu"))
    return SpladePooling(strategy, 2 if activation == "log1p_relu" else 1)


def input_of(settings: Settings, default: str = "sentence_embedding") -> str:
    """What a module reads, "sentence_embedding" or "token_embeddings", and writes too: nothing else is supported."""
    name = settings.choice("module_input_name", default, ("sentence_embedding", "token_embeddings"))
    settings.choice("module_output_name", name, [name])
    return name


def read_dense(folder: Path, *, reads: str, default: str = "sentence_embedding") -> Dense:
    """A Dense on `reads`. Raises ConfigError or CheckpointError naming the file, for one on anything else too."""
    settings = Settings(folder / CONFIG)
    if input_of(settings, default) != reads:
        raise settings.wrong("module_input_name", f"{reads!r} at this place")
    activation = activation_name(settings.string("activation_function") or "torch.nn.Tanh")
    if activation is None:
        raise settings.wrong("activation_function", f"one of torch.nn's {', '.join(ACTIVATIONS)}")
    if reads == "token_embeddings" and activation in OVER_SEVERAL:
        raise ConfigError(f"{settings.path}: {activation} on tokens would mix the texts of a batch")
    adds_input = settings.flag("use_residual", False)
    out, into = settings.whole("out_features"), settings.whole("in_features")
    if out is None or into is None:
        raise ConfigError(f"{settings.path}: in_features and out_features must be given")
    expected: dict[str, tuple[int, ...]] = {"linear.weight": (out, into)}
    if settings.flag("bias", True):
        expected["linear.bias"] = (out,)
    if adds_input and into != out:
        expected["residual.weight"] = (out, into)
    if activation == "PReLU":
        expected["activation_function.weight"] = (1,)
    weights = _read_weights(folder, expected)
    function = ACTIVATIONS[activation]
    if activation == "PReLU":
        function = partial(leaky_relu, slope=weights["activation_function.weight"])
    return Dense(
        weights["linear.weight"], weights.get("linear.bias"), function, weights.get("residual.weight"), adds_input
    )


def read_layer_norm(folder: Path) -> LayerNorm:
    settings = Settings(folder / CONFIG)
    dimension = settings.whole("dimension")
    if dimension is None:
        raise ConfigError(f"{settings.path}: dimension must be given")
    weights = _read_weights(folder, {"norm.weight": (dimension,), "norm.bias": (dimension,)})
    return LayerNorm(weights["norm.weight"], weights["norm.bias"])


def read_word_weights(folder: Path) -> WordWeights:
    """A word that is not weighed itself has the weight of its lower case, or else that of unknown words."""
    settings = Settings(folder / CONFIG)
    vocabulary, stated = settings.strings("vocab"), settings.object("word_weights")
    unknown = settings.values.get("unknown_word_weight", 1)
    if not vocabulary or not all(type(weight) in (int, float) for weight in (unknown, *stated.values())):
        raise ConfigError(f"{settings.path}: must have a vocab, and word_weights that are numbers")
    weights = [stated.get(word, stated.get(word.lower(), unknown)) for word in vocabulary]
    return WordWeights(_as_float32(weights, settings.path))


def token_weights_file(folder: Path, root: Path) -> Path | None:
    """The JSON file that a SparseStaticEmbedding's weights lie in: beside its config, or in the model's folder `root`.

    None where the config names none. The folders of its path are those of the machine that it was made on.
    """
    stated = Settings(folder / CONFIG, optional=True).values.get("path")
    if not isinstance(stated, str) or not stated.endswith(".json"):
        return None
    name = PurePosixPath(stated.replace("\\", "/")).name
    for path in (folder / name, root / name):
        if has_file(path):
            return path
    raise ConfigError(f"{folder / CONFIG}: path names {short_repr(name)}, which is neither beside it nor in {root}")


def read_token_weights(folder: Path, root: Path) -> np.ndarray:
    """float32 [V]: one weight for each piece of a SparseStaticEmbedding's vocabulary."""
    if path := token_weights_file(folder, root):
        return _weights_by_piece(path, BertTokenizer.from_folder(folder))
    if not has_file(folder / WEIGHTS, CheckpointError):
        raise _no_weights(folder)
    tensors = read_header(folder / WEIGHTS)
    if list(tensors) != ["weight"] or len(tensors["weight"].shape) != 1:
        raise CheckpointError(
            f"{folder / WEIGHTS}: must hold one weight for each piece of the vocabulary, called weight"
        )
    return tensors["weight"].read()


def _weights_by_piece(path: Path, tokenizer: BertTokenizer) -> np.ndarray:
    """float32 [V] from an object of pieces and numbers; a piece that the tokenizer lacks is the unknown one."""
    stated = read_json(path)
    if not all(type(weight) in (int, float) for weight in stated.values()):
        raise ConfigError(f"{path}: must map pieces to numbers")
    weights = np.zeros(1 + tokenizer.last_id, np.float32)
    for piece, weight in zip(stated, _as_float32([*stated.values()], path), strict=True):
        index = tokenizer.token_id(piece)
        index = tokenizer.unk_token_id if index is None else index
        if index is not None:
            weights[index] = weight
    return weights


def _as_float32(numbers: list[float], path: Path) -> np.ndarray:
    try:
        return np.array(numbers, np.float32)
    except OverflowError:
        raise ConfigError(f"{path}: has a weight that is too large for a number") from None


def _read_weights(folder: Path, expected: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    path = folder / WEIGHTS
    if not has_file(path, CheckpointError):
        raise _no_weights(folder)
    tensors = read_header(path)
    if {name: tensor.shape for name, tensor in tensors.items()} != expected:
        raise CheckpointError(f"{path}: must hold {expected}, by its config.json")
    return {name: tensor.read() for name, tensor in tensors.items()}


def _no_weights(folder: Path) -> CheckpointError:
    there = f"`distilbert convert` makes one from {PYTORCH}" if is_file(folder / PYTORCH) else "bring it along"
    return CheckpointError(f"{folder}: no {WEIGHTS}; {there}")
