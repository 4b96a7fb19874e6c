"""DistilBERT-base on ragged sentences, one short text, long windows, and fill-mask: this package against its peers.

    python benchmarks/inference.py [--rounds 7] [--save FILE.json]

Peers: Transformers (PyTorch, scaled-dot-product attention, its best batch size, in arrival order and
ordered by length) and ONNX Runtime on the model as exported (in arrival order and ordered by length), in
float32 and with its dynamic int8 quantisation.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import transformers
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

import common
import distilbert
from distilbert import Batch
from distilbert.bench import available_cpus
from distilbert.convert import export_onnx

THREADS = available_cpus()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--texts", type=int, default=160)
    parser.add_argument("--only", choices=["ragged", "one", "windows", "entities", "fill-mask"])
    parser.add_argument("--save", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(THREADS)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as temporary:
        folder = common.base_checkpoint(Path(temporary) / "classifier")
        masked = common.base_checkpoint(Path(temporary) / "masked", "MaskedLM")
        tagger = common.base_checkpoint(Path(temporary) / "tagger", "TokenClassification")
        export_onnx(folder, Path(temporary) / "onnx")
        exported = Path(temporary) / "onnx/model.onnx"
        quantize_dynamic(exported, exported.with_name("int8.onnx"), weight_type=QuantType.QInt8)
        results: dict[str, object] = {"machine": common.machine()}
        parts = {
            "ragged": lambda: ragged(folder, exported, args.texts, args.rounds),
            "one": lambda: one_text(folder, exported, args.rounds),
            "windows": lambda: windows(folder, args.rounds),
            "entities": lambda: entities(tagger, args.texts, args.rounds),
            "fill-mask": lambda: fill_mask(masked, args.rounds),
        }
        for name in [args.only] if args.only else parts:
            results[name] = parts[name]()
    common.save(args.save, results)


class Transformers:
    """The model in PyTorch, on batches of texts that are padded to their longest."""

    def __init__(self, folder: Path, kind: type = transformers.AutoModelForSequenceClassification) -> None:
        self.model = kind.from_pretrained(folder, attn_implementation="sdpa").eval()
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    def logits(self, texts: list[str], size: int) -> np.ndarray:
        out = []
        with torch.inference_mode():
            for start in range(0, len(texts), size):
                inputs = self.tokenizer(
                    texts[start : start + size],
                    padding=True,
                    truncation=True,
                    return_tensors="pt",
                    return_token_type_ids=False,
                )
                out.append(self.model(**inputs).logits.numpy())
        return np.concatenate(out)


class Exported:
    """The model as exported to ONNX, in ONNX Runtime."""

    def __init__(self, path: Path, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    def logits(self, texts: list[str], size: int) -> np.ndarray:
        out = []
        for start in range(0, len(texts), size):
            inputs = self.tokenizer(
                texts[start : start + size],
                padding=True,
                truncation=True,
                return_tensors="np",
                return_token_type_ids=False,
            )
            out.append(
                self.session.run(["logits"], {name: array.astype(np.int64) for name, array in inputs.items()})[0]
            )
        return np.concatenate(out)


def by_length(texts: list[str]) -> list[str]:
    return sorted(texts, key=len)


def ragged(folder: Path, exported: Path, count: int, rounds: int) -> dict[str, object]:
    texts = common.sentences()[:count]
    ours = {precision: distilbert.load(folder, precision=precision) for precision in ("float32", "int8")}
    torch_model = Transformers(folder)
    onnx_models = {"float32": Exported(exported, folder), "int8": Exported(exported.with_name("int8.onnx"), folder)}
    reference = torch_model.logits(texts, 1)
    for logits in (ours["float32"].logits(texts), onnx_models["float32"].logits(texts, 16)):
        assert np.abs(logits - reference).max() < 1e-5
    assert np.abs(ours["int8"].logits(texts) - reference).max() < 0.1
    best = _best_size(lambda size: torch_model.logits(texts, size))
    ordered = _best_size(lambda size: torch_model.logits(by_length(texts), size))
    candidates = {
        "distilbert": lambda: ours["float32"].logits(texts),
        "distilbert int8": lambda: ours["int8"].logits(texts),
        f"Transformers, batches of {best}": lambda: torch_model.logits(texts, best),
        f"Transformers, ordered by length, batches of {ordered}": lambda: torch_model.logits(by_length(texts), ordered),
    }
    for precision, model in onnx_models.items():
        name = f"ONNX Runtime {'dynamic int8' if precision == 'int8' else precision}"
        candidates[f"{name}, arrival order, batches of 32"] = lambda m=model: m.logits(texts, 32)
        candidates[f"{name}, ordered by length, batches of 32"] = lambda m=model: m.logits(by_length(texts), 32)
    config = ours["float32"].config
    lengths = [len(encoding) for encoding in ours["float32"].tokenizer.encode_batch(texts)]
    batches = batches_of(ours["float32"], texts)
    products = {precision: MatrixProducts(config, precision) for precision in ours}
    for precision, bare in products.items():
        candidates[f"{precision} matrix products alone"] = lambda b=bare: [b.run(*batch) for batch in batches]
    seconds = common.race(candidates, rounds)
    bare_seconds = {precision: seconds.pop(f"{precision} matrix products alone") for precision in products}
    print(_report(f"{count} ragged sentences, {np.mean(lengths):.1f} tokens each", seconds, count))
    rates = {}
    for precision, name in (("float32", "distilbert"), ("int8", "distilbert int8")):
        useful = 2 * _multiply_adds(config, lengths) / seconds[name] / 1e9
        bare = 2 * sum(products[precision].multiply_adds(*batch) for batch in batches) / bare_seconds[precision] / 1e9
        rates[precision] = {"useful": useful, "matrix": bare}
        print(f"{precision}: useful work {useful:.0f} GOP/s, matrix products alone {bare:.0f}: {useful / bare:.1%}")
    print()
    return {"seconds": seconds, "texts": count, "rates": rates}


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


def _best_size(run: Callable[[int], object]) -> int:
    """The batch size at which a peer is fastest."""
    trial = common.race({str(size): lambda size=size: run(size) for size in (1, 8, 16, 32)}, 2)
    return int(min(trial, key=trial.__getitem__))


def one_text(folder: Path, exported: Path, rounds: int) -> dict[str, object]:
    ours = {precision: distilbert.load(folder, precision=precision) for precision in ("float32", "int8")}
    torch_model, onnx_model = Transformers(folder), Exported(exported, folder)
    words = " ".join(common.sentences()[:3]).split()
    tokenizer = ours["float32"].tokenizer
    text = next(" ".join(words[:n]) for n in range(1, 99) if len(tokenizer.encode(" ".join(words[:n]))) >= 16)
    seconds = common.race(
        {
            "distilbert": lambda: ours["float32"].logits(text),
            "distilbert int8": lambda: ours["int8"].logits(text),
            "Transformers": lambda: torch_model.logits([text], 1),
            "ONNX Runtime": lambda: onnx_model.logits([text], 1),
        },
        10 * rounds,
    )
    print(_report(f"one text of {len(tokenizer.encode(text))} tokens", seconds, 1))
    return {"seconds": seconds}


def entities(folder: Path, count: int, rounds: int) -> dict[str, object]:
    texts = common.sentences()[:count]
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
        rounds,
    )
    print(_report(f"entities, {count} ragged sentences", seconds, count))
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


def _multiply_adds(config: distilbert.DistilBertConfig, lengths: list[int]) -> int:
    """What a classifier needs of the encoder: all layers for all tokens, but in the last one query row a text."""
    d, f = config.dim, config.hidden_dim
    total = 0
    for t in lengths:
        total += (config.n_layers - 1) * (t * (4 * d * d + 2 * d * f) + 2 * d * t * t)
        total += 2 * t * d * d + 2 * d * d + 2 * d * f + 2 * d * t
    return total


class MatrixProducts:
    """The same products of the same shapes and nothing else: what the runtime can do at most."""

    def __init__(self, config: distilbert.DistilBertConfig, precision: str) -> None:
        self.config = config
        self.dtype = np.float32 if precision == "float32" else np.uint8
        d, f = config.dim, config.hidden_dim
        rng = np.random.default_rng(0)
        nodes, weights, inputs = [], {}, {"tokens": d, "rows": d, "wide_tokens": f, "wide_rows": f}

        def linear(x: str, wide: int) -> None:
            name, into = f"y{len(nodes)}", inputs[x]
            weight = rng.normal(0, 30, (into, wide))
            if precision == "float32":
                weights[f"w{name}"] = weight.T.astype(np.float32)
                weights[f"b{name}"] = np.zeros(wide, np.float32)
                nodes.append(helper.make_node("Gemm", [x, f"w{name}", f"b{name}"], [name], transB=1))
            else:
                weights[f"w{name}"] = weight.clip(-127, 127).astype(np.int8)
                weights[f"s{name}"] = np.ones(wide, np.float32)
                operands = [x, f"w{name}", "step", f"s{name}", "middle", "zero"]
                nodes.append(helper.make_node("MatMulIntegerToFloat", operands, [name], domain="com.microsoft"))

        if precision == "int8":
            weights |= {"step": np.float32(0.01), "middle": np.uint8(128), "zero": np.zeros(1, np.int8)}
        for layer in range(config.n_layers):
            x = "rows" if layer == config.n_layers - 1 else "tokens"
            for source, wide in (("tokens", d), ("tokens", d), (x, d), (x, d), (x, f), (f"wide_{x}", d)):
                linear(source, wide)
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
        graph = helper.make_graph(
            nodes,
            "products",
            [helper.make_tensor_value_info(name, kind, [None, width]) for name, width in inputs.items()],
            [helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None) for node in nodes],
            [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()],
        )
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options)

    def run(self, tokens: int, rows: int) -> None:
        d, f = self.config.dim, self.config.hidden_dim
        shapes = {"tokens": (tokens, d), "rows": (rows, d), "wide_tokens": (tokens, f), "wide_rows": (rows, f)}
        self.session.run(None, {name: np.ones(shape, self.dtype) for name, shape in shapes.items()})

    def multiply_adds(self, tokens: int, rows: int) -> int:
        d, f = self.config.dim, self.config.hidden_dim
        full = tokens * (4 * d * d + 2 * d * f)
        return (self.config.n_layers - 1) * full + tokens * 2 * d * d + rows * (2 * d * d + 2 * d * f)


if __name__ == "__main__":
    main()
