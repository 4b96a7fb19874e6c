"""Methods, attributes, fields of results and classes of other libraries, and what does the same here: a line each."""

from collections.abc import Mapping

from .hint_arguments import BATCH, DEVICE_AT_LOAD, NO_WRITING, PRECISION, PROCESSES, READ_ONLY

_TRAIN = "distilbert.train.finetune, or `distilbert train`"
_COMPAT = "distilbert.compat has it under this name"
_TORCH = "distilbert.nn has the model in PyTorch"
_ADAPTERS = "adapters are merged into the weights beforehand: merge_and_unload() of PEFT"
_CLASSES = "from distilbert.nn import …, in PyTorch; or distilbert.load(…) without"
_NAMED = "a name on the hub, the first argument of `load`, brings config, vocabulary and weights"
_NO_CONFIG = "distilbert.load(model, device=…) reads all else from the folder"
_MEASURE = "task.similarity(a, b) measures as the folder says"

# methods and attributes of a task ---------------------------------------------------------------------

TRANSFORMERS_ATTRIBUTES: Mapping[str, str] = {
    "device": "`load` says it: device='cpu', 'cuda', 'mps' or 'auto'",
    "feature_extractor": "tokenizer",
    "forward": "logits(texts)",
    "group_entities": "aggregation='simple', at the call",
    "postprocess": "logits(texts) gives the numbers before it",
    "predict": "call the task itself: task(texts)",
    "preprocess": "tokenizer.encode_batch(texts)",
    "push_to_hub": "huggingface-cli upload, of the model's folder",
    "save_pretrained": "the folder itself is the model (task.model.folder); " + READ_ONLY,
    "transform": "call the task itself: task(texts)",
}

SENTENCE_TRANSFORMERS_ATTRIBUTES: Mapping[str, str] = {
    "add_adapter": _ADAPTERS,
    "decode": "tokens(vector), of a SparseEncoder",
    "encode": "call the task itself: task(texts); " + _COMPAT,
    "encode_document": "task(texts, prompt_name='document'); " + _COMPAT,
    "encode_multi_process": PROCESSES,
    "encode_query": "task(texts, prompt_name='query'); " + _COMPAT,
    "eval": "leave it out: a task only runs",
    "evaluate": "distilbert.evaluation, or `distilbert evaluate`",
    "fit": _TRAIN,
    "get_embedding_dimension": "dim",
    "get_max_seq_length": "model.max_length",
    "get_sentence_embedding_dimension": "dim",
    "half": PRECISION,
    "load_adapter": _ADAPTERS,
    "max_length": "model.max_length",
    "max_seq_length": "model.max_length is the longest text, as the folder says it (max_seq_length in"
    " sentence_bert_config.json); compat.SentenceTransformer lets you set it",
    "num_labels": "config.num_labels",
    "old_fit": _TRAIN,
    "rank": "call the task itself: task(query, documents); " + _COMPAT,
    "save": "the folder itself is the model (task.model.folder); " + READ_ONLY,
    "save_to_hub": "huggingface-cli upload, of the model's folder",
    "similarity_fn_name": "sentence.similarity",
    "similarity_pairwise": "similarity(a, b).diagonal()",
    "smart_batching_collate": BATCH,
    "start_multi_process_pool": PROCESSES,
    "stop_multi_process_pool": PROCESSES,
    "to": DEVICE_AT_LOAD,
    "tokenize": "tokenizer.encode_batch(texts)",
    "truncate_dim": "truncate_dim=…, at the call",
    "truncate_embeddings": "truncate_dim=…, at the call",
}

FASTEMBED_ATTRIBUTES: Mapping[str, str] = {
    "add_custom_model": "leave it out: `load` takes any folder",
    "download_model": "distilbert.resolve(name) gives the folder of a model on the hub",
    "embed": "stream(texts) gives one vector after the other; " + _COMPAT,
    "embedding_size": "dim",
    "get_embedding_size": "dim",
    "list_supported_models": "any DistilBERT folder or name on the hub is one",
    "passage_embed": "task(texts, prompt_name='document'); " + _COMPAT,
    "query_embed": "task(texts, prompt_name='query'); " + _COMPAT,
    "rerank": "call the task itself: task(query, documents)",
    "rerank_pairs": "logits(query, documents); compat.CrossEncoder has predict(pairs)",
    "token_count": "len(tokenizer.encode(text))",
}

