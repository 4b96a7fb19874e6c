"""Arguments and values of other libraries, and what does the same here, a line each: hints.py tells it.

The tables are also those of docs/migration.md. A name that works here as it stands, in every task, is in none of them.
"""

from collections.abc import Mapping

from .hint_options import RUST_BERT_ARGUMENTS, SETFIT_ARGUMENTS

BATCH = "texts are batched by tokens, sorted by length: max_batch_tokens=…, at `load`"
_LONG = "long_text='truncate', 'window' or 'error'"
DEVICE_AT_LOAD = "device='cpu', 'cuda', 'mps' or 'auto', at `load`"
PRECISION = "precision='float32' or 'int8', at `load`"
_NO_CODE = "leave it out: no code of a model folder is ever run"
_CACHE = "cache_dir=…, at `load`"
_NUMPY = "leave it out: vectors are NumPy arrays; torch.from_numpy(vectors) makes a tensor of them"
_STREAM = "progress=True, at `load`; or stream(texts) within a bar of your own"
PROCESSES = "leave it out: one process uses all cores (threads=…, at `load`); a task can be pickled for your own pool"
_TOKENIZER = "leave it out: the tokenizer is the folder's own"
_WEIGHTS = "leave it out: config and weights are the folder's"
_ONNX = "leave it out: the CPU runs ONNX Runtime, other devices PyTorch"
READ_ONLY = "a model's files are written by `distilbert train`, `convert`, `quantize` and `export onnx`"
NO_WRITING = "DistilBERT reads text and writes none"
_NO_SIGHT = "DistilBERT reads text alone"
_NO_PADDING = "leave it out: texts are not padded"

# arguments, of `load` or of a task's call ------------------------------------------------------------

TRANSFORMERS_ARGUMENTS: Mapping[str, str] = {
    "aggregation_strategy": "aggregation='none', 'simple', 'first', 'average' or 'max', at the call",
    "batch_size": BATCH,
    "candidate_labels": "labels=[…], the second argument of the call",
    "config": _WEIGHTS,
    "delimiter": "from_words(texts) reads texts that are split into words",
    "device_map": DEVICE_AT_LOAD,
    "dtype": PRECISION,
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
    "model_kwargs": f"{PRECISION}; revision, token and cache_dir are its own arguments",
    "multi_class": "multi_label=True, at the call",
    "num_workers": PROCESSES,
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
    "torch_dtype": PRECISION,
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
    "batch_size": BATCH,
    "cache_folder": _CACHE,
    "chunk_size": PROCESSES,
    "config_kwargs": _WEIGHTS,
    "convert_to_numpy": _NUMPY,
    "convert_to_sparse_tensor": "a SparseVector has indices and values, NumPy arrays",
    "convert_to_tensor": _NUMPY,
    "default_prompt_name": "prompt_name=…, at the call",
    "inputs": "texts, the first argument of the call",
    "keep_in_fp32_modules": PRECISION,
    "max_active_dims": "top_k=…, at the call",
    "max_length": "a text's longest length is the folder's; what is longer: " + _LONG,
    "model_card_data": READ_ONLY,
    "model_kwargs": PRECISION,
    "model_name_or_path": "model, the first argument of `load`",
    "modules": _WEIGHTS,
    "normalize_embeddings": "normalize=True, at the call",
    "num_labels": _WEIGHTS,
    "output_value": "`logits` gives the tokens' vectors; the call gives the texts'",
    "pool": PROCESSES,
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
    "batch_size": BATCH,
    "cuda": "device='cuda' (with the extra torch), at `load`",
    "device_ids": "device='cuda' (with the extra torch), at `load`; one device a model",
    "documents": "texts, the first argument of the call",
    "lazy_load": "leave it out: weights are mapped from their file, and read as they are needed",
    "model_name": "model, the first argument of `load`",
    "parallel": PROCESSES,
    "providers": DEVICE_AT_LOAD,
    "specific_model_path": "model, the first argument of `load`, may be a folder",
}

