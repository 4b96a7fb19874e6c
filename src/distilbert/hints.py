"""What people of other libraries write, and what does the same here: one line a name, told where the name fails.

The tables are also those of docs/migration.md. A name that works here as it stands, in every task, is in none of them.
"""

import dataclasses
import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from .errors import InputError, UnknownOptionError, name_list, short_repr

Function = TypeVar("Function", bound=Callable[..., Any])

_BATCH = "texts are batched by tokens, sorted by length: max_batch_tokens=…, at `load`"
_LONG = "long_text='truncate', 'window' or 'error'"
_DEVICE_AT_LOAD = "device='cpu', 'cuda', 'mps' or 'auto', at `load`"
_PRECISION = "precision='float32' or 'int8', at `load`"
_NO_CODE = "leave it out: no code of a model folder is ever run"
_CACHE = "cache_dir=…, at `load`"
_NUMPY = "leave it out: vectors are NumPy arrays; torch.from_numpy(vectors) makes a tensor of them"
_STREAM = "progress=True, at `load`; or stream(texts) within a bar of your own"
_PROCESSES = "leave it out: one process uses all cores (threads=…, at `load`); a task can be pickled for your own pool"
_TOKENIZER = "leave it out: the tokenizer is the folder's own"
_WEIGHTS = "leave it out: config and weights are the folder's"
_ONNX = "leave it out: the CPU runs ONNX Runtime, other devices PyTorch"
_READ_ONLY = "a model's files are written by `distilbert train`, `convert`, `quantize` and `export onnx`"
_TRAIN = "distilbert.train.finetune, or `distilbert train`"
_COMPAT = "distilbert.compat has it under this name"
_NO_PADDING = "leave it out: texts are not padded"

# arguments, of `load` or of a task's call ------------------------------------------------------------

TRANSFORMERS_ARGUMENTS: Mapping[str, str] = {
    "aggregation_strategy": "aggregation='none', 'simple', 'first', 'average' or 'max', at the call",
    "batch_size": _BATCH,
    "candidate_labels": "labels=[…], the second argument of the call",
    "config": _WEIGHTS,
    "delimiter": "from_words(texts) reads texts that are split into words",
    "device_map": _DEVICE_AT_LOAD,
    "dtype": _PRECISION,
    "feature_extractor": _TOKENIZER,
    "framework": _ONNX,
    "function_to_apply": "function='softmax', 'sigmoid' or 'none', at the call",
    "grouped_entities": "aggregation='simple' for True, 'none' for False, at the call",
    "handle_impossible_answer": "no_answer=True, at the call",
    "ignore_subwords": "aggregation='first' for True, 'simple' for False, at the call",
    "image_processor": _TOKENIZER,
    "inputs": "texts, the first argument of the call",
    "is_split_into_words": "from_words(texts) reads texts that are split into words",
    "max_length": "a text's longest length is the folder's; what is longer: " + _LONG,
    "model_kwargs": f"{_PRECISION}; revision, token and cache_dir are its own arguments",
    "multi_class": "multi_label=True, at the call",
    "num_workers": _PROCESSES,
    "padding": _NO_PADDING,
    "pipeline_class": "leave it out: the task says which class it is",
    "processor": _TOKENIZER,
    "return_all_scores": "top_k=None for all labels, at the call",
    "return_tensors": "logits(texts) gives NumPy arrays",
    "sequences": "texts, the first argument of the call",
    "tokenize_kwargs": _LONG,
    "tokenizer": _TOKENIZER,
    "tokenizer_kwargs": _LONG,
    "top_k": "results are sorted: take result[:k]",
    "topk": "top_k=…, at the call",
    "torch_dtype": _PRECISION,
    "truncation": _LONG,
    "trust_remote_code": _NO_CODE,
    "use_auth_token": "token=…, at `load`",
    "use_fast": _TOKENIZER,
    "video_processor": _TOKENIZER,
}

