"""Sentence-transformers folders: modules.json and what stands around the encoder, in every spelling.

Versions up to 5 write `sentence_transformers.models.Pooling` and flags like `pooling_mode_mean_tokens`;
version 6 writes longer module paths and `pooling_mode: "mean"`. A folder without modules.json and without a 1_Pooling/
is mean pooling and normalisation. SPLADE folders hold sparse vectors, those for late interaction a vector a token; a
cross-encoder's says nothing of vectors. docs/sentence_transformers.md has every key of every file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..errors import ConfigError, short_repr
from ..files import has_file, read_json
from ..pooling import Dense, Layer, LayerNorm, Normalize, Pooling, SpladePooling, TokenLayer
from ..prompts import Prompts
from .layout import CONFIG, MODULES, SENTENCE_CONFIG
from .module_list import Module, read_rows, routes_of
from .modules import (
    TOKEN_TABLE,
    UNSUPPORTED,
    input_of,
    read_dense,
    read_layer_norm,
    read_pooling,
    read_splade_pooling,
    read_token_weights,
    read_word_weights,
)
from .settings import Settings, read_prompts
from .token_vectors import (
    TokenVectors,
    is_late_interaction,
    prefixed_prompts,
    read_token_vectors,
    with_pylate_settings,
)
from .transformer_settings import TransformerSettings, read_transformer_settings

ENCODERS = ("Transformer", "MLMTransformer", "DistilBERT", "BERT")  # the last two up to version 0.3
_SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")
_SIMILARITIES_OF_TOKENS = ("maxsim", "meanmaxsim")


@dataclass(frozen=True, eq=False)
class TokenWeights:
    """A query's sparse vector without an encoder: each piece that occurs in it has its weight.

    Attributes:
        weights: float32 [V].
        tokenizer: the folder of the tokenizer that cuts such queries.
    """

    weights: np.ndarray
    tokenizer: Path


@dataclass(frozen=True)
class SentenceFolder:
    """What a folder says of turning hidden states into a sentence's vector.

    Attributes:
        transformer: the folder of the encoder itself.
        token_layers: what each token's state passes through before pooling.
        layers: what follows pooling, in order, a last Normalize excepted.
        normalize: whether the vectors are brought to length 1 at last.
        truncate_dim: how many of their first numbers are kept; None for all.
        splade: how logits are pooled instead, of a folder for sparse vectors; None for all others.
        most_weights: how many weights of a sparse vector are kept; None for all.
        token_weights: what makes a sparse vector in place of the encoder; None where the encoder does.
        token_vectors: how each token's state becomes a vector, of a folder for late interaction; None for all others.
        text: how the encoder reads text.
        prompts: what may stand before a text.
        similarity: "cosine", "dot", "euclidean" or "manhattan"; of tokens' vectors "maxsim" or "meanmaxsim".
        routes: by "query" and "document", where a Router takes texts of these through other modules.
        first_only: whether pooling reads the first token alone, on all routes.
    """

    transformer: Path
    token_layers: tuple[TokenLayer, ...] = ()
    pooling: Pooling = field(default_factory=Pooling)
    layers: tuple[Layer, ...] = ()
    normalize: bool = True
    truncate_dim: int | None = None
    splade: SpladePooling | None = None
    most_weights: int | None = None
    token_weights: TokenWeights | None = None
    token_vectors: TokenVectors | None = None
    text: TransformerSettings = field(default_factory=lambda: TransformerSettings("feature-extraction"))
    prompts: Prompts = field(default_factory=Prompts)
    similarity: str = "cosine"
    routes: Mapping[str, "SentenceFolder"] = field(default_factory=dict)
    first_only: bool = False

    @property
    def is_plain_mean(self) -> bool:
        """Whether vectors are the mean of all tokens' states, normalised or not, and nothing more."""
        return self.pooling.modes == ("mean",) and not (self.token_layers or self.layers or self.token_vectors)

    def width(self, dim: int) -> int:
        """Width of the vectors made of hidden states of width `dim`. Raises ConfigError where a layer does not fit."""
        return self._through(self.layers, self._through(self.token_layers, dim) * len(self.pooling.modes))

    def untrained_parts(self, *, dense: bool) -> list[str]:
        """What it has that training on the mean of the tokens, or the first one, does not apply.

        `dense`: whether Dense behind pooling is applied.
        """
        applied = (Dense,) if dense else ()
        parts = [type(layer).__name__ for layer in self.layers if not isinstance(layer, applied)]
        parts += [f"{type(layer).__name__} on tokens" for layer in self.token_layers]
        parts += ["SpladePooling"] if self.splade else []
        parts += ["vectors of tokens"] if self.token_vectors else []
        parts += ["a Router"] if self.routes else []
        if self.pooling.modes not in (("mean",), ("cls",)):
            parts.append(f"Pooling {' and '.join(self.pooling.modes)}")
        return parts

    def route(self, task: str) -> "SentenceFolder":
        """What holds for the texts of a task, "query" or "document": its modules, and its prompt as the default one.

        Raises ConfigError where a Router has no route of this name.
        """
        if self.routes and task not in self.routes:
            raise ConfigError(f"{self.transformer}: the Router has no route for {task!r}")
        route = self.routes.get(task, self)
        return replace(route, prompts=self.prompts.of_task(task), routes={}, first_only=self.first_only)

    def _through(self, layers: tuple[TokenLayer, ...], width: int) -> int:
        for layer in layers:
            into = layer.weight.shape[-1] if isinstance(layer, Dense | LayerNorm) else width
            if into != width:
                kind = type(layer).__name__
                raise ConfigError(f"{self.transformer}: a {kind} reads {into} numbers, but is given {width}")
            width = layer.width if isinstance(layer, Dense) else width
        return width


