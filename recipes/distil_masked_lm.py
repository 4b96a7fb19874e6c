"""The triple loss against itself without one of its parts, at the same budget: a small table like the paper's.

DISTILBERT_DATA=path/to/data python recipes/distil_masked_lm.py

Students of recipes/masked_lm.py's model: half of its layers, taught on the same text, scored by masked-LM accuracy on
wikitext2's test part. The paper (Sanh et al. 2019, table 4) has GLUE macro scores: without the soft loss -2.96, without
cosine -1.46, without masked LM -0.31, random initialisation -3.69.
"""

import dataclasses
from typing import Any

from common import WORK, keep, part_files
from distilbert.distill import DistillArguments, distill
from distilbert.evaluation import compare, evaluate

SETTINGS: dict[str, Any] = {
    "layers": 3,
    "max_steps": 240,
    "batch_size": 16,
    "precision": "bfloat16",
}
ARMS: dict[str, dict[str, Any]] = {
    "triple loss": {},
    "without cosine": {"cosine": 0.0},
    "masked LM alone": {"soft": 0.0, "cosine": 0.0},
}


def main() -> None:
    files = part_files("masked_lm", ".txt")
    teacher = WORK / "masked_lm"
    done = {"teacher": evaluate(teacher, files["test"])}
    for place, (name, losses) in enumerate(ARMS.items()):
        out = WORK / f"distil-masked-lm-{place}"
        settings = {**SETTINGS, **losses}
        distill(
            DistillArguments(task="fill-mask", teacher=teacher, train=files["train"], out=out, resume=True, **settings)
        )
        done[name] = evaluate(out, files["test"])
    results: dict[str, Any] = {"settings": SETTINGS, "arms": {}}
    for name, evaluation in done.items():
        gaps = compare(done["triple loss"], evaluation)
        results["arms"][name] = {
            **evaluation.to_dict(),
            "minus_triple": {n: dataclasses.asdict(g) for n, g in gaps.items()},
        }
        score = evaluation.scores["top1_accuracy"]
        print(f"{name:<24} {score}  {evaluation.scores['cross_entropy']}  {gaps['top1_accuracy']}")
    keep("distil-masked-lm", results)


if __name__ == "__main__":
    main()