# of Flair, spaCy, of tokenizers and of services for embeddings
OTHER_ARGUMENTS: Mapping[str, str] = {
    "as_tuples": "leave it out: zip(stream(texts), others), for results come in the order of the texts",
    "attn_implementation": "leave it out: attention runs without padding in any case",
    "attention_mask": "texts, the first argument of the call; distilbert.nn takes ids and masks",
    "disable": "task='…', at `load`, says what the model does",
    "encoding_format": "output='float32', 'int8', 'uint8', 'binary' or 'ubinary', at the call",
    "exclude": "task='…', at `load`, says what the model does",
    "export": "leave it out: `load` opens the folder itself, `distilbert export onnx` writes an ONNX file",
    "file_name": "model, the first argument of `load`, is a folder",
    "force_download": "leave it out: a file that has changed on the hub is fetched again",
    "input": "texts, the first argument of the call",
    "input_ids": "texts, the first argument of the call; distilbert.nn takes ids and masks",
    "instruction": "prompt='…', at the call",
    "id2label": _WEIGHTS,
    "is_query": "prompt_name='query' or 'document', at the call",
    "label2id": _WEIGHTS,
    "label_name": "leave it out: each result has its label",
    "load_in_4bit": "`distilbert quantize` makes int8 folders; 4 bits are for word embeddings alone",
    "load_in_8bit": "`distilbert quantize` makes an int8 folder",
    "low_cpu_mem_usage": "leave it out: weights are mapped from their file",
    "max_seq_length": "a text's longest length is the folder's; what is longer: " + _LONG,
    "mini_batch_size": BATCH,
    "n_process": PROCESSES,
    "output_attentions": "distilbert.nn gives attentions",
    "output_hidden_states": "distilbert.nn gives hidden states; `logits` of an embedder the last ones",
    "proxies": "HTTPS_PROXY, in the environment",
    "provider": DEVICE_AT_LOAD,
    "quantization_config": "`distilbert quantize` makes an int8 folder",
    "return_probabilities_for_all_classes": "top_k=None for all labels, at the call",
    "subfolder": "model, the first argument of `load`, may be any folder",
    "top_n": "results are sorted: take result[:n]",
    "use_safetensors": "leave it out: safetensors are read, other files by `distilbert convert`",
    "variant": "leave it out: model.safetensors is read",
    "verbose": _STREAM,
}

# values ------------------------------------------------------------------------------------------------

# the argument and what to give -> the peers' values of it
_VALUES: tuple[tuple[str, str, tuple[object, ...]], ...] = (
    ("aggregation", "aggregation='average'", ("AVERAGE", "mean")),
    ("aggregation", "aggregation='first'", ("FIRST",)),
    ("aggregation", "aggregation='max'", ("MAX",)),
    ("aggregation", "aggregation='none'", ("NONE", False)),
    ("aggregation", "aggregation='simple'", ("SIMPLE", True)),
    ("device", "device='cpu'", (-1,)),
    ("device", "device='cuda'", (0, "cuda:0", "gpu")),
    ("device", "device='cuda'; which one, CUDA_VISIBLE_DEVICES says", (1,)),
    ("device", "leave it out", (None,)),
    ("function", "function='none'", ("NONE", "identity")),
    ("function", "function='sigmoid'", ("SIGMOID",)),
    ("function", "function='softmax'", ("SOFTMAX",)),
    ("function", "leave it out", ("default",)),
    ("long_text", "long_text='error'", (False, "do_not_truncate")),
    ("long_text", "long_text='truncate'", (True, "longest_first", "only_first")),
    ("output", "output='ubinary'", ("bits",)),
    ("output", "output='float32'", ("float",)),
    ("output", "vectors.astype('float16')", ("float16",)),
    ("output", "leave it out", ("sentence_embedding",)),
    ("output", "logits(texts) gives the tokens' vectors", ("token_embeddings",)),
    ("precision", "leave it out", ("auto",)),
    ("precision", "the CPU runs float32 or int8", ("bf16", "bfloat16", "float16", "fp16", "fp8", "half", "int4")),
    ("precision", "output='binary', at the call", ("binary",)),
    ("precision", "precision='float32'", ("fp32",)),
    ("precision", "precision='int8'", ("q8",)),
    ("precision", "output='ubinary', at the call", ("ubinary",)),
    ("precision", "output='uint8', at the call", ("uint8",)),
    ("task", _NO_SIGHT, ("automatic-speech-recognition", "image-classification")),
    ("task", _NO_SIGHT, ("document-question-answering", "table-question-answering")),
    ("task", NO_WRITING, ("conversational", "summarization", "text-generation", "text2text-generation")),
    ("task", NO_WRITING, ("translation", "translation_en_to_fr")),
    ("threads", "leave it out for all cores", (-1, 0, "all")),
    ("top_k", "top_k=None for all", (-1, "all")),
)
# (argument, value) -> what to give instead
VALUES = {(name, value): hint for name, hint, values in _VALUES for value in values}

# the peers' own names of our tasks, and the command line's
_ALIASES = {
    "feature-extraction": "embed embedding embeddings sentence-embedding sts",
    "fill-mask": "masked-language-modeling masked-lm mlm",
    "late-interaction": "colbert multi-vector",
    "multiple-choice": "choose",
    "question-answering": "answer extractive-question-answering qa",
    "sparse-encoding": "sparse splade",
    "text-classification": "classify sentiment sentiment-analysis sequence-classification textcat",
    "text-ranking": "cross-encoder rerank reranking",
    "token-classification": "named-entity-recognition ner pos sequence-tagging",
    "zero-shot-classification": "zero-shot",
}
TASK_ALIASES = {alias: task for task, aliases in _ALIASES.items() for alias in aliases.split()}

ARGUMENTS = {
    **OTHER_ARGUMENTS,
    **RUST_BERT_ARGUMENTS,
    **SETFIT_ARGUMENTS,
    **FASTEMBED_ARGUMENTS,
    **SENTENCE_TRANSFORMERS_ARGUMENTS,
    **TRANSFORMERS_ARGUMENTS,
}