SETFIT_ATTRIBUTES: Mapping[str, str] = {
    "freeze": "`distilbert train --head-only` leaves the encoder as it is",
    "has_differentiable_head": "`distilbert info` says which layers the head has",
    "model_body": "distilbert.load(folder, 'feature-extraction') gives the encoder's vectors",
    "model_head": "config.labels has its classes; its weights are in model.safetensors",
    "multi_target_strategy": "config.problem_type",
    "predict_proba": "task(texts, top_k=None): all labels with their scores",
    "unfreeze": "`distilbert train` without --head-only trains the encoder too",
}

RUST_BERT_ATTRIBUTES: Mapping[str, str] = {
    "encode_as_tensor": "call the task itself: task(texts); torch.from_numpy(vectors) makes a tensor of them",
    "encode_with_attention": "distilbert.nn gives attentions",
    "get_tokenizer": "tokenizer",
    "get_tokenizer_mut": "tokenizer; it cannot be changed",
    "predict_full_entities": "aggregation='simple', at the call",
    "predict_multilabel": "threshold=…, or multi_label=True for zero-shot classification, at the call",
    "set_tokenizer_truncation": "long_text='truncate', 'window' or 'error', at the call",
    "with_device": DEVICE_AT_LOAD,
}

# PyTorch's, scikit-learn's, Flair's and spaCy's
OTHER_ATTRIBUTES: Mapping[str, str] = {
    "add_pipe": "distilbert.adapters.spacy has the components of a pipeline",
    "bfloat16": PRECISION,
    "classes_": "config.labels",
    "classify": "call the task itself: task(texts)",
    "compile": "leave it out: the graph is optimised when the model is opened",
    "cpu": DEVICE_AT_LOAD,
    "cuda": DEVICE_AT_LOAD,
    "decision_function": "logits(texts)",
    "embed_documents": "distilbert.adapters.langchain has it under this name",
    "embed_query": "distilbert.adapters.langchain has it under this name",
    "embedding_length": "dim",
    "explain": "distilbert.explain.explain(task, text)",
    "fit_transform": "distilbert.sklearn.DistilBertEmbedder is a step of a pipeline",
    "from_pretrained": "distilbert.load(model)",
    "from_disk": "distilbert.load(folder)",
    "generate": NO_WRITING,
    "id2label": "config.labels[index]",
    "label2id": "config.labels.index(label)",
    "label_dictionary": "config.labels",
    "labels": "config.labels",
    "load_state_dict": _TORCH,
    "named_parameters": _TORCH,
    "parameters": _TORCH,
    "pipe": "stream(texts)",
    "state_dict": _TORCH,
    "to_disk": "the folder itself is the model (task.model.folder)",
    "train": _TRAIN,
    "vocab": "tokenizer",
}

# of a tokenizer, of what it makes, and of a config ------------------------------------------------------

TOKENIZER_ATTRIBUTES: Mapping[str, str] = {
    "batch_decode": "decode(ids), of each",
    "batch_encode_plus": "encode_batch(texts)",
    "convert_ids_to_tokens": "token(id), of each",
    "convert_tokens_to_ids": "token_id(token), of each",
    "encode_plus": "encode(text)",
    "from_pretrained": "from_folder(folder)",
    "get_vocab": "backend.get_vocab()",
    "id_to_token": "token(id)",
    "model_max_length": "max_length",
    "pad": "leave it out: texts are not padded",
    "padding_side": "leave it out: texts are not padded",
    "save_pretrained": "save(path)",
    "save_vocabulary": "save(path)",
    "token_to_id": "token_id(token)",
    "tokenize": "[token(id) for id in encode(text).ids]",
    "truncation_side": "cut_left",
    "vocab": "backend.get_vocab()",
}

