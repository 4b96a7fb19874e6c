"""What a folder for late interaction says: how the states of a text's tokens become its vectors, and which count.

sentence-transformers calls such a model MultiVectorEncoder, and writes all of it into the modules. PyLate's
folders say it in config_sentence_transformers.json, in its own words, and leave two of the modules out.
"""

import string
from dataclasses import dataclass, replace

from ..errors import ConfigError, short_repr
from ..pooling import Dense, Layer, Normalize
from .layout import CONFIG, MODULES
from .module_list import Module
from .modules import read_dense
from .settings import Settings
from .transformer_settings import Expansion, TransformerSettings

_OF_PYLATE = ("query_prefix", "document_prefix", "query_length", "document_length", "do_query_expansion",
              "attend_to_expansion_tokens", "attend_to_mask_tokens", "skiplist_words")  # fmt: skip
_USUAL_LENGTH = 32  # of an expanded query, in ColBERT and in PyLate


@dataclass(frozen=True)
class TokenVectors:
    """From the hidden states of a text to its vectors, one for each token that counts.

    Attributes:
        layers: what each state passes through.
        skipped: words (pieces of the vocabulary) that do not count, in the texts of `skipped_tasks`.
        skipped_tasks: of "query" and "document".
        kept_ids: the only token ids that count in documents; None for all.
        scores_expansion: whether the vectors of masks that no token attends to count.
        normalized_tasks: of which texts the vectors are brought to length 1 in the end.
        prefixes: of a query and of a document, which the tokenizer keeps whole where it knows them.
    """

    layers: tuple[Layer, ...] = ()
    skipped: tuple[str, ...] = ()
    skipped_tasks: tuple[str, ...] = ("document",)
    kept_ids: tuple[int, ...] | None = None
    scores_expansion: bool = False
    normalized_tasks: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()

    def width(self, dim: int) -> int:
        """Width of the vectors made of states of width `dim`."""
        return next((layer.width for layer in reversed(self.layers) if isinstance(layer, Dense)), dim)


def is_late_interaction(described: Settings) -> bool:
    """Whether config_sentence_transformers.json speaks of such a model."""
    kind = described.values.get("model_type")
    return kind in ("MultiVectorEncoder", "ColBERT") or any(key in described.values for key in _OF_PYLATE)


def read_token_vectors(modules: list[Module], described: Settings) -> TokenVectors:
    """The modules behind the encoder. Raises ConfigError naming the module that has no place here."""
    vectors = TokenVectors()
    layers: list[Layer] = []
    normalized: tuple[str, ...] = ()
    for module in modules:
        settings = Settings(module.folder / CONFIG, optional=True)
        match module.kind:
            case "Dense":
                layers.append(read_dense(module.folder, reads="token_embeddings", default="token_embeddings"))
            case "Normalize":
                if settings.values.get("module_input_name") == "token_embeddings":
                    layers.append(Normalize())
            case "MultiVectorMask":
                vectors = _mask(settings)
            case "HierarchicalTokenPooling":
                normalized = _token_pooling(settings)
            case "Pooling" | "Dropout":  # read from a folder of another kind; both are about a single vector
                pass
            case _:
                raise ConfigError(
                    f"{described.path.parent / MODULES}: module {short_repr(module.kind)} is not supported in "
                    "late interaction; a Transformer is followed by any of Dense, MultiVectorMask and Normalize"
                )
    if any(key in described.values for key in _OF_PYLATE) or described.values.get("model_type") == "ColBERT":
        stated = described.strings("skiplist_words")
        vectors = TokenVectors(
            skipped=tuple(string.punctuation) if stated is None else stated,
            scores_expansion=True,
            prefixes=tuple(described.string(f"{task}_prefix") or "" for task in ("query", "document")),
        )
        layers.append(Normalize())
    return replace(vectors, layers=tuple(layers), normalized_tasks=normalized)


def with_pylate_settings(settings: TransformerSettings, described: Settings) -> TransformerSettings:
    """The encoder's settings with what PyLate says of lengths and expansion, where the encoder's own say nothing."""
    if not any(key in described.values for key in _OF_PYLATE):
        return settings
    expansion = settings.expansion
    query_length = described.whole("query_length")
    if expansion is None and described.flag("do_query_expansion", True):
        attend = described.flag("attend_to_expansion_tokens", described.flag("attend_to_mask_tokens", False))
        expansion, query_length = Expansion(query_length or _USUAL_LENGTH, attend=attend), None
    return replace(
        settings,
        query_length=settings.query_length or query_length,
        document_length=settings.document_length or described.whole("document_length"),
        expansion=expansion,
    )


def prefixed_prompts(described: Settings) -> None:
    """PyLate's prefixes of queries and documents, put before the prompts of these names."""
    prompts = described.object("prompts")
    for task in ("query", "document"):
        prefix = described.string(f"{task}_prefix")
        if prefix is not None:
            prompts[task] = prefix + str(prompts.get(task) or "").removeprefix(prefix)
    described.values["prompts"] = prompts


def _mask(settings: Settings) -> TokenVectors:
    kept = settings.values.get("keep_only_token_ids")
    if kept is not None and not (isinstance(kept, list) and all(type(each) is int for each in kept)):
        raise settings.wrong("keep_only_token_ids", "a list of token ids")
    return TokenVectors(
        skipped=settings.strings("skiplist_words") or (),
        skipped_tasks=settings.strings("skiplist_tasks") or ("document",),
        kept_ids=tuple(kept) if kept else None,
        scores_expansion=True,
    )


def _token_pooling(settings: Settings) -> tuple[str, ...]:
    """A pooling that merges no vectors: the tasks whose vectors it normalises."""
    factor = settings.values.get("pool_factor")
    if factor not in (None, 1):
        raise ConfigError(
            f"{settings.path}: pool_factor={short_repr(factor)} merges vectors, which is not supported; 1 is"
        )
    return (settings.strings("tasks") or ("document",)) if settings.flag("normalize_embeddings", False) else ()