SENTENCE_TRANSFORMERS_ARGUMENTS: Mapping[str, str] = {
    "activation_fn": "`logits` gives the numbers before the folder's activation",
    "apply_softmax": "text-classification gives the softmax: function='softmax'",
    "backend": _ONNX,
    "batch_size": _BATCH,
    "cache_folder": _CACHE,
    "chunk_size": _PROCESSES,
    "config_kwargs": _WEIGHTS,
    "convert_to_numpy": _NUMPY,
    "convert_to_sparse_tensor": "a SparseVector has indices and values, NumPy arrays",
    "convert_to_tensor": _NUMPY,
    "default_prompt_name": "prompt_name=…, at the call",
    "inputs": "texts, the first argument of the call",
    "keep_in_fp32_modules": _PRECISION,
    "max_active_dims": "top_k=…, at the call",
    "max_length": "a text's longest length is the folder's; what is longer: " + _LONG,
    "model_card_data": _READ_ONLY,
    "model_kwargs": _PRECISION,
    "model_name_or_path": "model, the first argument of `load`",
    "modules": _WEIGHTS,
    "normalize_embeddings": "normalize=True, at the call",
    "num_labels": _WEIGHTS,
    "output_value": "`logits` gives the tokens' vectors; the call gives the texts'",
    "pool": _PROCESSES,
    "processor_kwargs": _LONG,
    "prompts": "prompt='…', at the call",
    "return_documents": "leave it out: each Ranked has its text",
    "save_to_cpu": _NUMPY,
    "sentences": "texts, the first argument of the call",
    "show_progress_bar": _STREAM,
    "similarity_fn_name": "leave it out: `similarity` measures as the folder says",
    "trust_remote_code": _NO_CODE,
    "use_auth_token": "token=…, at `load`",
}

FASTEMBED_ARGUMENTS: Mapping[str, str] = {
    "batch_size": _BATCH,
    "cuda": "device='cuda' (with the extra torch), at `load`",
    "device_ids": "device='cuda' (with the extra torch), at `load`; one device a model",
    "documents": "texts, the first argument of the call",
    "lazy_load": "leave it out: weights are mapped from their file, and read as they are needed",
    "model_name": "model, the first argument of `load`",
    "parallel": _PROCESSES,
    "providers": _DEVICE_AT_LOAD,
    "specific_model_path": "model, the first argument of `load`, may be a folder",
}

# methods and attributes of a task ---------------------------------------------------------------------

TRANSFORMERS_ATTRIBUTES: Mapping[str, str] = {
    "device": "`load` says it: device='cpu', 'cuda', 'mps' or 'auto'",
    "feature_extractor": "tokenizer",
    "forward": "logits(texts)",
    "postprocess": "logits(texts) gives the numbers before it",
    "predict": "call the task itself: task(texts)",
    "preprocess": "tokenizer.encode_batch(texts)",
    "push_to_hub": "huggingface-cli upload, of the model's folder",
    "save_pretrained": "the folder itself is the model (task.model.folder); " + _READ_ONLY,
    "transform": "call the task itself: task(texts)",
}

SENTENCE_TRANSFORMERS_ATTRIBUTES: Mapping[str, str] = {
    "encode": "call the task itself: task(texts); " + _COMPAT,
    "encode_document": "task(texts, prompt_name='document'); " + _COMPAT,
    "encode_multi_process": _PROCESSES,
    "encode_query": "task(texts, prompt_name='query'); " + _COMPAT,
    "eval": "leave it out: a task only runs",
    "evaluate": "distilbert.evaluation, or `distilbert evaluate`",
    "fit": _TRAIN,
    "get_embedding_dimension": "dim",
    "get_max_seq_length": "model.max_length",
    "get_sentence_embedding_dimension": "dim",
    "half": _PRECISION,
    "max_seq_length": "model.max_length is the longest text, as the folder says it (max_seq_length in"
    " sentence_bert_config.json); compat.SentenceTransformer lets you set it",
    "rank": "call the task itself: task(query, documents); " + _COMPAT,
    "save": "the folder itself is the model (task.model.folder); " + _READ_ONLY,
    "similarity_fn_name": "sentence.similarity",
    "similarity_pairwise": "similarity(a, b).diagonal()",
    "start_multi_process_pool": _PROCESSES,
    "to": _DEVICE_AT_LOAD,
    "tokenize": "tokenizer.encode_batch(texts)",
    "truncate_dim": "truncate_dim=…, at the call",
}

