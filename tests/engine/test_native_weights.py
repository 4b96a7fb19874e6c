"""The native int8 engine's packed weights in the cache, and where it is the engine that is chosen."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import distilbert
from conftest import Maker
from distilbert import InputError
from distilbert.convert import quantize
from distilbert.engine import choice, native_weights
from distilbert.engine.choice import choose
from distilbert.engine.native import library
from distilbert.folder.checkpoint import Head
from helpers.native import FASTEST, GENERIC, WIDE, engine_of, rows_of
from helpers.token_ids import texts_of


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DISTILBERT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_packed_weights_are_kept_and_mapped(make_checkpoint: Maker, cache: Path, tmp_path: Path) -> None:
    folder = make_checkpoint(Head.NONE, **WIDE)
    quantize(folder, tmp_path / "int8", bits=7, data=["a text"])
    for model in (folder, tmp_path / "int8"):
        for path in cache.glob("*.weights"):
            path.unlink()
        first = rows_of(engine_of(model), texts_of())
        (path,) = cache.glob("*.weights")
        content = path.read_bytes()
        engine = engine_of(model)
        assert all(isinstance(array, np.memmap) for array in engine._weights if array.size > 200)
        np.testing.assert_array_equal(rows_of(engine, texts_of()), first)
        # what is damaged in its frame is made anew
        for bad in (b"", content[:100], content[:-1], content[:-8] + b"\xff" * 8, content[:-100] + bytes(100)):
            path.write_bytes(bad)
            np.testing.assert_array_equal(rows_of(engine_of(model), texts_of()), first)
            assert path.read_bytes() == content
        path.chmod(0o666)  # others may have written it
        path.write_bytes(bytes(len(content)))
        np.testing.assert_array_equal(rows_of(engine_of(model), texts_of()), first)


def test_other_weights_are_packed_anew(make_checkpoint: Maker, cache: Path) -> None:
    folder = make_checkpoint(Head.NONE, **WIDE)
    first = rows_of(engine_of(folder), texts_of())
    other = make_checkpoint(Head.NONE, seed=1, name="other", **WIDE)
    os.replace(other / "model.safetensors", folder / "model.safetensors")  # noqa: PTH105 - as a training run would
    assert not np.array_equal(rows_of(engine_of(folder), texts_of()), first)
    assert len(list(cache.glob("*.weights"))) == 2
    engine_of(make_checkpoint(Head.NONE, name="third", **WIDE), kernels=GENERIC)
    engine_of(make_checkpoint(Head.MASKED_LM, name="fourth", **WIDE), head=Head.NONE)
    assert len(list(cache.glob("*.weights"))) == 4


def test_the_cache_does_not_grow_for_ever(make_checkpoint: Maker, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_weights, "_MOST", 2)
    for seed in range(4):
        engine_of(make_checkpoint(Head.NONE, seed=seed, name=f"model{seed}"))
    assert len(list(cache.glob("*.weights"))) == 2


# which engine ---------------------------------------------------------------------------------------------------------


def test_the_variable_decides(make_checkpoint: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_checkpoint(**WIDE)
    for wanted in ("onnx", "native"):
        monkeypatch.setenv("DISTILBERT_ENGINE", wanted)
        task = distilbert.load(folder, precision="int8")
        assert (task.model.engine.name, task.model.engine.precision) == (wanted, "int8")
        assert "DISTILBERT_ENGINE asks for it" in task.model.engine.reason
        assert distilbert.load(folder).model.engine.name == "onnx"
    monkeypatch.setenv("DISTILBERT_ENGINE", "fast")
    with pytest.raises(InputError, match="DISTILBERT_ENGINE must be 'onnx' or 'native', not 'fast'"):
        distilbert.load(folder)


def test_it_is_chosen_where_it_is_known_to_be_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISTILBERT_ENGINE", raising=False)
    monkeypatch.setattr(choice, "_FASTER", (FASTEST.name,))
    monkeypatch.setattr("distilbert.int8.fitting_bits", lambda: FASTEST.bits)
    assert str(choose("int8")) == f"native ({FASTEST.name}), because it is faster on this processor"
    assert choose("float32").name == "onnx"
    monkeypatch.setattr("distilbert.int8.fitting_bits", lambda: FASTEST.bits + 1)  # instructions that it does not use
    assert choose("int8").name == "onnx"
    monkeypatch.setattr(choice, "_FASTER", ())
    assert str(choose("int8")).startswith(f"onnx, because distilbert-native's {FASTEST.name} kernels are not known")


def test_onnx_runtime_is_not_imported(make_checkpoint: Maker) -> None:
    code = """
import sys, distilbert
print(distilbert.load(sys.argv[1], precision="int8", threads=1)("a film .").label, "onnxruntime" in sys.modules)
"""
    environment = os.environ | {"DISTILBERT_ENGINE": "native"}
    command = [sys.executable, "-c", code, str(make_checkpoint())]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split()[1] == "False"


@pytest.mark.slow
@pytest.mark.parametrize(("sanitizers", "models"), [("address,undefined", 40), ("thread", 3)])
def test_random_models_under_sanitizers(tmp_path: Path, sanitizers: str, models: int) -> None:
    if not shutil.which("cmake") or not shutil.which("c++"):
        pytest.skip("needs CMake and a C++ compiler")
    source = Path(__file__).parents[2] / "native"
    subprocess.run(["cmake", "-S", source, "-B", tmp_path, "-DFUZZ=ON", f"-DSANITIZE={sanitizers}"], check=True)
    subprocess.run(["cmake", "--build", tmp_path, "--parallel", "2"], check=True)
    for seed in ("0", "100"):
        done = subprocess.run([tmp_path / "fuzz", seed, str(models)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_every_kernel_is_exact() -> None:
    """What the distribution checks by itself, without this package."""
    script = Path(__file__).parents[2] / "native/tests/check_kernels.py"
    command = [sys.executable, str(script), str(library()._name), "--shapes", "16"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{FASTEST.name}: 16 products are exact" in done.stdout
