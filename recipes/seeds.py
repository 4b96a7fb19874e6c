"""Is a difference of scores more than chance? Five short trainings by distilbert and five by transformers' Trainer.

    DISTILBERT_DATA=path/to/data python recipes/seeds.py [--seeds 5]

1,600 sentences of the sentiment recipe, two epochs; scored on its dev part, which nothing is chosen by here.
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import transformers

import sentiment
import trainer
from common import WORK, encoder, keep
from distilbert.evaluation import evaluate
from distilbert.train import FinetuneArguments, finetune

SETTINGS: dict[str, Any] = {"epochs": 2, "batch_size": 32, "learning_rate": 2e-4, "precision": "bfloat16"}
SENTENCES = 1600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    model, files = encoder(), sentiment.prepare()
    few = WORK / "seeds.train.jsonl"
    few.write_text("".join(files["train"].read_text().splitlines(keepends=True)[::5][:SENTENCES]))

    def ours(seed: int, out: Path) -> None:
        finetune(
            FinetuneArguments(task=sentiment.TASK, model=model, train=few, out=out, resume=True, seed=seed, **SETTINGS),
            quiet=True,
        )

    def theirs(seed: int, out: Path) -> None:
        trainer.train(sentiment.TASK, model, {"train": few}, {**SETTINGS, "seed": seed}, out)

    results: dict[str, list[dict[str, float]]] = {"distilbert": [], "transformers Trainer": []}
    for seed in range(args.seeds):
        for name, run in zip(results, (ours, theirs)):
            out = WORK / f"seeds-{name.split()[0]}-{seed}"
            started = time.process_time()  # of all threads: what else the machine does changes it little
            run(seed, out)
            seconds = time.process_time() - started
            scores = evaluate(out, files["dev"], sentiment.TASK, precision="float32", resamples=1).scores
            values = {name: scores[name].value for name in ("accuracy", "auc")}
            results[name].append({"seed": seed, "cpu_seconds": round(seconds, 1), **values})
            print(name, results[name][-1], flush=True)
    keep("seeds", {"sentences": SENTENCES, "settings": SETTINGS, "runs": results})
    for name, runs in results.items():
        spread = {key: [run[key] for run in runs] for key in ("accuracy", "auc", "cpu_seconds")}
        print(name, {key: (statistics.mean(values), statistics.stdev(values)) for key, values in spread.items()})


if __name__ == "__main__":
    main()
