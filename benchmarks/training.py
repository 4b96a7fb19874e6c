"""Fine-tuning DistilBERT-base on ragged sentences: this package against transformers' Trainer.

    python benchmarks/training.py [--rounds 3] [--texts 128] [--precision bfloat16] [--device cuda]
                                  [--save FILE.json]

The same model, sentences, order, effective batch of 32, optimizer and schedule. Without dropout both learn the same,
which is checked first; then both are timed with it. Seconds are those of the steps, as either reports
them: loading and tokenising are left out. The Trainer is timed ordered by length as well, which leaves it next to no
padding, and the batches no randomness.

What is left to gain: the products of matrices of a step (forward once, backward twice, of every weight beside the
embeddings and of attention) by the time that it takes, as a share of what this machine does in one large product.
"""

import contextlib
import json
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from safetensors.torch import load_file

import common
from distilbert.train import FinetuneArguments, finetune

PEER = "transformers Trainer"
LABELS = ("LABEL_0", "LABEL_1")  # those of the checkpoint, whose head is kept
SEED = 0


class Trainer(transformers.Trainer):
    """Transformers' own, in a given order."""

    order: list[int]

    def _get_train_sampler(self, *_: Any) -> Any:
        return self.order


def main() -> None:
    parser = common.options(__doc__, 3)
    parser.add_argument("--texts", type=int, default=128)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("PyTorch finds no CUDA device")
    common.quiet_transformers()
    drawn = common.sentences()
    texts = (drawn * -(-args.texts // len(drawn)))[: args.texts]
    labels = [index % 2 for index in range(len(texts))]
    with tempfile.TemporaryDirectory() as temporary:
        folder, out = common.base_checkpoint(Path(temporary) / "base"), Path(temporary) / "out"
        data = Path(temporary) / "train.jsonl"
        rows = [json.dumps({"text": text, "label": LABELS[label]}) for text, label in zip(texts, labels)]
        data.write_text("\n".join(rows) + "\n", encoding="utf-8")
        theirs = transformers.DistilBertForSequenceClassification.from_pretrained(folder)
        start = {name: tensor.clone() for name, tensor in theirs.state_dict().items()}
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        read = tokenizer(texts, truncation=True, return_token_type_ids=False)["input_ids"]
        examples = [{"input_ids": ids, "labels": label} for ids, label in zip(read, labels)]
        collator = transformers.DataCollatorWithPadding(tokenizer)

        def ours_run(dropout: float) -> float:
            shutil.rmtree(out, ignore_errors=True)
            arguments = FinetuneArguments(
                task="text-classification", model=folder, train=data, out=out, epochs=1, batch_size=32,
                learning_rate=5e-5, warmup=0.0, seed=SEED, max_batch_tokens=4096, dropout=dropout,
                precision=args.precision, device="cpu" if args.device == "cpu" else "auto",
            )  # fmt: skip
            finetune(arguments, quiet=True)
            return json.loads((out / "training.json").read_text(encoding="utf-8"))["seconds"]

        def theirs_run(order: np.ndarray, dropout: float) -> float:
            theirs.load_state_dict(start)
            set_dropout(theirs, dropout)
            settings = transformers.TrainingArguments(
                output_dir=temporary, num_train_epochs=1, per_device_train_batch_size=32, learning_rate=5e-5,
                weight_decay=0.01, bf16=args.precision == "bfloat16", use_cpu=args.device == "cpu",
                report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True,
            )  # fmt: skip
            trainer = Trainer(theirs, settings, data_collator=collator, train_dataset=examples)
            trainer.order = order.tolist()
            with contextlib.redirect_stdout(None):  # it prints what it has done
                return trainer.train().metrics["train_runtime"]

        same_order = np.random.default_rng((SEED, 0, 0)).permutation(len(texts))
        by_length = np.argsort([len(ids) for ids in read])
        ours_run(0.0)
        theirs_run(same_order, 0.0)
        alike = likeness(start, theirs.state_dict(), load_file(out / "model.safetensors"))
        assert alike > (0.999 if args.precision == "float32" else 0.8), f"the two learn apart: cosine {alike}"
        candidates = {
            PEER: partial(theirs_run, same_order, 0.1),
            f"{PEER}, ordered by length": partial(theirs_run, by_length, 0.1),
            "distilbert": partial(ours_run, 0.1),
        }
        seconds = common.race_timed(candidates, args.rounds)
    tokens = sum(map(len, read))
    rates = {name: tokens / taken for name, taken in seconds.items()}
    needed = step_operations(theirs, [len(ids) for ids in read])
    machine = matrix_rate(torch.bfloat16 if args.precision == "bfloat16" else torch.float32, args.device)
    shares = {name: needed / taken / machine for name, taken in seconds.items()}
    rows = {name: [f"{rate:,.0f}", f"{rate / rates[PEER]:.2f}x", f"{shares[name]:.0%}"] for name, rate in rates.items()}
    mean = tokens / len(texts)
    print(
        common.table(
            f"{len(texts)} sentences of {mean:.1f} tokens on average, {args.precision}",
            rows,
            ["tokens a second", "ratio", "of the matrix rate"],
        )
    )
    print(f"matrix rate: {machine / 1e9:,.0f} GFLOP/s in {args.precision}")
    print(f"cosine of what the two have learnt after {len(texts) // 32} steps without dropout: {alike:.4f}")
    packages = ("distilbert", "torch", "transformers", "accelerate")
    where = common.machine(packages)
    if args.device == "cuda":
        where["gpu"] = torch.cuda.get_device_name()
    values = {"precision": args.precision, "tokens_per_second": rates, "matrix_share": shares, "cosine": alike}
    common.save(args.save, {"machine": where, **values})


def likeness(start: dict[str, Any], one: dict[str, Any], other: dict[str, Any]) -> float:
    """The cosine of two updates of the same weights."""
    moved = [
        torch.cat([(to[name].cpu() - old.cpu()).flatten().double() for name, old in start.items()])
        for to in (one, other)
    ]
    return float(torch.cosine_similarity(*moved, dim=0))


def set_dropout(model: torch.nn.Module, share: float) -> None:
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share
        if name.endswith("attention") and hasattr(module, "config"):  # Transformers reads the config as well
            module.config.attention_dropout = share


def step_operations(model: Any, lengths: list[int]) -> float:
    """Floating-point operations of the products that an epoch needs, without any for padding."""
    layers, width = model.config.n_layers, model.config.dim
    weights = sum(p.numel() for name, p in model.named_parameters() if p.ndim == 2 and "lin" in name)
    attention = 4 * layers * width * sum(length**2 for length in lengths)  # queries by keys, and weights by values
    return 3.0 * (2 * weights * sum(lengths) + attention)


def matrix_rate(dtype: torch.dtype, device: str, turns: int = 8) -> float:
    """Operations a second of a large product, the best of several turns."""
    width = 2048 if device == "cpu" else 8192
    matrix = torch.randn(width, width, dtype=dtype, device=device)
    best = float("inf")
    for _ in range(turns):
        started = time.perf_counter()
        torch.mm(matrix, matrix)
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return 2 * width**3 / best


if __name__ == "__main__":
    main()