ENCODING_ATTRIBUTES: Mapping[str, str] = {
    "attention_mask": "there is no padding: all tokens count",
    "input_ids": "ids",
    "offset_mapping": "offsets",
    "token_type_ids": "sequence_ids",
    "tokens": "[tokenizer.token(id) for id in encoding.ids]",
}

CONFIG_ATTRIBUTES: Mapping[str, str] = {
    "from_json_file": "from_file(path)",
    "from_pretrained": "from_file(folder / 'config.json')",
    "hidden_act": "activation",
    "hidden_size": "dim",
    "intermediate_size": "hidden_dim",
    "max_seq_length": "max_position_embeddings; a task's model.max_length is what it reads",
    "num_attention_heads": "n_heads",
    "num_hidden_layers": "n_layers",
}

# fields of a result ---------------------------------------------------------------------------------

RESULT_FIELDS: Mapping[str, str] = {
    "answer": "text",
    "best": "result[0], where there are several",
    "confidence": "score",
    "corpus_id": "index",
    "end_char": "end",
    "entity": "label",
    "entity_group": "label",
    "label_": "label",
    "label_id": "config.labels.index(result.label)",
    "labels": "there is one result a label, best first",
    "logits": "task.logits(texts)",
    "offset": "start and end",
    "predictions": "there is one result a text",
    "probability": "score",
    "relevance_score": "score",
    "scores": "there is one result a label, best first",
    "sequence": "text",
    "start_char": "start",
    "tag": "label",
    "to_json": "json.dumps(result.to_dict())",
    "token_str": "token",
    "value": "label",
    "word": "text",
}

# names in the package ---------------------------------------------------------------------------------

# of rust_bert::distilbert and rust_bert::pipelines
RUST_BERT_NAMES: Mapping[str, str] = {
    "DistilBertConfigResources": _NAMED,
    "DistilBertForQuestionAnswering": _CLASSES,
    "DistilBertForSentenceEmbeddings": _CLASSES,
    "DistilBertForTokenClassification": _CLASSES,
    "DistilBertModel": _CLASSES,
    "DistilBertModelClassifier": _CLASSES,
    "DistilBertModelMaskedLM": _CLASSES,
    "DistilBertModelResources": _NAMED,
    "DistilBertVocabResources": _NAMED,
    "LabelAggregationOption": "aggregation='first', 'average' or 'max', at a TokenClassifier's call",
    "LocalResource": "the path of a folder, the first argument of `load`",
    "MaskedLanguageConfig": _NO_CONFIG,
    "MaskedLanguageModel": "distilbert.load(model, 'fill-mask')",
    "NERModel": "distilbert.load(model, 'token-classification')",
    "POSModel": "distilbert.load(model, 'token-classification')",
    "QaInput": "question and context, the first two arguments of a QuestionAnswerer's call",
    "QuestionAnsweringConfig": _NO_CONFIG,
    "QuestionAnsweringModel": "distilbert.load(model, 'question-answering')",
    "RemoteResource": "a name on the hub, the first argument of `load`",
    "RustBertError": "distilbert.DistilBertError, and those of distilbert.errors",
    "SentenceEmbeddingsBuilder": "distilbert.load(model, 'feature-extraction')",
    "SentenceEmbeddingsConfig": _NO_CONFIG,
    "SentenceEmbeddingsModel": "distilbert.load(model, 'feature-extraction')",
    "SentimentModel": "distilbert.load(model, 'text-classification')",
    "SequenceClassificationConfig": _NO_CONFIG,
    "SequenceClassificationModel": "distilbert.load(model, 'text-classification')",
    "TokenClassificationConfig": _NO_CONFIG,
    "TokenClassificationModel": "distilbert.load(model, 'token-classification')",
    "ZeroShotClassificationConfig": _NO_CONFIG,
    "ZeroShotClassificationModel": "distilbert.load(model, 'zero-shot-classification')",
}

