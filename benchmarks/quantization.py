"""int8 of an embedder: how near its vectors stay to float32's, and how fast it is, one mixture after the other.

    python benchmarks/quantization.py [--texts 400] [--rounds 7] [--save FILE.json]

all-MiniLM-L6-v2 on sentences of film reviews; what `quantize` measures, it measures on 200 others, those of the demo.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import common
from distilbert import load
from distilbert.convert import convert, quantize

IN_FLOAT32 = (1, 3, 6, 12, 18, 24, 36)  # of 36 matrices, and at least
MIXTURES: dict[str, dict[str, Any]] = {
    "int8, 7 bits": {"bits": 7},
    "int8, not smoothed": {"smooth": False},
    "int8, the default": {},
    "int8, words in 4 bits": {"word_bits": 4},
}


def main() -> None:
    parser = common.options(__doc__, rounds=7)
    parser.add_argument("--texts", type=int, default=400)
    args = parser.parse_args()
    texts = common.sentences()[: args.texts]
    with tempfile.TemporaryDirectory() as place:
        exact = Path(place) / "float32"
        convert(common.trained_model(), exact)
        embed: dict[str, Callable[..., Any]] = {"float32": load(exact, "feature-extraction")}
        sizes = {"float32": (exact / "model.safetensors").stat().st_size}
        for name, options in mixtures():
            report = quantize(exact, Path(place) / name, **options)
            name = f"int8, {len(report.float32)} of 36 matrices in float32" if report.float32 else name
            embed[name] = load(report.out, "feature-extraction")
            sizes[name] = report.bytes_after
        vectors = {name: model(texts, normalize=True) for name, model in embed.items()}
        seconds = common.race({name: partial(model, texts) for name, model in embed.items()}, args.rounds)
    rows = {}
    for name in embed:
        cosines = (vectors["float32"] * vectors[name]).sum(1)
        rows[name] = {
            "cosine": float(cosines.mean()),
            "one in 100 is below": float(np.quantile(cosines, 0.01)),
            "times float32's speed": seconds["float32"] / seconds[name],
            "MB": sizes[name] / 1e6,
        }
    forms = (".4f", ".4f", ".2f", ".1f")
    table = {name: [f"{value:{form}}" for value, form in zip(row.values(), forms)] for name, row in rows.items()}
    print(common.table("all-MiniLM-L6-v2", table, list(rows["float32"])))
    common.save(args.save, {"machine": common.machine(), "mixtures": rows})


def mixtures() -> list[tuple[str, dict[str, Any]]]:
    """What is compared with float32, by the name of its folder: arguments of `quantize`."""
    return [*MIXTURES.items(), *((f"{count} in float32", {"float32": count}) for count in IN_FLOAT32)]


if __name__ == "__main__":
    main()
