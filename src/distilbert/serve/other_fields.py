"""Fields that change an answer elsewhere, on another route or server: an error where they would do nothing."""

from collections.abc import Mapping
from typing import Any

_BESIDE = "options stand beside the texts on this route"
_FLOATS = "vectors are float32, as encoding_format says: float or base64"
_HERE = "not for this route; /docs has what is"
_PROMPT = "a prompt of the model is named with prompt_name"
_TEXTS = "only texts are read"

_OPTIONS = """
    add_special_tokens aggregation_strategy candidate_labels dimensions documents encoding_format function_to_apply
    hypothesis_template ignore_labels input_type labels max_length max_tokens max_tokens_per_doc multi_label normalize
    output_dimension prompt_name raw_scores return_all_scores return_documents return_text return_tokens
    skip_special_tokens targets texts top_k top_n truncate truncate_prompt_tokens truncation truncation_direction
    use_activation
"""

# what to say of a field that a route does not have
OTHER: Mapping[str, str] = dict.fromkeys(_OPTIONS.split(), _HERE) | {
    # of the hub's bodies
    "parameters": _BESIDE,
    # Jina's
    "embedding_type": _FLOATS,
    "late_chunking": "each text is read by itself",
    "normalized": "send normalize",
    "return_embeddings": "ask /v1/embeddings for vectors",
    "return_multivector": "ask /v1/multi-vector",
    "task": _PROMPT,
    # Cohere's
    "embedding_types": _FLOATS,
    "images": _TEXTS,
    "rank_fields": "each document is one text, or an object with one",
    # sentence-transformers'
    "normalize_embeddings": "send normalize",
    "pooling": "the model's folder says how tokens are pooled",
    "prompt": _PROMPT,
    "truncate_dim": "send dimensions",
    # Voyage's and Mistral's
    "output_dtype": _FLOATS,
    # vLLM's
    "activation": "send use_activation",
    "embed_dtype": _FLOATS,
    "endianness": "base64 holds little-endian float32",
    "instruction": _PROMPT,
    "messages": "send texts",
    "softmax": "send use_activation",
    "stream": "answers come whole",
    # of others: Infinity, llama.cpp, Vertex
    "embd_normalize": "send normalize",
    "modality": _TEXTS,
    "task_type": _PROMPT,
}
# values that ask for what is done anyway
DONE: Mapping[str, tuple[Any, ...]] = {
    "activation": (True,),
    "add_special_tokens": (True,),
    "embed_dtype": ("float32",),
    "embedding_type": ("float",),
    "embedding_types": (["float"],),
    "encoding_format": ("float",),
    "endianness": ("native", "little"),
    "late_chunking": (False,),
    "modality": ("text",),
    "output_dtype": ("float",),
    "parameters": ({},),
    "rank_fields": (["text"],),
    "return_documents": (False,),
    "return_embeddings": (False,),
    "return_multivector": (False,),
    "return_text": (False,),
    "softmax": (True,),
    "stream": (False,),
    "truncate": (True, "END"),
    "truncate_prompt_tokens": (-1,),
    "truncation": (True,),
    "truncation_direction": ("right", "Right"),
}


def not_here(name: str, value: object) -> str | None:
    """Why a field that a route does not have is an error; None for one that nobody knows, or that asks for nothing."""
    done = any(value == each and type(value) is type(each) for each in DONE.get(name, ()))
    return None if done else OTHER.get(name)
