"""The packed graph against a plain NumPy model, for every head and activation, and what must not change a result."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import Maker, random_weights, small_config
from distilbert import Activation, CheckpointError, InputError
from distilbert.batch import Batch, run_batched
from distilbert.engine.cpus import _cgroup_quota, available_cpus
from distilbert.engine.onnx import OnnxEngine
from distilbert.folder.checkpoint import Head, open_checkpoint, save_checkpoint
from distilbert.loading import open_engine
from helpers.reference import forward
from helpers.token_ids import texts_of


def engine_of(folder: Path, *, all_rows: bool = True, head: Head | None = None, threads: int = 1) -> OnnxEngine:
    checkpoint = open_checkpoint(folder)
    return OnnxEngine(checkpoint, head or checkpoint.head, all_rows=all_rows, threads=threads)


def assert_close(ours: np.ndarray, reference: np.ndarray, tolerance: float = 1e-5) -> None:
    """To `tolerance` of the largest number."""
    np.testing.assert_allclose(ours, reference, rtol=0, atol=tolerance * max(1, np.abs(reference).max()))


@pytest.mark.parametrize("head", list(Head))
def test_every_head_gives_what_the_reference_gives(make_checkpoint: Maker, head: Head) -> None:
    folder = make_checkpoint(head, id2label={"0": "a", "1": "b", "2": "c"})
    checkpoint = open_checkpoint(folder)
    weights = {name: tensor.read() for name, tensor in checkpoint.tensors.items()}
    texts = texts_of()
    found = run_batched(engine_of(folder).run, texts, None, 256)
    for ids, out in zip(texts, found):
        assert_close(out, forward(checkpoint.config, weights, ids, head))


@pytest.mark.parametrize("activation", list(Activation))
def test_every_activation(make_checkpoint: Maker, activation: Activation) -> None:
    folder = make_checkpoint(Head.MASKED_LM, activation=activation.value, tie_word_embeddings=False)
    checkpoint = open_checkpoint(folder)
    weights = {name: tensor.read() for name, tensor in checkpoint.tensors.items()}
    texts = texts_of((9, 30))
    for ids, out in zip(texts, run_batched(engine_of(folder).run, texts, None, 256)):
        assert_close(out, forward(checkpoint.config, weights, ids, Head.MASKED_LM))


@pytest.mark.parametrize("head", [Head.NONE, Head.MASKED_LM, Head.SEQUENCE_CLASSIFICATION])
def test_rows_are_cut_from_all_rows(make_checkpoint: Maker, head: Head) -> None:
    folder = make_checkpoint(head)
    texts = texts_of()
    rng = np.random.default_rng(1)
    rows = [np.sort(rng.choice(len(ids), rng.integers(0, len(ids) + 1), replace=False)) for ids in texts]
    rows[0] = np.array([0])
    everything = run_batched(engine_of(folder).run, texts, None, 256)
    chosen = run_batched(engine_of(folder, all_rows=False).run, texts, rows, 256)
    for read, all_rows, out in zip(rows, everything, chosen):
        assert len(out) == len(read)
        if len(read):
            assert_close(out, all_rows[read], 1e-6)


@pytest.mark.parametrize("shape", [{"n_layers": 1}, {"n_heads": 1}, {"n_heads": 32}, {"dim": 4, "n_heads": 2}])
def test_odd_shapes(make_checkpoint: Maker, shape: dict[str, int]) -> None:
    folder = make_checkpoint(Head.TOKEN_CLASSIFICATION, **shape)
    checkpoint = open_checkpoint(folder)
    weights = {name: tensor.read() for name, tensor in checkpoint.tensors.items()}
    texts = texts_of((7, 2, 50))
    for ids, out in zip(texts, run_batched(engine_of(folder).run, texts, None, 256)):
        assert_close(out, forward(checkpoint.config, weights, ids, Head.TOKEN_CLASSIFICATION))


def test_a_result_depends_on_nothing_but_its_text(make_checkpoint: Maker) -> None:
    """Alone, in equal and in mixed batches, in any order, with 1 or 2 threads: to 1e-6 of the logits' size."""
    folder = make_checkpoint(Head.SEQUENCE_CLASSIFICATION, dim=64, hidden_dim=128)
    texts = texts_of() + texts_of((20,) * 6, seed=1)
    rows = [np.array([0])] * len(texts)
    one = engine_of(folder, all_rows=False)
    alone = np.concatenate([one.run(Batch.pack([ids], [np.array([0])])) for ids in texts])
    for threads in (1, 2):
        engine = engine_of(folder, all_rows=False, threads=threads)
        for order in (range(len(texts)), range(len(texts) - 1, -1, -1)):
            for budget in (1, 64, 256, 10_000):
                out = run_batched(engine.run, [texts[i] for i in order], rows, budget)
                assert_close(np.concatenate(out), alone[list(order)], 1e-6)


