"""Every kernel that this processor runs, against plain NumPy, and whole models by each against the generic one.

    python native/tests/check_kernels.py [LIBRARY]

It needs NumPy alone. Without LIBRARY it takes that of the installed distribution, or else builds one with CMake and the
C++ compiler. Integers must be equal, bit for bit; whole models agree but for the rounding of float32.
"""

import argparse
import ctypes
import subprocess
import tempfile
import time
from ctypes import byref, c_char_p, c_int32, c_uint64, c_void_p
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).parents[1]
PANEL = 16
HEADS = ("none", "labels", "pooled", "masked_lm")
ACTIVATIONS = ("gelu", "gelu_tanh", "quick_gelu", "relu", "silu", "mish", "tanh", "linear")


NAMES = ("dim", "hidden_dim", "heads", "layers", "vocabulary", "positions", "outputs", "activation", "head")
NAMES += ("word_bits", "smoothed")


class Shape(ctypes.Structure):
    _fields_ = [(name, c_int32) for name in NAMES]


class Weight(ctypes.Structure):
    _fields_ = [("at", c_void_p), ("bytes", c_uint64)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", nargs="?", type=Path)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shapes", type=int, default=60, help="how many random shapes of each kind")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        library = open_library(args.library or installed() or built(Path(folder)))
        rng = np.random.default_rng(args.seed)
        names = kernels(library)
        print("kernels of this processor:", ", ".join(names))
        for name, (group, bits) in names.items():
            check_products(library, name, group, bits, rng, args.shapes)
            check_activations(library, name, rng)
            off = check_attention(library, name, rng, args.shapes)
            print(f"{name}: {args.shapes} products are exact, activations agree, attention to {off:.1e}")
        for name in names:
            worst = check_models(library, name, names, rng, args.shapes // 4, args.threads)
            print(f"{name}: {args.shapes // 4} models agree with the generic kernels to {worst:.1e}")
        for name, (group, bits) in names.items():
            print(f"{name}: {rate(library, name, group, bits, rng):.0f} GOP/s of one thread, 96 x 768 by 768 x 3072")


def open_library(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    library.distilbert_kernels.restype = c_char_p
    library.distilbert_open.restype = c_void_p
    library.distilbert_open.argtypes = [c_char_p, c_void_p, c_void_p, c_uint64, c_int32, c_void_p]
    library.distilbert_run.argtypes = [c_void_p] + [c_void_p, c_uint64] * 3 + [c_void_p, c_void_p, c_uint64]
    library.distilbert_close.argtypes = [c_void_p]
    library.distilbert_close.restype = None
    library.distilbert_product.argtypes = [c_char_p, c_void_p, c_int32, c_void_p, c_void_p, c_int32, c_int32, c_void_p]
    library.distilbert_activate.argtypes = [c_char_p, c_int32, c_void_p, c_int32]
    library.distilbert_attend.argtypes = [c_char_p, c_void_p, c_int32, c_void_p, c_void_p, c_int32, c_int32]
    return library


def installed() -> Path | None:
    try:
        import distilbert_native
    except ImportError:
        return None
    return distilbert_native.library()


def built(folder: Path) -> Path:
    for command in (["cmake", "-S", SOURCE, "-B", folder], ["cmake", "--build", folder, "--parallel"]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("libdistilbert_native.*"))


def kernels(library: ctypes.CDLL) -> dict[str, tuple[int, int]]:
    """(group, bits) of each, by name."""
    found: dict[str, tuple[int, int]] = {}
    group, bits = c_int32(), c_int32()
    while name := library.distilbert_kernels(len(found), byref(group), byref(bits)):
        found[name.decode()] = group.value, bits.value
    return found


def pack(weights: np.ndarray, group: int) -> np.ndarray:
    """int8 [in, out] -> [out / 16][in / group][16][group]."""
    width, out = weights.shape
    panels = weights.T.reshape(out // PANEL, PANEL, width // group, group)
    return np.ascontiguousarray(panels.transpose(0, 2, 1, 3))


def check_products(
    library: ctypes.CDLL, name: str, group: int, bits: int, rng: np.random.Generator, shapes: int
) -> None:
    most = 2 ** (bits - 1) - 1
    for turn in range(shapes):
        rows, width, out = (int(rng.integers(1, most_of)) * step for most_of, step in ((70, 1), (70, 16), (12, 16)))
        a = rng.integers(-127, 128, (rows, width), np.int8)
        weights = rng.integers(-most, most + 1, (width, out), np.int8)
        if turn % 4 == 0:  # the largest sums
            a = np.where(a < 0, -127, 127).astype(np.int8)
            weights = np.where(weights < 0, -most, most).astype(np.int8)
            a[0], weights[:, 0] = 127, most
        sums = weights.sum(0, dtype=np.int32)
        packed, result = pack(weights, group), np.empty((rows, out), np.int32)
        fault = library.distilbert_product(
            name.encode(), a.ctypes, rows, packed.ctypes, sums.ctypes, width, out, result.ctypes
        )
        assert fault == 0
        exact = a.astype(np.int32) @ weights.astype(np.int32)
        assert (result == exact).all(), f"{name}: wrong integers for {rows} x {width} by {width} x {out}"


def reference(activation: str, x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        if activation == "gelu":
            from math import erf

            return 0.5 * x * (1 + np.array([erf(value / 2**0.5) for value in x]))
        if activation == "gelu_tanh":
            return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
        if activation in ("quick_gelu", "silu"):
            return x / (1 + np.exp(-(1.702 if activation == "quick_gelu" else 1) * x))
        if activation == "relu":
            return np.maximum(x, 0)
        if activation == "mish":
            return x * np.tanh(np.logaddexp(0, x))
        return np.tanh(x) if activation == "tanh" else x


def check_activations(library: ctypes.CDLL, name: str, rng: np.random.Generator) -> None:
    edges = np.array([0, -0.0, 1e-30, -1e-30, 1e-3, -1e-3, 20, -20, 88, -88, 100, -100, 1e4, -1e4, 1e9, -1e9])
    x = np.concatenate([edges, rng.normal(0, 3, 4096), np.linspace(-12, 12, 4096)]).astype(np.float32)
    for index, activation in enumerate(ACTIVATIONS):
        found = x.copy()
        assert library.distilbert_activate(name.encode(), index, found.ctypes, len(found)) == 0
        wanted = reference(activation, x.astype(np.float64))
        worst = (np.abs(found - wanted) / np.maximum(1, np.abs(wanted))).max()
        assert worst < 1e-6, f"{name}: {activation} is wrong by {worst}"


def check_attention(library: ctypes.CDLL, name: str, rng: np.random.Generator, shapes: int) -> float:
    """The largest difference from float64, in parts of the largest value."""
    most = 0.0
    for _ in range(shapes):
        queries, keys, width = (int(rng.integers(1, most_of)) for most_of in (40, 200, 100))
        q, k, v = (rng.normal(0, 1.5, (rows, width)).astype(np.float32) for rows in (queries, keys, keys))
        scores = q.astype(np.float64) @ k.T.astype(np.float64) / width**0.5
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        wanted = weights / weights.sum(-1, keepdims=True) @ v
        assert library.distilbert_attend(name.encode(), q.ctypes, queries, k.ctypes, v.ctypes, keys, width) == 0
        most = max(most, float(np.abs(q - wanted).max() / np.abs(v).max()))
    assert most < (1e-4 if "amx" in name else 3e-6), f"{name}: attention is wrong by {most}"  # AMX: see attention_amx.h
    return most


def padded(size: int, to: int = PANEL) -> int:
    return -(-size // to) * to


def random_model(shape: Shape, group: int, bits: int, seed: int) -> list[np.ndarray]:
    """Weights of a seeded model in the order of src/model.cpp: the same numbers for every group."""
    rng = np.random.default_rng(seed)
    most = 2 ** (bits - 1) - 1
    d, f = padded(shape.dim), padded(shape.hidden_dim)

    def vector(real: int, size: int, middle: float = 0) -> np.ndarray:
        return np.pad(rng.normal(middle, 0.2, real).astype(np.float32), (0, size - real))

    def table(rows: int, table_bits: int) -> list[np.ndarray]:
        scales = rng.uniform(0.5, 1, rows).astype(np.float32) / 127
        if table_bits == 4:
            return [rng.integers(0, 256, (rows, padded(shape.dim, 2) // 2), np.uint8), 16 * scales]
        return [rng.integers(-127, 128, (rows, shape.dim), np.int8), scales]

    def linear(real_in: int, real_out: int, width: int, parts: int = 1) -> list[np.ndarray]:
        made = []
        for _ in range(parts):
            weights = np.zeros((width, padded(real_out)), np.int8)
            weights[:real_in, :real_out] = rng.integers(-most, most + 1, (real_in, real_out), np.int8)
            scale = np.pad(rng.uniform(0.5, 1, real_out), (0, padded(real_out) - real_out))
            made.append(
                (weights, (2 * scale / most / real_in**0.5).astype(np.float32), vector(real_out, padded(real_out)))
            )
        weights, scale, bias = (np.concatenate(arrays, -1) for arrays in zip(*made))
        return [pack(weights, group), scale, bias, weights.sum(0, dtype=np.int32)]

    def matrix(real_in: int, real_out: int, width: int, parts: int = 1, smoothed: bool = False) -> list[np.ndarray]:
        if rng.random() < 0.3:  # in float32
            layers = [dense(real_in, real_out, width) for _ in range(parts)]
            return [np.concatenate(arrays) for arrays in zip(*layers)]
        made = linear(real_in, real_out, width, parts)
        return [*made, vector(real_in, width, 1)] if smoothed else made

    def norm() -> list[np.ndarray]:
        return [vector(shape.dim, d, 1), vector(shape.dim, d)]

    def dense(real_in: int, real_out: int, width: int) -> list[np.ndarray]:
        weights = np.zeros((padded(real_out), width), np.float32)
        weights[:real_out, :real_in] = rng.normal(0, 1 / real_in**0.5, (real_out, real_in))
        panels = np.ascontiguousarray(weights.reshape(-1, PANEL, width).transpose(0, 2, 1))
        return [panels, vector(real_out, padded(real_out))]

    model = table(shape.vocabulary, shape.word_bits) + table(shape.positions, 8) + norm()
    for _ in range(shape.layers):
        smoothed = bool(shape.smoothed)
        model += matrix(shape.dim, shape.dim, d, 3, smoothed) + matrix(shape.dim, shape.dim, d) + norm()
        model += matrix(shape.dim, shape.hidden_dim, d, 1, smoothed) + matrix(shape.hidden_dim, shape.dim, f) + norm()
    head = HEADS[shape.head]
    if head == "labels":
        model += dense(shape.dim, shape.outputs, d)
    elif head == "pooled":
        model += dense(shape.dim, shape.dim, d) + dense(shape.dim, shape.outputs, d)
    elif head == "masked_lm":
        model += linear(shape.dim, shape.dim, d) + norm() + linear(shape.dim, shape.vocabulary, d)
    return model


def random_shape(rng: np.random.Generator, turn: int) -> Shape:
    heads = int(rng.integers(1, 5))
    dim, vocabulary = heads * int(rng.integers(1, 40)), int(rng.integers(2, 200))
    head = turn % len(HEADS)
    outputs = {"none": dim, "masked_lm": vocabulary}.get(HEADS[head], int(rng.integers(1, 40)))
    activation = turn % len(ACTIVATIONS)
    hidden, layers = int(rng.integers(1, 150)), int(rng.integers(1, 4))
    scheme = (8 if turn % 3 else 4), turn % 2
    return Shape(dim, hidden, heads, layers, vocabulary, 200, outputs, activation, head, *scheme)


def run(
    library: ctypes.CDLL,
    name: str,
    shape: Shape,
    weights: list[np.ndarray],
    batch: list[np.ndarray | None],
    threads: int,
) -> np.ndarray:
    places = (Weight * len(weights))(*(Weight(array.ctypes.data, array.nbytes) for array in weights))
    fault = c_int32()
    engine = library.distilbert_open(name.encode(), byref(shape), places, len(places), threads, byref(fault))
    assert engine, f"{name}: fault {fault.value} on opening"
    ids, _, rows, _ = batch
    out = np.empty((len(ids if rows is None else rows), shape.outputs), np.float32)
    places = [(array.ctypes if array is not None else None, len(array) if array is not None else 0) for array in batch]
    fault = library.distilbert_run(engine, *places[0], *places[1], *places[2], places[3][0], out.ctypes, out.size)
    library.distilbert_close(engine)
    assert fault == 0, f"{name}: fault {fault} on running"
    return out


def check_models(
    library: ctypes.CDLL,
    name: str,
    names: dict[str, tuple[int, int]],
    rng: np.random.Generator,
    shapes: int,
    threads: int,
) -> float:
    """The difference between two kernels' outputs in most models. Weights have 7 bits: all kernels may take those.

    A number may fall on the other side of a rounding to int8: most models do not differ at all, and none by more than
    such a step may make of it in all rows that attend to it.
    """
    medians = []
    for turn in range(shapes):
        shape = random_shape(rng, turn)
        lengths = rng.integers(1, 200, int(rng.integers(1, 6)))
        ids = rng.integers(0, shape.vocabulary, lengths.sum())
        rows = np.flatnonzero(rng.random(len(ids)) < 0.3) if turn % 2 else None
        attended = rng.integers(1, lengths + 1) if turn % 3 == 0 else None
        batch = [ids, lengths, rows, attended]
        outputs = [
            run(library, each, shape, random_model(shape, names[each][0], 7, turn), batch, count)
            for each, count in (("generic", 1), (name, 1), (name, threads))
        ]
        assert (outputs[1] == outputs[2]).all(), f"{name}: {threads} threads give other numbers than one"
        assert np.isfinite(outputs[1]).all()
        if not outputs[0].size:
            continue
        off = np.abs(outputs[0] - outputs[1]).max(-1) / np.abs(outputs[0]).max()
        assert np.median(off) < 0.02, f"{name}: model {turn} is off by {np.median(off)} (median of its rows)"
        assert off.max() < 0.2, f"{name}: model {turn} is off by {off.max()}"
        medians.append(float(np.median(off)))
    assert np.median(medians) < 1e-4, f"{name}: models are off by {np.median(medians)} (median)"
    return float(np.median(medians))


def rate(library: ctypes.CDLL, name: str, group: int, bits: int, rng: np.random.Generator) -> float:
    """10^9 multiplications and additions a second of the bare product, the best of several."""
    rows, width, out = 96, 768, 3072
    most = 2 ** (bits - 1) - 1
    a = rng.integers(-127, 128, (rows, width), np.int8)
    weights = rng.integers(-most, most + 1, (width, out), np.int8)
    packed, sums, result = pack(weights, group), weights.sum(0, dtype=np.int32), np.empty((rows, out), np.int32)
    memory = np.empty(packed.nbytes + 64, np.int8)
    aligned = memory[-memory.ctypes.data % 64 :][: packed.nbytes]  # as the cache's files are
    aligned[:] = packed.ravel()
    best = float("inf")
    for _ in range(2 if name == "generic" else 50):
        started = time.perf_counter()
        library.distilbert_product(
            name.encode(), a.ctypes, rows, aligned.ctypes, sums.ctypes, width, out, result.ctypes
        )
        best = min(best, time.perf_counter() - started)
    return 2 * rows * width * out / best / 1e9


if __name__ == "__main__":
    main()