def read_sentence_folder(folder: Path) -> SentenceFolder | None:
    """Read `modules.json`, or what stands for it, and all that it names; None for another folder, or a cross-encoder's.

    Raises ConfigError naming the file and the field for a module or an option that is not known.
    """
    described = Settings(folder / SENTENCE_CONFIG, optional=True)
    listed = has_file(folder / MODULES) or read_rows(folder)
    if not listed or described.values.get("model_type") == "CrossEncoder":
        return None
    routes = routes_of(folder)
    encoders = {module.folder for route in routes.values() for module in route if module.kind in ENCODERS}
    if not encoders:
        _check_known(folder, next(iter(routes.values()), [])[:1], "the first module must be a Transformer")
        raise ConfigError(f"{folder / MODULES}: the first module must be a Transformer")
    if len(encoders) > 1:
        raise ConfigError(f"{folder / MODULES}: has {len(encoders)} encoders; all routes must share one")
    (encoder,) = encoders
    if is_late_interaction(described):
        if None not in routes or len(routes) > 1:
            raise ConfigError(f"{folder / MODULES}: a Router is not supported in late interaction")
        return _for_late_interaction(folder, routes[None], described)
    read = {task: _read_route(folder, modules, encoder, described) for task, modules in routes.items()}
    main = read.pop(None) if None in read else next(iter(read.values()))
    by_task = {task: route for task, route in read.items() if task is not None}
    first_only = all(route.pooling.first_only for route in (main, *by_task.values()))
    return replace(main, routes=by_task, first_only=first_only)


def _for_late_interaction(folder: Path, modules: list[Module], described: Settings) -> SentenceFolder:
    _check_encoder(folder, modules)
    prefixed_prompts(described)
    text = with_pylate_settings(read_transformer_settings(modules[0]), described)
    stated = described.values.get("similarity_fn_name")
    return SentenceFolder(
        transformer=modules[0].folder,
        token_vectors=read_token_vectors(modules[1:], described),
        text=text,
        prompts=read_prompts(described),
        similarity=stated if stated in _SIMILARITIES_OF_TOKENS else "maxsim",  # PyLate writes one of single vectors
    )


