"""Small encoders for tests that have sentence-transformers itself save folders, and its older spellings.

Whoever imports this is skipped where the library is not installed.
"""

import json
import shutil
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import random_weights, small_config
from distilbert import SparseVector
from distilbert.folder.checkpoint import Head, save_checkpoint
from helpers.json_files import edit

if find_spec("sentence_transformers") is None:
    pytest.skip("sentence-transformers is not installed", allow_module_level=True)


class _Module:
    """A module that is imported when it is used: every process collects these tests, and few run them."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):  # pytest asks for such of all that it collects
            raise AttributeError(attribute)
        return getattr(import_module(self._name), attribute)


library: Any = _Module("sentence_transformers")
base: Any = _Module("sentence_transformers.base.modules")
multi: Any = _Module("sentence_transformers.multi_vector_encoder.modules")
dense: Any = _Module("sentence_transformers.sentence_transformer.modules")
sparse: Any = _Module("sentence_transformers.sparse_encoder.modules")
torch: Any = _Module("torch")
nn: Any = _Module("torch.nn")
TEXTS = ["A charming and often affecting journey.", "no", "the film , the whole film , and nothing but the film"]
QUERY = "a moving story about love , and death !"
PROMPTS = {"query": "find this: ", "document": "read this: ", "other": "OTHER "}
MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
Modules = Callable[[str], list[Any]]


def write_encoders(tmp_path_factory: pytest.TempPathFactory, vocab: Path) -> dict[Head, str]:
    """One layer, 32 wide, with each head."""
    folders = {}
    for head in (Head.NONE, Head.MASKED_LM, Head.SEQUENCE_CLASSIFICATION):
        folder = tmp_path_factory.mktemp(head.name)
        config = small_config(head, n_layers=1, max_position_embeddings=64, num_labels=1)
        weights = random_weights(config, head)
        if config.tie_word_embeddings:
            weights.pop("vocab_projector.weight", None)
        save_checkpoint(folder, config, weights)
        shutil.copy(vocab, folder / "vocab.txt")
        settings = {"do_lower_case": True, "model_max_length": 64, "tokenizer_class": "DistilBertTokenizer"}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        folders[head] = str(folder)
    return folders


@cache
def encoder(path: str) -> Any:
    """What `base.Transformer(path)` gives, for those who do not change it."""
    return base.Transformer(path)


def saved(kind: Any, folder: Path, *arguments: Any, **options: Any) -> Any:
    """A model of this class of theirs, which lies in the folder now."""
    model = kind(*arguments, device="cpu", **options)
    model.save(str(folder), create_model_card=False)
    return model


def randomized(*modules: Any) -> list[Any]:
    """Modules behind the encoder with weights that matter."""
    torch.manual_seed(0)
    with torch.no_grad():
        for module in modules[1:]:
            for weight in module.parameters():
                weight.add_(0.5 * torch.randn_like(weight))
    return list(modules)


def in_old_spelling(folder: Path) -> None:
    """Rewrites a folder as versions up to 5 wrote it."""
    modules = json.loads((folder / "modules.json").read_text())
    for module in modules:
        module["type"] = "sentence_transformers.models." + module["type"].rpartition(".")[2]
        path = folder / module["path"] / "config.json"
        if module["type"].endswith("Pooling"):
            pooling = json.loads(path.read_text())
            modes = pooling["pooling_mode"]
            names = {"cls": "cls_token", "lasttoken": "lasttoken"}
            flags = {
                f"pooling_mode_{names.get(mode, mode if 'len' in mode else mode + '_tokens')}": mode == modes
                or (mode in modes and not isinstance(modes, str))
                for mode in MODES
            }
            flags = {key.replace("cls_token_tokens", "cls_token"): value for key, value in flags.items()}
            path.write_text(json.dumps({"word_embedding_dimension": 32, "include_prompt": True} | flags))
        elif module["type"].endswith("Dense"):
            about = json.loads(path.read_text())
            path.write_text(json.dumps({key: about[key] for key in about if not key.startswith("module_")}))
        elif module["type"].endswith("Normalize") and path.exists():
            path.unlink()
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").unlink()
    edit(folder / "sentence_distilbert_config.json", max_seq_length=64, do_lower_case=False)
    (folder / "config_sentence_transformers.json").unlink()


def spread(vectors: list[SparseVector], size: int) -> np.ndarray:
    rows = np.zeros((len(vectors), size), np.float32)
    for row, vector in zip(rows, vectors, strict=True):
        row[vector.indices] = vector.values
    return rows
