"""Sentence-transformers folders: modules.json and what stands around the encoder, in every spelling.

Versions up to 5 write `sentence_transformers.models.Pooling` and flags like `pooling_mode_mean_tokens`;
version 6 writes longer module paths and `pooling_mode: "mean"`. A folder without modules.json is
mean pooling and normalisation. SPLADE folders hold sparse vectors; a cross-encoder's says nothing of vectors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..errors import CheckpointError, ConfigError, short_repr
from ..files import is_file, read_json_list
from ..module_activations import ACTIVATIONS, activation_name, leaky_relu
from ..pooling import Dense, Normalize, Pooling, SpladePooling
from ..prompts import Prompts
from .layout import CONFIG, MODULES, SENTENCE_CONFIG, TRANSFORMER_CONFIGS, WEIGHTS
from .settings import Settings, read_prompts
from .weights import read_header

_OLD_FLAGS = {  # in the order in which several are concatenated
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")


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
        prompts: what may stand before a text.
        similarity: "cosine", "dot", "euclidean" or "manhattan".
    """

    transformer: Path
    pooling: Pooling = field(default_factory=Pooling)
    layers: tuple[Dense | Normalize, ...] = ()
    normalize: bool = True
    truncate_dim: int | None = None
    splade: SpladePooling | None = None
    max_length: int | None = None
    lower_case: bool = False
    prompts: Prompts = field(default_factory=Prompts)
    similarity: str = "cosine"

    def width(self, dim: int) -> int:
        """Width of the vectors made of hidden states of width `dim`. Raises ConfigError where a layer does not fit."""
        width = dim * len(self.pooling.modes)
        for layer in self.layers:
            if isinstance(layer, Dense):
                into = layer.weight.shape[1]
                if into != width:
                    raise ConfigError(f"{self.transformer}: a Dense reads {into} numbers, but is given {width}")
                width = layer.width
        return width


def read_sentence_folder(folder: Path) -> SentenceFolder | None:
    """Read `modules.json` and all that it names; None where there is none, or it is a cross-encoder's.

    Raises ConfigError naming the file and the field for a module or an option that is not known.
    """
    path = folder / MODULES
    about = folder / SENTENCE_CONFIG
    described = Settings(about, optional=True)
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
            _check_names(Settings(part / CONFIG, optional=True))
            layers.append(Normalize())
        elif kind != "Dropout":  # does nothing outside training
            raise ConfigError(
                f"{path}: module {short_repr(kind)} is not supported, or not here; a Transformer is "
                "followed by a Pooling "
                "and any of Dense, Normalize, Dropout, or by a SpladePooling"
            )
    if not (pooling or splade):
        raise ConfigError(f"{path}: lists no Pooling")
    settings = Settings(_first_file(transformer, TRANSFORMER_CONFIGS), optional=True)
    normalize = bool(layers) and isinstance(layers[-1], Normalize)
    return SentenceFolder(
        transformer=transformer,
        pooling=pooling or Pooling(),
        layers=tuple(layers[:-1] if normalize else layers),
        normalize=normalize,
        truncate_dim=described.whole("truncate_dim"),
        splade=splade,
        max_length=settings.whole("max_seq_length"),
        lower_case=settings.flag("do_lower_case", False),
        prompts=read_prompts(described),
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


def _check_names(settings: Settings) -> None:
    for key in ("module_input_name", "module_output_name"):
        settings.choice(key, "sentence_embedding", ["sentence_embedding"])


def _pooling(path: Path) -> Pooling:
    settings = Settings(path)
    modes = settings.values.get("pooling_mode")
    if modes is None:
        modes = [mode for flag, mode in _OLD_FLAGS.items() if settings.flag(flag, False)] or ["mean"]
    modes = [modes] if isinstance(modes, str) else modes
    if not isinstance(modes, list) or not modes or not all(mode in _OLD_FLAGS.values() for mode in modes):
        raise ConfigError(f"{path}: pooling_mode must be of {', '.join(_OLD_FLAGS.values())}, not {short_repr(modes)}")
    return Pooling(tuple(modes), settings.flag("include_prompt", True))


def _splade(path: Path) -> SpladePooling:
    settings = Settings(path)
    strategy = settings.choice("pooling_strategy", "max", ("max", "sum"))
    activation = settings.choice("activation_function", "relu", ("relu", "log1p_relu"))
    return SpladePooling(strategy, 2 if activation == "log1p_relu" else 1)


def _dense(folder: Path) -> Dense:
    settings = Settings(folder / CONFIG)
    _check_names(settings)
    activation = activation_name(settings.string("activation_function") or "torch.nn.Tanh")
    if activation is None:
        raise settings.wrong("activation_function", f"one of torch.nn's {', '.join(ACTIVATIONS)}")
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
    path = folder / WEIGHTS
    if not is_file(path):
        raise CheckpointError(f"{folder}: no {WEIGHTS}; `distilbert convert` makes one from pytorch_model.bin")
    tensors = read_header(path)
    if {name: tensor.shape for name, tensor in tensors.items()} != expected:
        raise CheckpointError(f"{path}: must hold {expected}, by its config.json")
    weights = {name: tensor.read() for name, tensor in tensors.items()}
    function = ACTIVATIONS[activation]
    if activation == "PReLU":
        function = partial(leaky_relu, slope=weights["activation_function.weight"])
    return Dense(
        weights["linear.weight"], weights.get("linear.bias"), function, weights.get("residual.weight"), adds_input
    )