FASTEMBED_ATTRIBUTES: Mapping[str, str] = {
    "embed": "stream(texts) gives one vector after the other; " + _COMPAT,
    "embedding_size": "dim",
    "list_supported_models": "any DistilBERT folder or name on the hub is one",
    "passage_embed": "task(texts, prompt_name='document'); " + _COMPAT,
    "query_embed": "task(texts, prompt_name='query'); " + _COMPAT,
    "rerank": "call the task itself: task(query, documents)",
    "rerank_pairs": "logits(query, documents); compat.CrossEncoder has predict(pairs)",
    "token_count": "len(tokenizer.encode(text))",
}

# other libraries' names for these, and for attributes of their models
OTHER_ATTRIBUTES: Mapping[str, str] = {
    "classify": "call the task itself: task(texts)",
    "embed_documents": "distilbert.adapters.langchain has it under this name",
    "embed_query": "distilbert.adapters.langchain has it under this name",
    "explain": "distilbert.explain.explain(task, text)",
    "id2label": "config.labels[index]",
    "labels": "config.labels",
    "predict_proba": "task(texts, top_k=None): all labels with their scores",
    "train": _TRAIN,
}

# names in the package ---------------------------------------------------------------------------------

NAMES: Mapping[str, str] = {
    "AutoModel": "distilbert.nn.DistilBertModel.from_pretrained(…), or distilbert.load(…) without torch",
    "AutoModelForSequenceClassification": "distilbert.load(model, 'text-classification')",
    "AutoTokenizer": "distilbert.BertTokenizer.from_folder(folder)",
    "CrossEncoder": "from distilbert.compat import CrossEncoder, or distilbert.load(model, 'text-ranking')",
    "SentenceTransformer": "from distilbert.compat import SentenceTransformer, or distilbert.load(model)",
    "SparseTextEmbedding": "distilbert.load(model, 'sparse-encoding')",
    "TextCrossEncoder": "from distilbert.compat import CrossEncoder, or distilbert.load(model, 'text-ranking')",
    "TextEmbedding": "from distilbert.compat import TextEmbedding, or distilbert.load(model)",
    "community_detection": "from distilbert.search import community_detection",
    "paraphrase_mining": "from distilbert.search import paraphrase_mining; it takes vectors",
    "pipeline": "from distilbert.compat import pipeline, or distilbert.load(model, task)",
    "semantic_search": "from distilbert.search import semantic_search, or TextIndex for texts",
    "util": "distilbert.search has semantic_search, paraphrase_mining and community_detection",
}

# values ------------------------------------------------------------------------------------------------

VALUES: Mapping[tuple[str, object], str] = {
    ("aggregation", "AVERAGE"): "aggregation='average'",
    ("device", -1): "device='cpu'",
    ("device", 0): "device='cuda'",
    ("device", "cuda:0"): "device='cuda'",
    ("function", "SIGMOID"): "function='sigmoid'",
    ("function", "SOFTMAX"): "function='softmax'",
    ("function", "default"): "leave it out",
    ("long_text", False): "long_text='error'",
    ("long_text", True): "long_text='truncate'",
    ("output", "float16"): "vectors.astype('float16')",
    ("precision", "bfloat16"): "the CPU runs float32 or int8",
    ("precision", "binary"): "output='binary', at the call",
    ("precision", "float16"): "the CPU runs float32 or int8",
    ("precision", "fp16"): "the CPU runs float32 or int8",
    ("precision", "fp32"): "precision='float32'",
    ("precision", "ubinary"): "output='ubinary', at the call",
    ("precision", "uint8"): "output='uint8', at the call",
    ("task", "conversational"): "DistilBERT reads text and writes none",
    ("task", "summarization"): "DistilBERT reads text and writes none",
    ("task", "text-generation"): "DistilBERT reads text and writes none",
    ("task", "text2text-generation"): "DistilBERT reads text and writes none",
    ("task", "translation"): "DistilBERT reads text and writes none",
}

