"""DistilBERT-base on a GPU, ragged sentences in float32: this package and Transformers, in turns in one process.

    python benchmarks/gpu.py [--device cuda|mps] [--rounds 5] [--texts 2000] [--save FILE.json]

Transformers has its batches in the order of arrival and ordered by length, each at several sizes; this package has
several budgets of tokens. Tokenising is included on both sides.
"""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch

import common
import distilbert
from candidates import Transformers
from distilbert.bench import available_cpus

BUDGETS = (1024, 4096, 16384, 65536)  # tokens a batch, of this package
SIZES = (32, 128, 512)  # texts a batch, of Transformers


class OnGpu(Transformers):
    """Transformers' model on the GPU."""

    def __init__(self, folder: Path, device: str) -> None:
        super().__init__(folder, available_cpus())
        self.device = device
        self.model.to(device)

    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            tensors = torch.from_numpy(ids).to(self.device), torch.from_numpy(mask).to(self.device)
            return self.model(input_ids=tensors[0], attention_mask=tensors[1]).logits.float().cpu().numpy()


def main() -> None:
    parser = common.options(__doc__, 5)
    parser.add_argument("--device", choices=["cuda", "mps", "cpu"], default="cuda")
    parser.add_argument("--texts", type=int, default=2000)
    args = parser.parse_args()
    common.quiet_transformers()
    drawn = common.sentences()
    texts = (drawn * -(-args.texts // len(drawn)))[: args.texts]
    ordered = sorted(texts, key=len)
    with tempfile.TemporaryDirectory() as temporary:
        folder = common.base_checkpoint(Path(temporary) / "model")
        theirs = OnGpu(folder, args.device)
        tasks = {
            budget: distilbert.load(folder, "text-classification", device=args.device, max_batch_tokens=budget)
            for budget in BUDGETS
        }
        reference = distilbert.load(folder, "text-classification").logits(texts[:100])
        outputs = [theirs.logits(texts[:100], 32), *(task.logits(texts[:100]) for task in tasks.values())]
        apart = max(float(np.abs(each - reference).max()) for each in outputs)
        print(f"largest difference of logits from the CPU's {apart:.1g}")
        assert apart < 1e-3
        candidates = {
            f"distilbert, {budget} tokens a batch": partial(task.logits, texts) for budget, task in tasks.items()
        }
        for size in SIZES:
            candidates[f"Transformers, batches of {size}"] = partial(theirs.logits, texts, size)
            candidates[f"Transformers, ordered by length, batches of {size}"] = partial(theirs.logits, ordered, size)
        seconds = common.race(candidates, args.rounds)
    machine = common.machine()
    if args.device == "cuda":
        machine["gpu"] = torch.cuda.get_device_name()
    rates = {name: len(texts) / each for name, each in seconds.items()}
    print(machine)
    print(common.table(f"{len(texts)} ragged sentences", {k: [f"{v:,.0f}"] for k, v in rates.items()}, ["texts/s"]))
    common.save(args.save, {"machine": machine, "texts_per_second": rates})


if __name__ == "__main__":
    main()
