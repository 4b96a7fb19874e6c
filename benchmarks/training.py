"""Fine-tuning DistilBERT-base on ragged sentences: this package against transformers' Trainer.

    python benchmarks/training.py [--rounds 3] [--texts 128] [--precision bfloat16] [--save FILE.json]

The same model, sentences, order, effective batch of 32, optimizer and schedule. Without dropout both end in the
same weights, which is checked first; then both are timed with it. Loading and tokenising are left out. The Trainer
is timed ordered by length as well, which leaves it next to no padding, and the batches no randomness.
"""

import argparse
import contextlib
import dataclasses
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

import common
from distilbert.arguments import LoopArguments
from distilbert.data.examples import Data, LabelledText
from distilbert.engine.cpus import available_cpus
from distilbert.folder.checkpoint import Head
from distilbert.train.loop import open_accelerator, run
from distilbert.train.objectives import make_objective
from distilbert.train.opened import open_trainable

PEER = "transformers Trainer"
ARGUMENTS = LoopArguments(epochs=1, batch_size=32, learning_rate=5e-5, warmup=0.0, device="cpu", max_batch_tokens=4096)


class Trainer(transformers.Trainer):
    """Transformers' own, in a given order."""

    order: list[int]

    def _get_train_sampler(self, *_: Any) -> Any:
        return self.order


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=128)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--save", type=Path)
    args = parser.parse_args()
    arguments = dataclasses.replace(ARGUMENTS, precision=args.precision)
    torch.set_num_threads(available_cpus())
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    texts = common.sentences()[: args.texts]
    labels = [index % 2 for index in range(len(texts))]
    data = Data("sentences", [LabelledText(*pair) for pair in zip(texts, map(str, labels))], ("0", "1"), "single-label")
    with tempfile.TemporaryDirectory() as temporary:
        folder = common.base_checkpoint(Path(temporary) / "base", Head.SEQUENCE_CLASSIFICATION)
        student = open_trainable("text-classification", folder, data)
        objective = make_objective("text-classification", data, student.tokenizer, student.max_length)
        start = {name: tensor.clone() for name, tensor in student.model.state_dict().items()}
        theirs = transformers.DistilBertForSequenceClassification.from_pretrained(folder)
        examples = [{"input_ids": item.texts[0].tolist(), "labels": item.target} for item in objective.items]
        collator = transformers.DataCollatorWithPadding(transformers.AutoTokenizer.from_pretrained(folder))
        accelerator = open_accelerator(arguments)

        def ours_run() -> None:
            student.model.load_state_dict(start)
            run(student.model, objective, arguments, accelerator, quiet=True)

        def theirs_run(order: np.ndarray) -> None:
            theirs.load_state_dict(start)
            settings = transformers.TrainingArguments(
                output_dir=temporary, num_train_epochs=1, per_device_train_batch_size=32, learning_rate=5e-5,
                weight_decay=0.01, bf16=args.precision == "bfloat16", use_cpu=True,
                report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True,
            )  # fmt: skip
            trainer = Trainer(theirs, settings, data_collator=collator, train_dataset=examples)
            trainer.order = order.tolist()
            with contextlib.redirect_stdout(None):  # it prints what it has done
                trainer.train()

        same_order = partial(theirs_run, np.random.default_rng((ARGUMENTS.seed, 0, 0)).permutation(len(texts)))
        by_length = partial(theirs_run, np.argsort([item.tokens for item in objective.items]))
        set_dropout(student.model, 0.0)
        set_dropout(theirs, 0.0)
        ours_run()
        same_order()
        apart = max(
            float((student.model.state_dict()[name] - tensor).abs().max())
            for name, tensor in theirs.state_dict().items()
        )
        most = 1e-4 if args.precision == "float32" else 1e-3
        assert apart < most, f"the two end in weights that are {apart} apart"
        set_dropout(student.model, 0.1)
        set_dropout(theirs, 0.1)
        candidates = {PEER: same_order, f"{PEER}, ordered by length": by_length, "distilbert": ours_run}
        seconds = common.race(candidates, args.rounds)
    tokens = sum(item.tokens for item in objective.items)
    rates = {name: tokens / own for name, own in seconds.items()}
    rows = {name: [f"{rate:,.0f}", f"{rate / rates[PEER]:.2f}x"] for name, rate in rates.items()}
    mean = tokens / len(texts)
    print(
        common.table(
            f"{len(texts)} sentences of {mean:.1f} tokens on average, {args.precision}",
            rows,
            ["tokens a second", "ratio"],
        )
    )
    print(f"largest difference of the weights after {len(texts) // 32} steps without dropout: {apart:.1e}")
    packages = ("distilbert", "torch", "transformers", "accelerate")
    values = {"precision": args.precision, "tokens_per_second": rates, "apart": apart}
    common.save(args.save, {"machine": common.machine(packages), **values})


def set_dropout(model: torch.nn.Module, share: float) -> None:
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share
        if name.endswith("attention") and hasattr(module, "config"):  # Transformers reads the config as well
            module.config.attention_dropout = share


if __name__ == "__main__":
    main()