# the peers' own names of our tasks, and the command line's
TASK_ALIASES: Mapping[str, str] = {
    "answer": "question-answering",
    "choose": "multiple-choice",
    "classify": "text-classification",
    "colbert": "late-interaction",
    "cross-encoder": "text-ranking",
    "embed": "feature-extraction",
    "embedding": "feature-extraction",
    "embeddings": "feature-extraction",
    "masked-lm": "fill-mask",
    "ner": "token-classification",
    "qa": "question-answering",
    "rerank": "text-ranking",
    "reranking": "text-ranking",
    "sentence-embedding": "feature-extraction",
    "sentiment-analysis": "text-classification",
    "sequence-classification": "text-classification",
    "sparse": "sparse-encoding",
    "splade": "sparse-encoding",
    "zero-shot": "zero-shot-classification",
}

ARGUMENTS = {**FASTEMBED_ARGUMENTS, **SENTENCE_TRANSFORMERS_ARGUMENTS, **TRANSFORMERS_ARGUMENTS}
ATTRIBUTES = {
    **OTHER_ATTRIBUTES,
    **FASTEMBED_ATTRIBUTES,
    **SENTENCE_TRANSFORMERS_ATTRIBUTES,
    **TRANSFORMERS_ATTRIBUTES,
}
_UNEXPECTED = re.compile(r"got an unexpected keyword argument '(\w+)'")


def hinting(function: Function, options: type | None = None) -> Function:
    """The same function, which says more of an argument that it does not have, and of a peer's value that it refuses.

    `options` is the dataclass whose fields its `**options` are. Raises UnknownOptionError for an unknown argument, and
    the function's own InputError with the hint behind it.
    """

    @functools.wraps(function)
    def called(*args: Any, **keywords: Any) -> Any:
        try:
            return function(*args, **keywords)
        except InputError as error:
            given = inspect.signature(function).bind_partial(*args, **keywords).arguments
            given |= given.pop("options", {})
            hints = [hint for each in given.items() if (hint := _value_hint(*each))]
            if not hints:
                raise
            raise InputError(f"{error} ({'; '.join(hints)})") from None
        except TypeError as error:
            found = _UNEXPECTED.search(str(error))
            if found is None or found[1] not in keywords:
                raise
            raise UnknownOptionError(unknown_argument(found[1], _accepted(function, options))) from None

    return called  # type: ignore[return-value]


def _accepted(function: Callable[..., Any], options: type | None) -> list[str]:
    """The names of the arguments that it has."""
    parameters = inspect.signature(function).parameters.values()
    names = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD and each.name != "self"]
    if options is not None and any(each.kind is each.VAR_KEYWORD for each in parameters):
        names += [field.name for field in dataclasses.fields(options)]
    return names


def unknown_argument(name: str, accepted: list[str]) -> str:
    """What to say of an argument that there is not: what does the same here, or a name like it."""
    if name in ARGUMENTS:
        return f"there is no argument {name}: {ARGUMENTS[name]}"
    return f"there is no argument {name}{did_you_mean(name, accepted)}; there are {name_list(accepted, 12)}"


def unknown_attribute(kind: str, name: str, present: Iterable[str] = ()) -> str:
    """The same of an attribute or method of a task."""
    known = f": {ATTRIBUTES[name]}" if name in ATTRIBUTES else did_you_mean(name, present)
    return f"{kind} has no {name}{known}"


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """ " (did you mean …?)" of the name most like it; "" where none is."""
    like = difflib.get_close_matches(name, list(names), n=1)
    return f" (did you mean {like[0]}?)" if like else ""


def _value_hint(name: str, value: object) -> str | None:
    """Of a value of a peer's; whole numbers and truth values are kept apart."""
    for (argument, refused), hint in VALUES.items():
        if argument == name and type(refused) is type(value) and refused == value:
            return f"{name}={short_repr(value)}: {hint}"
    return None
