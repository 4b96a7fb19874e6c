"""BERT -> DistilBERT: the same network but for token types and the pooler.

The embedding of token type 0 is added to every position embedding, which is exact for single texts.
A classifier on BERT's pooler, which no DistilBERT equals, is refused.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..config import DistilBertConfig
from ..errors import CheckpointError, ConfigError, name_list, naming, short_repr
from ..folder.checkpoint import Head
from ..folder.layout import CONFIG
from ..folder.other_weights import refuse_other_kinds
from ..folder.weight_names import PREFIX, PROJECTOR, WORDS
from ..folder.weights import Weight

_HEADS = {
    "BertModel": Head.NONE,
    "BertForMaskedLM": Head.MASKED_LM,
    "BertForPreTraining": Head.MASKED_LM,
    "BertForTokenClassification": Head.TOKEN_CLASSIFICATION,
    "BertForQuestionAnswering": Head.QUESTION_ANSWERING,
}
_ON_POOLER = ("BertForSequenceClassification", "BertForMultipleChoice", "BertForNextSentencePrediction")
_POOLER_REASON = (
    "its classifier stands on BERT's pooler (a linear layer and tanh), "
    "DistilBERT's on a linear layer and ReLU: no weights make the two equal; distil it instead"
)
_EPSILON = 1e-12  # DistilBERT's LayerNorm has no other
_OWN_KEYS = (  # of a BERT's config.json, without a meaning for DistilBERT, as all that begin with "pooler_"
    "_name_or_path",
    "add_cross_attention",
    "architectures",
    "classifier_dropout",
    "directionality",
    "gradient_checkpointing",
    "is_decoder",
    "layer_norm_eps",
    "model_type",
    "output_past",
    "position_embedding_type",
    "transformers_version",
    "type_vocab_size",
    "use_cache",
)
_WORDS = "bert.embeddings.word_embeddings.weight"
_POSITIONS = "embeddings.position_embeddings.weight"
_TYPES = "embeddings.token_type_embeddings.weight"
_MLM_BIAS, _MLM_BIAS_COPY = "cls.predictions.bias", "cls.predictions.decoder.bias"


def is_bert(values: Mapping[str, Any]) -> bool:
    """Whether a config.json is a BERT's; the first ones name no model type."""
    return values.get("model_type", "bert" if "type_vocab_size" in values else None) == "bert"


def bert_names(n_layers: int) -> dict[str, str]:
    """BERT's name of every weight that DistilBERT has too -> DistilBERT's."""
    table = {
        _WORDS: WORDS,
        f"bert.{_POSITIONS}": f"{PREFIX}{_POSITIONS}",
        "cls.predictions.decoder.weight": PROJECTOR,
        _MLM_BIAS: "vocab_projector.bias",
    }
    modules = {
        "bert.embeddings.LayerNorm": f"{PREFIX}embeddings.LayerNorm",
        "cls.predictions.transform.dense": "vocab_transform",
        "cls.predictions.transform.LayerNorm": "vocab_layer_norm",
        "classifier": "classifier",
        "qa_outputs": "qa_outputs",
    }
    parts = {
        "attention.self.query": "attention.q_lin",
        "attention.self.key": "attention.k_lin",
        "attention.self.value": "attention.v_lin",
        "attention.output.dense": "attention.out_lin",
        "attention.output.LayerNorm": "sa_layer_norm",
        "intermediate.dense": "ffn.lin1",
        "output.dense": "ffn.lin2",
        "output.LayerNorm": "output_layer_norm",
    }
    for index in range(n_layers):
        for bert, ours in parts.items():
            modules[f"bert.encoder.layer.{index}.{bert}"] = f"{PREFIX}transformer.layer.{index}.{ours}"
    for bert, ours in modules.items():
        for part in ("weight", "bias"):
            table[f"{bert}.{part}"] = f"{ours}.{part}"
    return table


