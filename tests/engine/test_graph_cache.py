"""The second start: without onnx, with the same results, and never with what is damaged or of another model."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import distilbert
from conftest import Maker, random_weights, small_config
from distilbert import int8
from distilbert.convert import quantize
from distilbert.engine import graph_cache
from distilbert.engine.graph_cache import open_graph
from distilbert.folder.checkpoint import Head, open_checkpoint, save_checkpoint

CODE = """
import sys
import distilbert
print(distilbert.load(sys.argv[1], threads=1)("a film .").score, "onnx" in sys.modules)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DISTILBERT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DISTILBERT_ENGINE", "onnx")
    return tmp_path / "cache"


def start(folder: Path) -> list[str]:
    """The score of a text in a process of its own, and whether it imported onnx."""
    run = subprocess.run([sys.executable, "-c", CODE, str(folder)], capture_output=True, text=True, check=True)
    return run.stdout.split()


def test_the_second_start_needs_no_onnx(make_checkpoint: Maker, cache: Path, tmp_path: Path) -> None:
    folder = make_checkpoint()
    quantize(folder, tmp_path / "int8", bits=int8.fitting_bits(), data=["a film ."])  # others are converted
    for model in (folder, tmp_path / "int8"):
        for path in cache.glob("*"):
            path.unlink()
        first, second = start(model), start(model)
        assert (first[1], second[1]) == ("True", "False")
        assert first[0] == second[0]
    assert cache.stat().st_mode & 0o777 == 0o700


def test_what_is_damaged_is_built_anew(make_checkpoint: Maker, cache: Path) -> None:
    folder = make_checkpoint()
    wanted = distilbert.load(folder).logits(["a film ."])
    (path,) = cache.glob("*.onnx")
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    bad = [b"", content[:20], content[:-1], content + b"0", rng.bytes(len(content))]
    places = rng.integers(0, len(content), 20)
    bad += [content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :] for place in places]
    for damaged in bad:
        path.write_bytes(damaged)
        np.testing.assert_array_equal(distilbert.load(folder).logits(["a film ."]), wanted)
        assert path.read_bytes() == content


def test_every_model_head_and_precision_has_its_own(make_checkpoint: Maker, cache: Path, tmp_path: Path) -> None:
    names = set()
    # the same config, but in a file the weights lie elsewhere
    config = small_config()
    weights = random_weights(config, Head.SEQUENCE_CLASSIFICATION)
    save_checkpoint(tmp_path / "other", config, {**weights, "classifier.bias": np.zeros(2, np.float32)})
    longer = make_checkpoint(name="longer", id2label={"0": "a", "1": "b", "2": "c"})
    for folder in (make_checkpoint(), longer, make_checkpoint(name="mish", activation="mish")):
        for all_rows in (False, True):
            for head in (Head.SEQUENCE_CLASSIFICATION, Head.NONE):
                open_graph(open_checkpoint(folder), head, all_rows=all_rows, precision="float32")
                names |= {path.name for path in cache.glob("*")}
    assert len(names) == 12
    open_graph(open_checkpoint(longer), Head.NONE, all_rows=True, precision="int8")  # converts weights: is not kept
    assert len(list(cache.glob("*"))) == 12


def test_the_cache_does_not_grow_for_ever(make_checkpoint: Maker, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_cache, "_MOST", 3)
    for heads in (1, 2, 4, 8, 16):
        folder = make_checkpoint(name=f"model{heads}", n_heads=heads)
        open_graph(open_checkpoint(folder), Head.NONE, all_rows=True, precision="float32")
    assert len(list(cache.glob("*"))) == 3


@pytest.mark.parametrize("place", ["", "file/below", "nul"])
def test_a_place_that_cannot_be_written_is_no_fault(
    place: str, make_checkpoint: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DISTILBERT_CACHE", str(tmp_path / place) if place == "file/below" else place and os.devnull)
    assert distilbert.load(make_checkpoint())("a film .").score > 0


def flipped(path: Path) -> bytes:
    """A graph that gives other answers, behind a digest of its own."""
    model = onnx.load_model_from_string(path.read_bytes()[32:])
    (last,) = [node for node in model.graph.node if node.op_type == "Identity"]
    last.op_type = "Neg"
    content = model.SerializeToString()
    return hashlib.sha256(path.name.encode() + content).digest() + content


@pytest.mark.parametrize("way", ["none", "folder", "group", "entry", "owner", "link"])
def test_what_others_may_have_written_is_not_used(
    way: str, make_checkpoint: Maker, cache: Path, tmp_path: Path
) -> None:
    folder = make_checkpoint()
    wanted = distilbert.load(folder).logits(["a film ."])
    (path,) = cache.glob("*.onnx")
    assert path.stat().st_mode & 0o777 == 0o600
    content = flipped(path)
    path.unlink()
    path.write_bytes(content)
    path.chmod(0o666 if way == "entry" else 0o600)
    if way in ("folder", "group"):
        cache.chmod(0o777 if way == "folder" else 0o770)
    elif way == "owner":
        if os.geteuid() != 0:
            pytest.skip("only root gives files away")
        os.chown(path, 12345, 12345)
    elif way == "link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    found = distilbert.load(folder).logits(["a film ."])
    if way == "none":  # the entry would be used: what follows tests something
        np.testing.assert_array_equal(found, -wanted)
    else:
        np.testing.assert_array_equal(found, wanted)


def test_an_entry_under_another_name_is_not_used(make_checkpoint: Maker, cache: Path) -> None:
    folder = make_checkpoint()
    wanted = distilbert.load(folder).logits(["a film ."])
    (path,) = cache.glob("*.onnx")
    other = make_checkpoint(name="other", n_heads=2)
    distilbert.load(other)
    (new,) = set(cache.glob("*.onnx")) - {path}
    path.write_bytes(new.read_bytes())
    np.testing.assert_array_equal(distilbert.load(folder).logits(["a film ."]), wanted)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "huge", "loop"])
def test_no_entry_makes_it_wait_or_fills_the_memory(kind: str, make_checkpoint: Maker, cache: Path) -> None:
    folder = make_checkpoint()
    wanted = distilbert.load(folder).logits(["a film ."])
    (path,) = cache.glob("*.onnx")
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    else:
        with path.open("wb") as file:
            file.truncate(1 << 40)
    np.testing.assert_array_equal(distilbert.load(folder).logits(["a film ."]), wanted)
