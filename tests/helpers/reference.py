"""DistilBERT in NumPy, one text at a time, straight from the paper's description: what the engines are held to."""

import numpy as np

from distilbert import DistilBertConfig
from distilbert.folder.checkpoint import Head

Weights = dict[str, np.ndarray]


def forward(config: DistilBertConfig, weights: Weights, ids: np.ndarray, head: Head = Head.NONE) -> np.ndarray:
    """The head's output for every token of one text, in float64: ids [T] -> [T, …]."""
    w = {name: array.astype(np.float64) for name, array in weights.items()}
    x = w["distilbert.embeddings.word_embeddings.weight"][ids]
    x = x + w["distilbert.embeddings.position_embeddings.weight"][: len(ids)]
    x = _norm(w, "distilbert.embeddings.LayerNorm", x)
    for index in range(config.n_layers):
        layer = f"distilbert.transformer.layer.{index}"
        q, k, v = (_split(config, _linear(w, f"{layer}.attention.{p}_lin", x)) for p in "qkv")
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(config.head_dim)
        attention = np.exp(scores - scores.max(-1, keepdims=True))
        attention /= attention.sum(-1, keepdims=True)
        context = (attention @ v).transpose(1, 0, 2).reshape(len(ids), config.dim)
        x = _norm(w, f"{layer}.sa_layer_norm", _linear(w, f"{layer}.attention.out_lin", context) + x)
        hidden = config.activation(_linear(w, f"{layer}.ffn.lin1", x))
        x = _norm(w, f"{layer}.output_layer_norm", _linear(w, f"{layer}.ffn.lin2", hidden) + x)
    return _head(config, w, head, x)


def _head(config: DistilBertConfig, w: Weights, head: Head, x: np.ndarray) -> np.ndarray:
    if head is Head.MASKED_LM:
        x = _norm(w, "vocab_layer_norm", config.activation(_linear(w, "vocab_transform", x)))
        projector = w.get("vocab_projector.weight", w["distilbert.embeddings.word_embeddings.weight"])
        return x @ projector.T + w["vocab_projector.bias"]
    if head is Head.QUESTION_ANSWERING:
        return _linear(w, "qa_outputs", x)
    if head is Head.TOKEN_CLASSIFICATION:
        return _linear(w, "classifier", x)
    if head in (Head.SEQUENCE_CLASSIFICATION, Head.MULTIPLE_CHOICE):
        return _linear(w, "classifier", np.maximum(_linear(w, "pre_classifier", x), 0))
    return x


def _linear(w: Weights, name: str, x: np.ndarray) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _norm(w: Weights, name: str, x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * w[f"{name}.weight"] + w[f"{name}.bias"]


def _split(config: DistilBertConfig, x: np.ndarray) -> np.ndarray:
    """[T, D] -> [H, T, D/H]"""
    return x.reshape(len(x), config.n_heads, config.head_dim).transpose(1, 0, 2)