def _read_route(folder: Path, modules: list[Module], encoder: Path, described: Settings) -> SentenceFolder:
    """What the modules of one route say."""
    similarity = described.values.get("similarity_fn_name")
    if similarity in _SIMILARITIES_OF_TOKENS:
        similarity = None  # left over from another kind of model, as sentence-transformers takes it
    else:
        similarity = described.choice("similarity_fn_name", "", _SIMILARITIES)
    common = SentenceFolder(
        encoder,
        truncate_dim=described.whole("truncate_dim"),
        most_weights=described.whole("max_active_dims"),
        prompts=read_prompts(described),
        similarity=similarity or "cosine",
    )
    if [module.kind for module in modules] == [TOKEN_TABLE]:
        static = modules[0].folder
        weights = TokenWeights(read_token_weights(static, folder), static)
        return replace(common, token_weights=weights, splade=SpladePooling(), similarity=similarity or "dot")
    _check_encoder(folder, modules)
    text = read_transformer_settings(modules[0])
    common = replace(common, text=text)
    poolings = [place for place, module in enumerate(modules) if module.kind in ("Pooling", "SpladePooling")]
    if not poolings:
        _check_known(folder, modules[1:])
        raise ConfigError(f"{folder / MODULES}: lists no Pooling")
    place = poolings[0]
    pooling = modules[place]
    wanted = "fill-mask" if pooling.kind == "SpladePooling" else "feature-extraction"
    if text.task != wanted:
        raise ConfigError(f"{folder / MODULES}: a {pooling.kind} follows an encoder with transformer_task {wanted!r}")
    if pooling.kind == "SpladePooling":
        _check_known(folder, [module for module in modules[1:] if module is not pooling and module.kind != "Dropout"])
        return replace(common, splade=read_splade_pooling(pooling.folder), similarity=similarity or "dot")
    layers = _layers(folder, modules[place + 1 :], "sentence_embedding")
    normalize = bool(layers) and isinstance(layers[-1], Normalize)
    return replace(
        common,
        token_layers=tuple(_token_layers(folder, modules[1:place])),
        pooling=read_pooling(pooling.folder),
        layers=tuple(layers[:-1] if normalize else layers),
        normalize=normalize,
    )


def _token_layers(folder: Path, modules: list[Module]) -> Iterator[TokenLayer]:
    """What stands before pooling."""
    for module in modules:
        if module.kind == "WordWeights":
            yield read_word_weights(module.folder)
        else:
            yield from _layers(folder, [module], "token_embeddings")


def _layers(folder: Path, modules: list[Module], reads: str) -> list[Layer]:
    """What stands before pooling and reads "token_embeddings", or behind it and reads "sentence_embedding"."""
    layers: list[Layer] = []
    for module in modules:
        if module.kind == "Dense":
            layers.append(read_dense(module.folder, reads=reads))
        elif module.kind == "Normalize":
            settings = Settings(module.folder / CONFIG, optional=True)
            if input_of(settings) != reads:
                raise settings.wrong("module_input_name", f"{reads!r} at this place")
            layers.append(Normalize())
        elif module.kind == "LayerNorm" and reads == "sentence_embedding":
            layers.append(read_layer_norm(module.folder))
        elif module.kind == "WeightedLayerPooling" and reads == "token_embeddings":
            _check_layer_pooling(folder, module)
        elif module.kind != "Dropout":  # which does nothing outside training
            _check_known(folder, [module])
    return layers


def _check_layer_pooling(folder: Path, module: Module) -> None:
    """Without the states of all layers it does nothing, in sentence-transformers too."""
    encoder = next(each.folder for each in routes_of(folder)[None] if each.kind in ENCODERS)
    if read_json(encoder / CONFIG).get("output_hidden_states"):
        raise ConfigError(f"{module.folder}: module 'WeightedLayerPooling' reads all layers, which is not supported")


def _check_encoder(folder: Path, modules: list[Module]) -> None:
    if modules[0].kind not in ENCODERS:
        _check_known(folder, modules[:1], "the first module must be a Transformer")


def _check_known(folder: Path, modules: list[Module], otherwise: str | None = None) -> None:
    """Raises ConfigError that says of the first of these modules why it cannot stand there."""
    if not modules:
        return
    kind = modules[0].kind
    if kind in UNSUPPORTED:
        raise ConfigError(f"{folder / MODULES}: module {kind!r} is not supported: {UNSUPPORTED[kind]}")
    what = (
        f"{otherwise}, not {short_repr(kind)}"
        if otherwise
        else f"module {short_repr(kind)} is not supported, or not here; a Transformer is followed by a Pooling and any "
        "of Dense, LayerNorm, Normalize, Dropout, or by a SpladePooling"
    )
    raise ConfigError(f"{folder / MODULES}: {what}")