def fold(
    values: Mapping[str, Any], stored: Mapping[str, Weight], place: Path
) -> tuple[DistilBertConfig, dict[str, Weight], tuple[tuple[Weight, str], ...], tuple[str, ...]]:
    """A BERT's config.json and weights as a DistilBERT's.

    `stored` are by today's names (`weight` and `bias`, not `gamma` and `beta`). Returns DistilBERT's config, the
    weights by DistilBERT's names (each knows the name that it had), those left out with the reason why they have no
    place, and notes on where the result differs. Raises ConfigError or CheckpointError, naming `place` and the reason,
    for a BERT that no DistilBERT equals.
    """
    refuse_other_kinds(stored, values, place)
    config = _config(values, place)
    found = dict(stored)
    if _WORDS not in found:  # saved from a bare BertModel
        heads = ("cls.", "classifier.", "qa_outputs.")
        found = {name if name.startswith(heads) else f"bert.{name}": weight for name, weight in found.items()}
    has_pooler = "bert.pooler.dense.weight" in found
    if "classifier.weight" in found and has_pooler and not config.architectures:
        raise CheckpointError(f"{place}: {_POOLER_REASON}")
    if "cls.seq_relationship.weight" in found and "cls.predictions.transform.dense.weight" not in found:
        raise CheckpointError(f"{place}: {_POOLER_REASON}")

    left_out = [(found.pop(name), reason) for name in list(found) if (reason := _no_place(name))]
    notes = ["the pooler is left out: DistilBERT has none"] if has_pooler else []
    types = found.pop(f"bert.{_TYPES}", None)
    notes.append(_add_types(found, types, values, place))
    if types is not None:
        left_out.append((types, "row 0 is added to the positions; DistilBERT has no token types"))
    if duplicate := found.pop(_MLM_BIAS_COPY, None):
        kept = found.setdefault(_MLM_BIAS, duplicate)
        if kept is not duplicate:
            if not np.array_equal(kept.read(), duplicate.read()):
                raise CheckpointError(f"{place}: {kept.name} and {duplicate.name} differ; they are one bias")
            left_out.append((duplicate, f"the same as {kept.name}"))

    names = bert_names(config.n_layers)
    if unknown := sorted(weight.name for name, weight in found.items() if name not in names):
        raise CheckpointError(f"{place}: weights hold {name_list(unknown)}, which a BERT of this config does not have")
    ours = {names[name]: weight for name, weight in found.items()}
    if missing := [bert for bert, name in names.items() if name.startswith(PREFIX) and name not in ours]:
        raise CheckpointError(f"{place}: weights lack {name_list(missing)} of a BERT of this config")
    return config, ours, tuple(left_out), tuple(notes)


def _config(values: Mapping[str, Any], place: Path) -> DistilBertConfig:
    """BERT's config.json as DistilBERT's, or the reason why there is none."""

    def refuse(reason: str) -> ConfigError:
        return ConfigError(f"{place}: this BERT cannot become a DistilBERT: {reason}")

    named = values.get("architectures")
    architecture = named[0] if isinstance(named, list) and named and isinstance(named[0], str) else None
    if architecture in _ON_POOLER:
        raise refuse(f"a {architecture}; {_POOLER_REASON}")
    if values.get("is_decoder") or values.get("add_cross_attention") or architecture == "BertLMHeadModel":
        raise refuse("it is a decoder, which reads from left to right")
    if values.get("position_embedding_type") not in (None, "absolute"):
        raise refuse(
            f"position_embedding_type is {short_repr(values['position_embedding_type'])}; DistilBERT's is absolute"
        )
    epsilon = values.get("layer_norm_eps", _EPSILON)
    if epsilon != _EPSILON:
        raise refuse(
            f"layer_norm_eps is {short_repr(epsilon)}; DistilBERT's is {_EPSILON}, and no weights make up for it"
        )
    ours = {key: value for key, value in values.items() if key not in _OWN_KEYS and not key.startswith("pooler_")}
    if architecture in _HEADS:
        ours["architectures"] = [_HEADS[architecture].value]
    with naming(place / CONFIG):
        return DistilBertConfig.from_dict(ours)


def _no_place(name: str) -> str | None:
    """Why a BERT's weight has no place in a DistilBERT; None if it has."""
    if name.endswith("embeddings.position_ids"):
        return "a buffer, not a weight"
    if name.startswith("bert.pooler."):
        return "DistilBERT has no pooler"
    if name.startswith("cls.seq_relationship."):
        return "DistilBERT does not predict the next sentence"
    return None


def _add_types(found: dict[str, Weight], types: Weight | None, values: Mapping[str, Any], place: Path) -> str:
    """Put the sum of positions [P, D] and token type 0 in place of the positions; returns the note on it."""
    count = values.get("type_vocab_size", 2 if types is None else types.shape[0])
    if types is None:
        if count != 0:
            raise CheckpointError(f"{place}: weights lack bert.{_TYPES}; type_vocab_size is {short_repr(count)}")
        return "this BERT has no token types; nothing was added to the positions"
    positions = found.get(f"bert.{_POSITIONS}")
    if positions is None:
        raise CheckpointError(f"{place}: weights lack bert.{_POSITIONS}")
    if types.shape != (count, *positions.shape[1:]):
        raise CheckpointError(
            f"{place}: {types.name} has shape {list(types.shape)}, but config.json asks for "
            f"{short_repr([count, *positions.shape[1:]])}"
        )
    if count == 0:
        return "this BERT has no token types; nothing was added to the positions"
    name = f"{positions.name} + {types.name}[0]"
    found[f"bert.{_POSITIONS}"] = Weight(
        name, positions.shape, "F32", positions.path, lambda: positions.read() + types.read()[0]
    )
    return "exact for single texts; the second text of a pair loses its token type 1"
