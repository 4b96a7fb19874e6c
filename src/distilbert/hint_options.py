"""Options of SetFit's training, of text-embeddings-inference and of rust-bert, and what does the same: a line each.

`FinetuneArguments` and `distilbert train` tell the first, `distilbert serve` the second, `load` and tasks the third.
The tables are also those of docs/migration.md. A name that works here as it stands is in none of them.
"""

from collections.abc import Mapping

_LOG = "leave it out: losses and scores are printed, and drawn in report.html"
_LINEAR = "leave it out: the head is a linear one, fitted to its optimum"
_PAIRS = "leave it out: each step compares all texts of its batch"
_BEST = "eval=…: the weights with the best score on these examples are written"
_FOLDER = "model, the first argument of `load`, is a folder or a name on the hub with all its files"
_TOKENIZER = "leave it out: tokenizer_config.json and vocab.txt of the folder say it"

# of its Trainer, TrainingArguments and SetFitModel.from_pretrained; few_shot trains as SetFit does
SETFIT_OPTIONS: Mapping[str, str] = {
    "args": "its options are those of FinetuneArguments",
    "body_learning_rate": "learning_rate=…",
    "callbacks": _LOG,
    "column_mapping": "columns=…: which column is the text, which the label",
    "distance_metric": _PAIRS,
    "end_to_end": "leave few_shot out: encoder and head are then trained together",
    "eval_dataset": "eval='FILE', or a share of the training examples: eval='0.2'",
    "eval_delay": "leave it out: scores are cheap, and the best weights are kept",
    "eval_max_steps": "leave it out: all examples of eval=… are scored",
    "eval_strategy": "eval_steps=… for steps; left out, once an epoch",
    "evaluation_strategy": "eval_steps=… for steps; left out, once an epoch",
    "greater_is_better": "leave it out: best_by=… knows which way its metric goes",
    "head_learning_rate": _LINEAR,
    "head_params": _LINEAR,
    "l2_weight": "weight_decay=…",
    "load_best_model_at_end": _BEST,
    "logging_dir": _LOG,
    "logging_first_step": _LOG,
    "logging_steps": _LOG,
    "logging_strategy": _LOG,
    "loss": _PAIRS,
    "loss_class": _PAIRS,
    "margin": _PAIRS,
    "metric": "best_by=…, such as f1_macro; `distilbert evaluate` prints all metrics",
    "metric_for_best_model": "best_by=…, such as f1_macro",
    "metric_kwargs": "best_by=…, such as f1_macro or f1_micro",
    "model_init": "model=…, and seed=… for a fresh head",
    "multi_target_strategy": "head_only, with problem='multi-label'",
    "num_epochs": "epochs=…",
    "num_iterations": "epochs=… or max_steps=…",
    "output_dir": "out=…",
    "pretrained_model_name_or_path": "model=…",
    "report_to": _LOG,
    "resume_download": "leave it out: a download that was broken off goes on",
    "run_name": _LOG,
    "samples_per_label": _PAIRS,
    "sampling_strategy": _PAIRS,
    "save_strategy": "save_steps=… for steps; left out, at evaluations",
    "save_total_limit": "leave it out: the last checkpoint is kept, until the run is done",
    "show_progress_bar": "leave it out: there is a bar where there is a terminal",
    "train_dataset": "train='FILE': .csv, .tsv, .jsonl or .parquet",
    "trial": "leave it out: there is no search of hyperparameters",
    "use_amp": "precision='bfloat16' or 'float32'",
    "use_differentiable_head": "leave few_shot out: encoder and head are then trained together",
    "warmup_proportion": "warmup=…",
}

# of its models' predict, predict_proba and encode
SETFIT_ARGUMENTS: Mapping[str, str] = {
    "as_numpy": "leave it out: vectors are NumPy arrays; [result.score for result in results] are scores",
    "use_labels": "each result has its label; config.labels.index(label) is its number",
}

# of `text-embeddings-router`
TEI_OPTIONS: Mapping[str, str] = {
    "cors_allow_origin": "cors=…, origins separated by commas",
    "dense_path": "leave it out: the folder's modules.json says its dense layers",
    "device_id": "leave it out: the server computes on the CPU",
    "disable_spans": "leave it out: the log has no spans",
    "dtype": "precision='float32' or 'int8'",
    "hf_api_token": "HF_TOKEN, in the environment",
    "hf_token": "HF_TOKEN, in the environment",
    "hostname": "host=…; left out, this machine alone can call it",
    "huggingface_hub_cache": "HF_HUB_CACHE, in the environment",
    "json_output": "leave it out: each line of the log is JSON",
    "max_batch_requests": "leave it out: max_batch_tokens=… and max_run_ms=… bound a batch",
    "max_client_batch_size": "max_texts=…",
    "max_concurrent_requests": "max_concurrent=…",
    "model_id": "the first argument: distilbert serve MODEL",
    "otlp_endpoint": "OTEL_EXPORTER_OTLP_ENDPOINT, in the environment, with the extra traces",
    "otlp_service_name": "OTEL_SERVICE_NAME, in the environment, with the extra traces",
    "payload_limit": "max_bytes=…",
    "pooling": "leave it out: 1_Pooling/config.json of the folder says it",
    "prometheus_port": "leave it out: /metrics is at the server's own port",
    "revision": "the folder of that revision: `distilbert convert NAME OUT --revision REVISION` writes it",
    "served_model_name": "NAME=MODEL, the first argument; aliases=… for other names of it",
    "tokenization_workers": "threads=…, for all that is computed",
    "uds_path": "leave it out: the models run in the server's own process",
}

# of the configs of its pipelines, and of their `predict`
RUST_BERT_ARGUMENTS: Mapping[str, str] = {
    "add_prefix_space": _TOKENIZER,
    "config_resource": _FOLDER,
    "consolidate_sub_tokens": "aggregation='simple' for true, 'none' for false, at the call",
    "dense_config_resource": _FOLDER,
    "dense_weights_resource": _FOLDER,
    "kind": "precision='float32' or 'int8', at `load`",
    "label_aggregation_function": "aggregation='first', 'average' or 'max', at the call",
    "lower_case": _TOKENIZER,
    "mask_token": "leave it out: the text has [MASK], or what the folder's tokenizer calls its mask",
    "merges_resource": "leave it out: a vocabulary of word pieces has no merges",
    "model_resource": _FOLDER + "; `distilbert convert` reads rust_model.ot",
    "model_type": "leave it out: config.json of the folder says it",
    "modules_config_resource": _FOLDER,
    "pooling_config_resource": _FOLDER,
    "qa_inputs": "question and context, the first two arguments of the call",
    "return_special": "leave it out: special tokens have no entities",
    "sentence_bert_config_resource": _FOLDER,
    "strip_accents": _TOKENIZER,
    "template": "hypothesis_template=…, at the call",
    "tokenizer_config_resource": _FOLDER,
    "tokenizer_merges_resource": "leave it out: a vocabulary of word pieces has no merges",
    "tokenizer_vocab_resource": _FOLDER,
    "transformer_config_resource": _FOLDER,
    "transformer_type": "leave it out: config.json of the folder says it",
    "transformer_weights_resource": _FOLDER + "; `distilbert convert` reads rust_model.ot",
    "vocab_resource": _FOLDER,
}

# command -> what it tells of options that it does not have
COMMAND_OPTIONS: Mapping[str, Mapping[str, str]] = {"serve": TEI_OPTIONS, "train": SETFIT_OPTIONS}
