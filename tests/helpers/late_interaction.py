"""A small seeded folder for late interaction, as sentence-transformers' MultiVectorEncoder writes it."""

from pathlib import Path

from conftest import Maker
from distilbert.folder.checkpoint import Head
from helpers.json_files import write

BASE = "sentence_transformers.base.modules"


def late_interaction_folder(make_checkpoint: Maker) -> Path:
    """An encoder, a mask that skips punctuation, vectors of length 1; queries of 12 tokens."""
    folder = make_checkpoint(Head.NONE, max_position_embeddings=64)
    kinds = {"": f"{BASE}.Transformer", "1_Mask": "sentence_transformers.multi_vector_encoder.modules.MultiVectorMask",
             "2_Normalize": f"{BASE}.Normalize"}  # fmt: skip
    modules = [{"idx": i, "name": str(i), "path": path, "type": kind} for i, (path, kind) in enumerate(kinds.items())]
    write(folder / "modules.json", modules)
    write(folder / "1_Mask/config.json", {"skiplist_words": [".", ",", "!", "?"]})
    write(folder / "2_Normalize/config.json", {"module_input_name": "token_embeddings"})
    expansion = {"strategy": "fixed", "length": 12}
    write(folder / "sentence_bert_config.json", {"query_expansion": expansion, "document_length": 20})
    about = {"model_type": "MultiVectorEncoder", "prompts": {"query": "find ", "document": "read "}}
    write(folder / "config_sentence_transformers.json", about)
    return folder
