"""The PyTorch engine gives what the ONNX engine gives, and devices are found or named as missing."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.numpy import load_file, save_file  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

import distilbert  # noqa: E402
from conftest import Maker  # noqa: E402
from distilbert import CheckpointError, InputError, MissingExtraError  # noqa: E402
from distilbert.batch import Batch  # noqa: E402
from distilbert.engine.onnx import OnnxEngine  # noqa: E402
from distilbert.folder.checkpoint import Head, open_checkpoint  # noqa: E402
from distilbert.loading import open_engine  # noqa: E402
from distilbert.nn import DistilBertForSequenceClassification  # noqa: E402
from distilbert.nn.engine import TorchEngine, find_device  # noqa: E402

gpu = pytest.mark.gpu
HERE = [
    name for name, here in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())) if here
]


def texts() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 6000, length) for length in (9, 1, 40, 128, 9)]


def some_rows(ids: list[np.ndarray]) -> list[np.ndarray]:
    return [np.arange(0, len(text), 3) for text in ids]


def close(ours: np.ndarray, theirs: np.ndarray, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * max(1, np.abs(theirs).max()))


@pytest.mark.parametrize("head", Head)
@pytest.mark.parametrize("bare", [True, False])
def test_equals_the_onnx_engine(make_checkpoint: Maker, head: Head, bare: bool) -> None:
    checkpoint = open_checkpoint(make_checkpoint(head))
    run = Head.NONE if bare else head
    engine = TorchEngine.open(checkpoint, run, device="cpu")
    for all_rows in (True, False):
        batch = Batch.pack(texts(), None if all_rows else some_rows(texts()))
        theirs = OnnxEngine(checkpoint, run, all_rows=all_rows, threads=1).run(batch)
        ours = engine.run(batch)
        assert ours.dtype == np.float32
        close(ours, theirs)


@pytest.mark.parametrize("way", ["damaged", "overwritten", "cut off", "in memory"])
def test_weights_that_are_no_longer_those_of_the_folder(way: str, make_checkpoint: Maker) -> None:
    folder, other = make_checkpoint(), make_checkpoint(seed=1, name="other")
    file = folder / "model.safetensors"
    if way in ("damaged", "in memory"):
        arrays = load_file(file)
        arrays["classifier.bias"][:] = np.nan
        save_file(arrays, file)
    if way == "in memory":  # training goes on
        assert np.isnan(
            TorchEngine(DistilBertForSequenceClassification.from_pretrained(folder)).run(
                Batch.pack(texts(), some_rows(texts()))
            )
        ).all()
        return
    engine = TorchEngine.open(open_checkpoint(folder), Head.SEQUENCE_CLASSIFICATION, device="cpu")
    if way == "overwritten":
        file.write_bytes((other / "model.safetensors").read_bytes())
    elif way == "cut off":
        os.truncate(file, 100)
    message = {"damaged": "NaN or infinite", "overwritten": "was overwritten", "cut off": "was cut off"}[way]
    with pytest.raises(CheckpointError, match=message):
        engine.run(Batch.pack(texts(), some_rows(texts())))


def test_texts_do_not_touch_each_other(make_checkpoint: Maker) -> None:
    engine = TorchEngine.open(open_checkpoint(make_checkpoint(Head.NONE)), Head.NONE, device="cpu")
    together = np.split(engine.run(Batch.pack(texts())), np.cumsum([len(text) for text in texts()])[:-1])
    for text, rows in zip(texts(), together, strict=True):
        close(rows, engine.run(Batch.pack([text])), 1e-6)


def test_bad_batches_are_errors_as_on_the_cpu(make_checkpoint: Maker) -> None:
    engine = TorchEngine.open(open_checkpoint(make_checkpoint()), Head.NONE, device="cpu")
    with pytest.raises(InputError, match="129 tokens; the model reads 128"):
        engine.run(Batch.pack([np.zeros(129, np.int64)]))
    with pytest.raises(InputError, match="token id 6000 is outside"):
        engine.run(Batch.pack([np.array([6000])]))


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a CUDA device")
def test_auto_without_cuda_is_the_cpu_engine(make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    assert find_device("auto") == "cpu"
    assert isinstance(distilbert.load(folder, device="auto").model.engine, OnnxEngine)
    with pytest.raises(InputError, match=r"device 'cuda' is not here: PyTorch .* finds none"):
        distilbert.load(folder, device="cuda")


def test_other_devices_run_on_pytorch(make_checkpoint: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way to a GPU, walked with the CPU at its end."""
    folder = make_checkpoint()
    monkeypatch.setattr("distilbert.nn.engine.find_device", lambda _: "meta")
    monkeypatch.setattr("distilbert.nn.engine.TorchEngine.open", lambda *given, device: (*given, device))
    checkpoint = open_checkpoint(folder)
    options = {"all_rows": False, "threads": None, "device": "auto"}
    engine = open_engine(checkpoint, checkpoint.head, precision=None, **options)
    assert engine == (checkpoint, Head.SEQUENCE_CLASSIFICATION, "meta")
    with pytest.raises(InputError, match="int8 runs on the CPU"):
        open_engine(checkpoint, checkpoint.head, precision="int8", **options)


@gpu
@pytest.mark.skipif(not HERE, reason="no CUDA or MPS device")
@pytest.mark.parametrize("device", HERE)
@pytest.mark.parametrize("head", Head)
def test_a_gpu_equals_the_cpu(make_checkpoint: Maker, head: Head, device: str) -> None:
    checkpoint = open_checkpoint(make_checkpoint(head))
    batch = Batch.pack(texts(), some_rows(texts()))
    theirs = OnnxEngine(checkpoint, head, all_rows=False, threads=1).run(batch)
    options = {"all_rows": False, "precision": None, "threads": None}
    close(open_engine(checkpoint, head, device=device, **options).run(batch), theirs, 1e-4)


@gpu
@pytest.mark.skipif("cuda" not in HERE, reason="no CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_on_cuda_prepares_nothing_for_each_shape(make_checkpoint: Maker, dtype: torch.dtype) -> None:
    called = set()

    class Named(TorchDispatchMode):
        def __torch_dispatch__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            called.add(str(call))
            return call(*args, **kwargs or {})

    model = DistilBertForSequenceClassification.from_pretrained(make_checkpoint()).to("cuda", dtype)
    with Named():
        TorchEngine(model).run(Batch.pack(texts(), some_rows(texts())))
    attention = [name for name in called if "attention" in name]
    assert attention, called
    assert not any("cudnn" in name for name in attention), attention


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # as where it is not installed
import distilbert
try:
    {use}
except distilbert.MissingExtraError as error:
    print(error)
"""


@pytest.mark.parametrize("use", ["import distilbert.nn", "distilbert.load({folder!r}, device='auto')"])
def test_without_pytorch_the_error_names_the_command(make_checkpoint: Maker, use: str) -> None:
    code = WITHOUT_TORCH.format(use=use.format(folder=str(make_checkpoint())))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "distilbert.nn needs torch: pip install 'distilbert[torch]'\n"
    assert issubclass(MissingExtraError, ImportError)
