"""Small models in the formats of other programs, written by these programs, and what they compute.

Run in an environment of its own: transformers 4.57 (the last with classes for TensorFlow and Flax), tensorflow,
tf-keras, flax and torch. It writes foreign_weights/: a folder a model with the file of weights, config.json and
expected.npz, which holds ids [B, T] and the model's outputs. Weights are drawn from a seed.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

os.environ |= {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}

import numpy as np
import transformers

OUT = Path(__file__).parent / "foreign_weights"
SHAPE = {"vocab_size": 60, "max_position_embeddings": 12}
DISTILBERT = SHAPE | {"dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 16}
BERT = SHAPE | {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
IDS = np.array([[2, 5, 9, 17, 58, 3], [2, 59, 1, 1, 30, 3]])
HEADS = ("Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")


def shaken(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The numbers with noise on all of them, so that every bias and LayerNorm matters."""
    return (np.asarray(array) + rng.normal(0, 0.3, np.shape(array))).astype(np.float32)


def outputs(result: Any) -> dict[str, np.ndarray]:
    return {
        name: np.asarray(result[name])
        for name in ("last_hidden_state", "logits", "start_logits", "end_logits")
        if name in result
    }


def note(folder: Path, result: Any) -> None:
    np.savez(folder / "expected.npz", ids=IDS, **outputs(result))


def keras(name: str, config: Any, folder: Path) -> None:
    model = getattr(transformers, f"TF{name}")(config)
    model(IDS)
    rng = np.random.default_rng(1)
    model.set_weights([shaken(weight, rng) for weight in model.get_weights()])
    model.save_pretrained(folder)
    note(folder, model(IDS))


def flax(name: str, config: Any, folder: Path) -> None:
    import jax

    model = getattr(transformers, f"Flax{name}")(config)
    rng = np.random.default_rng(2)
    model.params = jax.tree_util.tree_map(lambda weight: shaken(weight, rng), model.params)
    model.save_pretrained(folder)
    note(folder, model(IDS))


def google(folder: Path) -> None:
    """A BERT for pre-training under the names of Google's own code, with an optimizer's slots."""
    import tensorflow as tf
    import torch

    torch.manual_seed(3)
    model = transformers.BertForPreTraining(transformers.BertConfig(**BERT)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
        result = model(torch.from_numpy(IDS))
    whole = {
        "cls.predictions.bias": "cls/predictions/output_bias",
        "cls.seq_relationship.weight": "cls/seq_relationship/output_weights",
        "cls.seq_relationship.bias": "cls/seq_relationship/output_bias",
    }
    variables = {}
    with tf.Graph().as_default():
        for name, weight in model.named_parameters():
            numbers = weight.detach().numpy()
            theirs = name.replace("layer.", "layer_").replace(".", "/")
            if name in whole:
                theirs = whole[name]
            elif "LayerNorm" in name:
                theirs = theirs.replace("weight", "gamma").replace("bias", "beta")
            elif "embeddings" in name:
                theirs = theirs.removesuffix("/weight")
            elif name.endswith("weight"):
                theirs, numbers = theirs.replace("weight", "kernel"), numbers.T
            for slot in ("", "/adam_m"):
                variables[theirs + slot] = tf.compat.v1.get_variable(theirs + slot, initializer=np.array(numbers))
        step = tf.compat.v1.get_variable("global_step", initializer=np.int64(7))
        with tf.compat.v1.Session() as session:
            session.run(tf.compat.v1.global_variables_initializer())
            tf.compat.v1.train.Saver([*variables.values(), step]).save(
                session, str(folder / "bert_model.ckpt"), write_meta_graph=False, write_state=False
            )
    (folder / "bert_config.json").write_text(model.config.to_json_string())
    np.savez(folder / "expected.npz", ids=IDS, logits=result.prediction_logits.numpy())


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    for head in HEADS:
        config = transformers.DistilBertConfig(**DISTILBERT, architectures=[f"DistilBert{head}"])
        keras(f"DistilBert{head}", config, OUT / f"keras-{head}")
        if head in ("Model", "ForMaskedLM", "ForSequenceClassification"):
            flax(f"DistilBert{head}", config, OUT / f"flax-{head}")
    config = transformers.BertConfig(**BERT)
    keras("BertForMaskedLM", config, OUT / "keras-bert")
    flax("BertForMaskedLM", config, OUT / "flax-bert")
    (OUT / "google-bert").mkdir()
    google(OUT / "google-bert")
    print(sum(path.stat().st_size for path in OUT.rglob("*")) // 1000, "kB", file=sys.stderr)


if __name__ == "__main__":
    main()
