"""A distilled student in int8 on our engine against a Transformers pipeline with DistilBERT-base, on the same text.

    python benchmarks/distilled.py STUDENT [--texts FILE.jsonl] [--rounds 5] [--save FILE.json]

The pipeline runs at its best batch size, in the order of arrival and ordered by length. DistilBERT-base has random
weights here: its speed does not depend on them. The student is quantised first, and its folder's size is that on disk.
"""

import json
import tempfile
from pathlib import Path

import transformers

import common
import distilbert
from distilbert.convert import quantize

SIZES = (1, 8, 16, 32, 64)


def main() -> None:
    parser = common.options(__doc__, 5)
    parser.add_argument("student", type=Path)
    parser.add_argument("--texts", type=Path, help="JSON lines with text; by default the 400 sentences of the tests")
    args = parser.parse_args()
    texts = common.sentences()
    if args.texts:
        texts = [json.loads(line)["text"] for line in args.texts.read_text(encoding="utf-8").splitlines()]
    common.quiet_transformers()
    with tempfile.TemporaryDirectory() as temporary:
        base = common.base_checkpoint(Path(temporary) / "base")
        pipeline = transformers.pipeline("text-classification", str(base), device="cpu")
        few, ordered = texts[:160], sorted(texts[:160], key=len)  # the peer takes seconds for these
        trial = common.race({str(size): lambda size=size: pipeline(few, batch_size=size) for size in SIZES}, 1)
        best = int(min(trial, key=trial.__getitem__))
        student = Path(temporary) / "student"
        quantize(args.student, student)
        ours = distilbert.load(student)
        seconds = common.race(
            {
                "distilled, int8": lambda: ours(texts),
                f"pipeline, batches of {best}": lambda: pipeline(few, batch_size=best),
                f"pipeline, batches of {best}, ordered by length": lambda: pipeline(ordered, batch_size=best),
            },
            args.rounds,
        )
        counts = {name: len(texts) if name.startswith("distilled") else len(few) for name in seconds}
        rates = {name: counts[name] / took for name, took in seconds.items()}
        megabytes = sum(path.stat().st_size for path in student.rglob("*") if path.is_file()) / 1e6
        base_megabytes = sum(path.stat().st_size for path in base.rglob("*") if path.is_file()) / 1e6
    rows = {name: [f"{rate:,.1f}", f"{rates['distilled, int8'] / rate:.1f}"] for name, rate in rates.items()}
    print(common.table(f"{len(texts)} texts", rows, ["texts/s", "time, ours = 1"]))
    print(f"whole folder: {megabytes:.1f} MB, DistilBERT-base's {base_megabytes:.1f} MB")
    common.save(
        args.save,
        {"machine": common.machine(), "texts_per_second": rates, "megabytes": megabytes, "base": base_megabytes},
    )


if __name__ == "__main__":
    main()
