"""Small random BERTs, as Transformers writes them."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from conftest import random_weights
from distilbert import DistilBertConfig
from distilbert.convert.bert import bert_names
from distilbert.folder.checkpoint import Head

SMALL = {
    "model_type": "bert",
    "vocab_size": 60,
    "max_position_embeddings": 16,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "hidden_act": "gelu",
    "type_vocab_size": 2,
}


def write_bert(
    folder: Path, architecture: str = "BertModel", drop: tuple[str, ...] = (), *, layers: int = 3, **changes: object
) -> Path:
    """A small random BERT with Transformers' names: `classifier` has 2 rows, the masked-LM head is tied."""
    settings = SMALL | {"num_hidden_layers": layers}
    config = DistilBertConfig.from_dict(
        {k: v for k, v in settings.items() if k not in ("model_type", "type_vocab_size")}
    )
    head = {
        "BertForMaskedLM": Head.MASKED_LM,
        "BertForPreTraining": Head.MASKED_LM,
        "BertForTokenClassification": Head.TOKEN_CLASSIFICATION,
        "BertForQuestionAnswering": Head.QUESTION_ANSWERING,
    }.get(architecture, Head.NONE)
    theirs = {target: source for source, target in bert_names(layers).items()}
    weights = {theirs[name]: array for name, array in random_weights(config, head).items()}
    weights.pop("cls.predictions.decoder.weight", None)
    shapes = {"bert.embeddings.token_type_embeddings.weight": (2, 8)}
    if architecture in ("BertModel", "BertForPreTraining", "BertForSequenceClassification"):
        shapes |= {"bert.pooler.dense.weight": (8, 8), "bert.pooler.dense.bias": (8,)}
    if architecture == "BertForPreTraining":
        shapes |= {"cls.seq_relationship.weight": (2, 8), "cls.seq_relationship.bias": (2,)}
    if architecture == "BertForSequenceClassification":
        shapes |= {"classifier.weight": (2, 8), "classifier.bias": (2,)}
    rng = np.random.default_rng(1)
    weights |= {name: rng.normal(0, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    folder.mkdir()
    save_file({name: weights[name] for name in weights if name not in drop}, folder / "model.safetensors")
    values = {
        key: value for key, value in (settings | {"architectures": [architecture]} | changes).items() if value != ...
    }
    (folder / "config.json").write_text(json.dumps(values))
    return folder
