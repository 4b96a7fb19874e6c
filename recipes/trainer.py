"""The recipes' tasks with transformers' Trainer: the same files, model and settings, so that only the training differs.

    DISTILBERT_DATA=path/to/data python recipes/trainer.py sentiment entities masked_lm answers

Batches are padded and labels laid out as transformers' own examples do it. Like ours, a run keeps the weights
that score best on the dev part, and stops early; both are scored by `distilbert.evaluation.evaluate`.
"""

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers

from common import RESULTS, WORK, encoder, keep, rounded
from distilbert.bench import available_cpus
from distilbert.evaluation import Data, evaluate, read_data
from distilbert.train import FinetuneArguments, parameter_groups

BLOCK = 128  # tokens of a text of masked language modelling, as ours
Features = list[dict[str, Any]]
MODELS = {
    "text-classification": transformers.AutoModelForSequenceClassification,
    "token-classification": transformers.AutoModelForTokenClassification,
    "fill-mask": transformers.AutoModelForMaskedLM,
    "question-answering": transformers.AutoModelForQuestionAnswering,
}
MAIN = {"text-classification": "accuracy", "token-classification": "f1", "fill-mask": "top1_accuracy"}


class Trainer(transformers.Trainer):
    """Scores its model as ours are scored."""

    def __init__(self, task: str, dev: Path | None, **values: Any) -> None:
        super().__init__(**values)
        self.task, self.dev = task, dev

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        assert self.dev is not None
        folder = Path(self.args.output_dir) / "scored"
        self.save_model(str(folder))
        scores = evaluate(folder, self.dev, self.task, resamples=1).scores
        metrics = {"eval_score": scores[MAIN.get(self.task, "f1")].value}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def train(task: str, model: Path, files: Mapping[str, Path], settings: Mapping[str, Any], out: Path) -> None:
    """Train into the folder `out`, with `files["dev"]` to choose by if there is one."""
    ours = FinetuneArguments(task=task, model=model, train=files["train"], eval=files.get("dev"), out=out, **settings)
    torch.set_num_threads(available_cpus())
    transformers.set_seed(ours.seed)
    data = read_data(files["train"], task)
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    features, collator = lay_out(task, data, tokenizer, ours.max_length or 512)
    labels = {"id2label": dict(enumerate(data.labels)), "label2id": {label: i for i, label in enumerate(data.labels)}}
    theirs = MODELS[task].from_pretrained(model, **labels if data.labels else {})
    groups = [{**group, "lr": group["peak"]} for group in parameter_groups(theirs, ours)]
    optimizer = torch.optim.AdamW(groups, betas=(ours.beta1, ours.beta2), eps=ours.epsilon, fused=True)
    chooses = "dev" in files
    often = {"eval_steps": ours.eval_steps, "save_steps": ours.eval_steps} if ours.eval_steps else {}
    arguments = transformers.TrainingArguments(
        output_dir=str(out),
        num_train_epochs=ours.epochs,
        per_device_train_batch_size=ours.batch_size,
        warmup_steps=ours.warmup,
        max_grad_norm=ours.max_grad_norm,
        seed=ours.seed,
        bf16=ours.precision == "bfloat16",
        use_cpu=True,
        eval_strategy=("steps" if often else "epoch") if chooses else "no",
        save_strategy=("steps" if often else "epoch") if chooses else "no",
        load_best_model_at_end=chooses,
        metric_for_best_model="score" if chooses else None,
        save_total_limit=1,
        logging_strategy="no",
        disable_tqdm=True,
        report_to=[],
        **often,
    )
    stopping = [transformers.EarlyStoppingCallback(ours.patience)] if ours.patience else []
    trainer = Trainer(
        task,
        files.get("dev"),
        model=theirs,
        args=arguments,
        train_dataset=features,
        eval_dataset=features[:1] if chooses else None,  # asked for, and not looked at: see `evaluate`
        data_collator=collator,
        processing_class=tokenizer,
        optimizers=(optimizer, None),
        callbacks=stopping,
    )
    trainer.train()
    trainer.save_model(str(out))


def lay_out(task: str, data: Data[Any], tokenizer: Any, longest: int) -> tuple[Features, Any]:
    """The examples as the Trainer learns them, and what makes batches of them."""
    index = {label: place for place, label in enumerate(data.labels)}
    examples = data.examples
    match task:
        case "text-classification":
            read = tokenizer([example.text for example in examples], truncation=True)["input_ids"]
            rows = [{"input_ids": ids, "labels": index[example.label]} for ids, example in zip(read, examples)]
            return rows, transformers.DataCollatorWithPadding(tokenizer)
        case "token-classification":
            words = [list(example.words) for example in examples]
            read = tokenizer(words, is_split_into_words=True, truncation=True)
            rows = []
            for place, example in enumerate(examples):
                before, labels = None, []
                for word in read.word_ids(place):
                    labels.append(-100 if word is None or word == before else index[example.labels[word]])
                    before = word
                rows.append({"input_ids": read["input_ids"][place], "labels": labels})
            return rows, transformers.DataCollatorForTokenClassification(tokenizer)
        case "fill-mask":
            read = tokenizer([example.text for example in examples], add_special_tokens=False)["input_ids"]
            stream, room = [token for ids in read for token in ids], BLOCK - 2
            blocks = [stream[start : start + room] for start in range(0, len(stream), room)]
            rows = [{"input_ids": [tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]} for ids in blocks]
            return rows, transformers.DataCollatorForLanguageModeling(tokenizer)
    return questions(examples, tokenizer, longest), transformers.DataCollatorWithPadding(tokenizer)


def questions(examples: Any, tokenizer: Any, longest: int) -> Features:
    """Windows of question and context, with the first and last token of the answer, or [CLS] where it is not whole."""
    read = tokenizer(
        [example.question.strip() for example in examples],
        [example.context for example in examples],
        truncation="only_second",
        max_length=longest,
        stride=min(128, longest // 2),
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    rows = []
    for place, sample in enumerate(read["overflow_to_sample_mapping"]):
        text, start = examples[sample].answers[0]
        end = start + len(text)
        first = last = 0
        offsets, inside = read["offset_mapping"][place], read.sequence_ids(place)
        context = [token for token, sequence in enumerate(inside) if sequence == 1]
        if offsets[context[0]][0] <= start and offsets[context[-1]][1] >= end:
            covered = [token for token in context if offsets[token][1] > start and offsets[token][0] < end]
            first, last = covered[0], covered[-1]
        rows.append({"input_ids": read["input_ids"][place], "start_positions": first, "end_positions": last})
    return rows


def main(names: list[str]) -> None:
    transformers.logging.set_verbosity_error()
    kept = RESULTS / "trainer.json"
    results = json.loads(kept.read_text()) if kept.exists() else {}
    for name in names:
        recipe = importlib.import_module(name)
        out = WORK / f"{name}-trainer"
        files = recipe.prepare()
        train(recipe.TASK, encoder(), files, recipe.SETTINGS, out)
        scores = evaluate(out, files["test"], recipe.TASK, precision="float32").to_dict()
        results[name] = {"float32": scores}
        keep("trainer", results)
        print(name, rounded(scores))


if __name__ == "__main__":
    main(sys.argv[1:] or ["sentiment", "entities", "masked_lm", "answers"])