OTHER_NAMES: Mapping[str, str] = {
    "AutoModel": "distilbert.nn.DistilBertModel.from_pretrained(…), or distilbert.load(…) without torch",
    "AutoConfig": "distilbert.DistilBertConfig.from_file(folder / 'config.json')",
    "AutoModelForCausalLM": NO_WRITING,
    "AutoModelForMaskedLM": "distilbert.load(model, 'fill-mask')",
    "AutoModelForMultipleChoice": "distilbert.load(model, 'multiple-choice')",
    "AutoModelForQuestionAnswering": "distilbert.load(model, 'question-answering')",
    "AutoModelForSeq2SeqLM": NO_WRITING,
    "AutoModelForSequenceClassification": "distilbert.load(model, 'text-classification')",
    "AutoModelForTokenClassification": "distilbert.load(model, 'token-classification')",
    "AutoTokenizer": "distilbert.BertTokenizer.from_folder(folder)",
    "CrossEncoder": "from distilbert.compat import CrossEncoder, or distilbert.load(model, 'text-ranking')",
    "DistilBertForMaskedLM": _CLASSES,
    "DistilBertForMultipleChoice": _CLASSES,
    "DistilBertForQuestionAnswering": _CLASSES,
    "DistilBertForSequenceClassification": _CLASSES,
    "DistilBertForTokenClassification": _CLASSES,
    "DistilBertModel": _CLASSES,
    "DistilBertTokenizer": "distilbert.BertTokenizer.from_folder(folder)",
    "DistilBertTokenizerFast": "distilbert.BertTokenizer.from_folder(folder)",
    "InputExample": "texts and pairs are strings and tuples; training reads tables: docs/from_table.md",
    "KeyDataset": "task.stream(row['text'] for row in rows)",
    "LateInteractionTextEmbedding": "distilbert.load(model, 'late-interaction')",
    "MultiVectorEncoder": "distilbert.load(model, 'late-interaction')",
    "Pipeline": "from distilbert.compat import Pipeline",
    "SentenceTransformer": "from distilbert.compat import SentenceTransformer, or distilbert.load(model)",
    "SentenceTransformerTrainer": _TRAIN,
    "SequenceTagger": "distilbert.load(model, 'token-classification')",
    "SetFitModel": "`distilbert train --few-shot`, and distilbert.load of what it writes",
    "SetFitTrainer": "`distilbert train --few-shot`",
    "SparseTextEmbedding": "distilbert.load(model, 'sparse-encoding')",
    "TextClassificationPipeline": "from distilbert.compat import pipeline",
    "TextCrossEncoder": "from distilbert.compat import CrossEncoder, or distilbert.load(model, 'text-ranking')",
    "TextEmbedding": "from distilbert.compat import TextEmbedding, or distilbert.load(model)",
    "Trainer": _TRAIN,
    "TrainingArguments": "distilbert.train.FinetuneArguments, for distilbert.train.finetune",
    "community_detection": "from distilbert.search import community_detection",
    "cos_sim": _MEASURE,
    "dot_score": _MEASURE,
    "encode": "distilbert.load(model, 'feature-extraction')(texts)",
    "from_pretrained": "distilbert.load(model)",
    "load_model": "distilbert.load(model)",
    "paraphrase_mining": "from distilbert.search import paraphrase_mining; it takes vectors",
    "pipeline": "from distilbert.compat import pipeline, or distilbert.load(model, task)",
    "pytorch_cos_sim": _MEASURE,
    "quantize_embeddings": "output='int8', 'uint8', 'binary' or 'ubinary', at the call",
    "semantic_search": "from distilbert.search import semantic_search, or TextIndex for texts",
    "util": "distilbert.search has semantic_search, paraphrase_mining and community_detection",
}

NAMES = {**RUST_BERT_NAMES, **OTHER_NAMES}
ATTRIBUTES = {
    **OTHER_ATTRIBUTES,
    **RUST_BERT_ATTRIBUTES,
    **SETFIT_ATTRIBUTES,
    **FASTEMBED_ATTRIBUTES,
    **SENTENCE_TRANSFORMERS_ATTRIBUTES,
    **TRANSFORMERS_ATTRIBUTES,
}