def test_equal_to_transformers_on_random_checkpoints(tmp_path: Path, vocab: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    rng = np.random.default_rng(3)
    for seed in range(24):
        heads = int(rng.choice([1, 2, 4]))
        head = list(Head)[seed % len(Head)]
        torch.manual_seed(seed)
        config = transformers.DistilBertConfig(
            vocab_size=300,
            max_position_embeddings=64,
            dim=8 * heads * int(rng.integers(1, 4)),
            n_heads=heads,
            n_layers=int(rng.integers(1, 4)),
            hidden_dim=int(rng.integers(8, 80)),
            activation=str(rng.choice(["gelu", "relu", "gelu_new", "silu", "quick_gelu", "mish", "gelu_fast"])),
            sinusoidal_pos_embds=bool(rng.integers(2)),
            num_labels=2 if head is Head.QUESTION_ANSWERING else int(rng.integers(1, 6)),
            initializer_range=0.3,
        )
        model = getattr(transformers, head.value)(config).eval().double()  # so that the rounding is ours alone
        folder = tmp_path / str(seed)
        copy.deepcopy(model).float().save_pretrained(folder)
        engine = engine_of(folder)
        for ids in texts_of((1, 5, 33, 64), seed, vocab=300):
            batch = torch.tensor(ids)[None]
            with torch.no_grad():
                out = model(batch[None] if head is Head.MULTIPLE_CHOICE else batch)
            ours = engine.run(Batch.pack([ids]))
            if head is Head.QUESTION_ANSWERING:
                reference = torch.stack([out.start_logits[0], out.end_logits[0]], -1).numpy()
            else:
                reference = out[0][0].numpy()
            if head in (Head.SEQUENCE_CLASSIFICATION, Head.MULTIPLE_CHOICE):
                ours = ours[0]
            assert_close(ours, reference)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_weights_stored_otherwise_are_made_float32(make_checkpoint: Maker, tmp_path: Path, dtype: type) -> None:
    checkpoint = open_checkpoint(make_checkpoint(Head.TOKEN_CLASSIFICATION))
    weights = {name: tensor.read().astype(dtype) for name, tensor in checkpoint.tensors.items()}
    save_checkpoint(tmp_path / "other", checkpoint.config, weights)
    stored = {name: array.astype(np.float32) for name, array in weights.items()}
    (ids,) = texts_of((30,))
    out = engine_of(tmp_path / "other").run(Batch.pack([ids]))
    assert_close(out, forward(checkpoint.config, stored, ids, Head.TOKEN_CLASSIFICATION))


def test_ids_and_lengths_that_the_model_does_not_have_are_refused(make_checkpoint: Maker) -> None:
    engine = engine_of(make_checkpoint(Head.TOKEN_CLASSIFICATION))
    with pytest.raises(InputError, match="129 tokens; the model reads 128"):
        engine.run(Batch.pack([np.zeros(129, np.int64)]))
    for bad in (6000, -1):
        with pytest.raises(InputError, match=f"token id {bad} is outside"):
            engine.run(Batch.pack([np.array([1, bad])]))


def test_nothing_is_opened_for_options_that_do_not_exist(make_checkpoint: Maker) -> None:
    checkpoint = open_checkpoint(make_checkpoint())
    good = {"all_rows": True, "precision": "float32", "threads": None, "device": "cpu"}
    for option, value in (("precision", "int3"), ("threads", 0), ("threads", True), ("device", "tpu")):
        with pytest.raises(InputError, match=option):
            open_engine(checkpoint, checkpoint.head, **(good | {option: value}))  # type: ignore[arg-type]


def test_weights_that_vanish_under_the_runtime_are_an_error(make_checkpoint: Maker) -> None:
    checkpoint = open_checkpoint(make_checkpoint())
    (checkpoint.folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"(cannot open the weights|safetensors: cannot be read)"):
        OnnxEngine(checkpoint, checkpoint.head, all_rows=True, threads=1)


def test_weights_are_mapped_not_copied(tmp_path: Path) -> None:
    """Word embeddings of 200 MB cost no memory until their rows are used."""
    config = small_config(Head.NONE, vocab_size=400_000, dim=128)
    words = {"distilbert.embeddings.word_embeddings.weight": np.zeros((400_000, 128), np.float32)}
    save_checkpoint(tmp_path, config, random_weights(small_config(Head.NONE, dim=128), Head.NONE) | words)
    program = f"""
import numpy as np
from distilbert.batch import Batch
from distilbert.folder.checkpoint import Head, open_checkpoint
from distilbert.bench import peak_memory
from distilbert.engine.onnx import OnnxEngine

before = peak_memory()
engine = OnnxEngine(open_checkpoint({str(tmp_path)!r}), Head.NONE, all_rows=True, threads=1)
engine.run(Batch.pack([np.arange(100)]))
print(peak_memory() - before)
"""
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(out.stdout) < 100  # MB


def test_threads_default_to_what_the_process_may_use(tmp_path: Path) -> None:
    assert 1 <= available_cpus() <= (os.cpu_count() or 1)
    assert _cgroup_quota(tmp_path) is None
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert _cgroup_quota(tmp_path) == 1.5
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert _cgroup_quota(tmp_path) is None
    (tmp_path / "cpu.max").unlink()
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("50000\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert _cgroup_quota(tmp_path) == 0.5


def test_threads_follow_the_affinity() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system has no affinity")
    read = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(read)})
        assert available_cpus() == 1
    finally:
        os.sched_setaffinity(0, read)
