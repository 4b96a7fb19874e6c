"""Where the time of a run goes, operator by operator, by ONNX Runtime's own profiler.

    python benchmarks/operators.py [--rounds 20] [--save FILE.json]

DistilBERT-base's shape with random weights, float32 and int8: one text of 16, 128 and 512 tokens, and 20 ragged
sentences. Shares are of the operators' time, the median run's milliseconds of the clock.
"""

import contextlib
import json
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime

import common
import distilbert
from distilbert import Batch, BertTokenizer

PRECISIONS = ("float32", "int8")
# as ONNX Runtime names what it makes of our graph: products with weights are Gemm or integer, attention's are not
KINDS = {
    "matrix products": ("Gemm", "FusedGemm", "MatMulInteger", "MatMulIntegerToFloat"),
    "attention with its gathers": ("MatMul", "FusedMatMul", "Softmax", "Gather", "Reshape", "Transpose"),
    "quantising, and scaling back": ("QuantizeLinear", "Abs", "ReduceMax", "Max", "Reciprocal", "Cast", "Mul", "Div"),
    "GELU": ("Gelu", "BiasGelu"),
    "residuals and biases": ("Add",),
    "LayerNorm": ("LayerNormalization",),
}


def main() -> None:
    parser = common.options(__doc__, 20)
    args = parser.parse_args()
    os.environ["DISTILBERT_ENGINE"] = "onnx"  # whose operators these are
    tables = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = common.base_checkpoint(Path(temporary) / "base")
        batches = batches_of(folder)
        for precision in PRECISIONS:
            rows: dict[str, list[str]] = {}
            for batch in batches.values():
                shares, milliseconds = profiled(folder, batch, precision, args.rounds, Path(temporary))
                for kind in (*KINDS, "all else"):
                    rows.setdefault(kind, []).append(f"{shares[kind]:.0%}")
                rows.setdefault("milliseconds", []).append(f"{milliseconds:.1f}")
            print(common.table(precision, rows, list(batches)))
            tables[precision] = rows
        common.save(args.save, {"machine": common.machine(), "columns": list(batches), **tables})


def batches_of(folder: Path) -> dict[str, Batch]:
    rng = np.random.default_rng(0)
    lone = {f"{tokens} tokens": [rng.integers(1000, 20000, tokens)] for tokens in (16, 128, 512)}
    ragged = [encoding.ids for encoding in BertTokenizer.from_folder(folder).encode_batch(common.sentences()[:20])]
    lone[f"20 texts, {sum(map(len, ragged))}"] = ragged
    return {name: Batch.pack(ids, [np.zeros(1, np.int64)] * len(ids)) for name, ids in lone.items()}


def profiled(folder: Path, batch: Batch, precision: str, rounds: int, place: Path) -> tuple[dict[str, float], float]:
    """Each kind's share of the operators' time, and the milliseconds of a run that is not profiled."""
    with profiling(place / "profile"):
        watched = distilbert.load(folder, precision=precision).model.engine
    plain = distilbert.load(folder, precision=precision).model.engine
    taken = []
    for _ in range(rounds):
        watched.run(batch)
        started = time.perf_counter()
        plain.run(batch)
        taken.append(time.perf_counter() - started)
    events = json.loads(Path(watched._session.end_profiling()).read_text(encoding="utf-8"))
    kinds = {operator: kind for kind, operators in KINDS.items() for operator in operators}
    spent: Counter[str] = Counter()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            spent[kinds.get(event["args"]["op_name"], "all else")] += event["dur"]
    return {kind: spent[kind] / spent.total() for kind in (*KINDS, "all else")}, 1e3 * statistics.median(taken)


@contextlib.contextmanager
def profiling(prefix: Path) -> Iterator[None]:
    """Sessions that are opened in the block write a profile."""
    plain = onnxruntime.SessionOptions

    def options() -> onnxruntime.SessionOptions:
        made = plain()
        made.enable_profiling, made.profile_file_prefix = True, str(prefix)
        return made

    onnxruntime.SessionOptions = options
    try:
        yield
    finally:
        onnxruntime.SessionOptions = plain


if __name__ == "__main__":
    main()
