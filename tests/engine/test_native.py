"""The native int8 engine: against ONNX Runtime's int8, NumPy and float32, and what must not change a result."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import distilbert
from conftest import Maker
from distilbert import Activation, CheckpointError, InputError
from distilbert.batch import Batch, run_batched
from distilbert.convert import quantize
from distilbert.convert.quantizer import Quantizer, matrix_groups
from distilbert.engine import native_weights
from distilbert.engine.input_ranges import input_ranges
from distilbert.engine.native import library
from distilbert.folder.checkpoint import Head, open_checkpoint
from helpers.native import EXACT, KERNELS, WIDE, engine_of, onnx_of, rows_of, texts_for
from helpers.patience import PATIENCE
from helpers.token_ids import texts_of

SHAPES = [
    WIDE,
    {"dim": 20, "n_heads": 2, "hidden_dim": 37},
    {"dim": 4, "n_heads": 2, "n_layers": 1},
    {"dim": 96, "n_heads": 1, "hidden_dim": 48},
    {"dim": 33, "n_heads": 33, "hidden_dim": 300},
]


# every head in one shape, and two in each of the others
PAIRS = [
    (shape, head)
    for row, shape in enumerate(SHAPES)
    for column, head in enumerate(Head)
    if row == 0 or (row + column) % 3 == 0
]


@pytest.mark.parametrize(("shape", "head"), PAIRS, ids=str)
def test_it_gives_what_int8_in_onnx_runtime_gives(make_checkpoint: Maker, head: Head, shape: dict[str, int]) -> None:
    """But for numbers that fall on the other side of a rounding; and it is as close to float32."""
    folder = make_checkpoint(head, id2label={"0": "a", "1": "b", "2": "c"}, **shape)
    texts = texts_for(head)
    exact, theirs = (rows_of(onnx_of(folder, precision), texts) for precision in ("float32", "int8"))
    for kernels in KERNELS:
        ours = rows_of(engine_of(folder, kernels=kernels, threads=2), texts)
        assert ours.shape == exact.shape
        error, theirs_error = (np.abs(rows - exact).mean() for rows in (ours, theirs))
        if kernels.bits == distilbert.int8.fitting_bits():
            if kernels in EXACT:
                assert np.median(np.abs(ours - theirs).max(-1)) <= 1e-3 * np.abs(theirs).max()
            assert error < 1.2 * theirs_error + 1e-6
        else:  # 7 bits beside 8
            assert error < 4 * theirs_error + 1e-6
        assert np.corrcoef(exact.ravel(), ours.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("activation", list(Activation))
@pytest.mark.parametrize("kernels", KERNELS, ids=lambda kernels: kernels.name)
def test_every_activation(make_checkpoint: Maker, activation: Activation, kernels: native_weights.Kernels) -> None:
    folder = make_checkpoint(Head.MASKED_LM, activation=activation.value, tie_word_embeddings=False, **WIDE)
    texts = texts_for(Head.MASKED_LM)
    exact, ours = rows_of(onnx_of(folder, "float32"), texts), rows_of(engine_of(folder, kernels=kernels), texts)
    assert np.corrcoef(exact.ravel(), ours.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("bits", [7, 8])
@pytest.mark.parametrize("head", [Head.MASKED_LM, Head.SEQUENCE_CLASSIFICATION])
def test_quantised_folders(make_checkpoint: Maker, tmp_path: Path, head: Head, bits: int) -> None:
    folder = make_checkpoint(head, **WIDE)
    quantize(folder, tmp_path / "int8", bits=bits, smooth=False, data=["a text"])
    texts = texts_for(head)
    exact = rows_of(onnx_of(folder, "float32"), texts)
    for kernels in KERNELS:
        ours = rows_of(engine_of(tmp_path / "int8", kernels=kernels), texts)
        assert np.corrcoef(exact.ravel(), ours.ravel())[0, 1] > 0.99
        if kernels.bits == bits:
            np.testing.assert_array_equal(ours, rows_of(engine_of(folder, kernels=kernels), texts))


SCHEMES: tuple[list[int], ...] = ([], [0, 2], [1, 3], [0, 1, 2, 3])


# every scheme in one shape, and two in each of the others
@pytest.mark.parametrize(
    ("row", "column"),
    [(row, column) for row in range(len(SHAPES)) for column in range(len(SCHEMES)) if not row or (row + column) % 2],
)
def test_every_scheme(make_checkpoint: Maker, tmp_path: Path, row: int, column: int) -> None:
    """4-bit words, smoothing, and these of each layer's four groups of matrices in float32: as in ONNX Runtime."""
    shape, float32, head = SHAPES[row], SCHEMES[column], (Head.NONE, Head.MASKED_LM)[(column // 2 + row // 2) % 2]
    source = open_checkpoint(make_checkpoint(head, **shape))
    groups = matrix_groups(source.config.n_layers)
    quantizer = Quantizer(source, bits=7, word_bits=4, ranges=input_ranges(source, texts_of(seed=1), 512))
    folder = tmp_path / "int8"
    folder.mkdir()
    quantizer.write(folder, [name for index, group in enumerate(groups) if index % 4 in float32 for name in group])
    texts = texts_for(head)
    theirs = rows_of(onnx_of(folder), texts)
    for kernels in KERNELS:
        ours = rows_of(engine_of(folder, kernels=kernels, threads=2), texts)
        all_float = len(float32) == 4 and head is Head.NONE
        if all_float or (kernels in EXACT and kernels.bits == distilbert.int8.fitting_bits()):
            assert np.median(np.abs(ours - theirs).max(-1)) <= (1e-5 if all_float else 1e-3) * np.abs(theirs).max()
        assert np.corrcoef(theirs.ravel(), ours.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("head", [Head.NONE, Head.MASKED_LM, Head.SEQUENCE_CLASSIFICATION])
def test_rows_are_cut_from_all_rows(make_checkpoint: Maker, head: Head) -> None:
    folder = make_checkpoint(head, **WIDE)
    texts, rng = texts_of(), np.random.default_rng(1)
    rows = [np.sort(rng.choice(len(ids), rng.integers(0, len(ids) + 1), replace=False)) for ids in texts]
    everything = run_batched(engine_of(folder).run, texts, None, 256)
    for threads in (1, 2, 5):
        chosen = run_batched(engine_of(folder, all_rows=False, threads=threads).run, texts, rows, 256)
        for places, all_rows, out in zip(rows, everything, chosen):
            np.testing.assert_array_equal(out, all_rows[places])
    nothing = Batch.pack(texts[:1], [np.empty(0, np.int64)])
    assert len(engine_of(folder, all_rows=False).run(nothing)) == 0


@pytest.mark.parametrize("kernels", KERNELS, ids=lambda kernels: kernels.name)
def test_tokens_attend_to_the_first_ones_alone(make_checkpoint: Maker, kernels: native_weights.Kernels) -> None:
    folder = make_checkpoint(Head.NONE, **WIDE)
    texts, attended = texts_of((9, 30, 100)), [3, 30, 71]
    ours = engine_of(folder, kernels=kernels).run(Batch.pack(texts, attended=attended))
    theirs = onnx_of(folder).run(Batch.pack(texts, attended=attended))
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.99
    if kernels in EXACT and kernels.bits == distilbert.int8.fitting_bits():
        assert np.median(np.abs(ours - theirs).max(-1)) < 1e-3 * np.abs(theirs).max()
    changed = [np.concatenate([ids[:count], ids[count:][::-1]]) for ids, count in zip(texts, attended)]
    again = engine_of(folder, kernels=kernels).run(Batch.pack(changed, attended=attended))
    np.testing.assert_array_equal(ours[:3], again[:3])


@pytest.fixture
def many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distilbert.engine.seam.available_cpus", lambda: 8)


@pytest.mark.usefixtures("many_threads")
@pytest.mark.parametrize("kernels", KERNELS, ids=lambda kernels: kernels.name)
def test_a_result_depends_on_nothing_but_its_text(make_checkpoint: Maker, kernels: native_weights.Kernels) -> None:
    """Alone and in any batch, in any order, on any number of threads: bit for bit."""
    folder = make_checkpoint(Head.SEQUENCE_CLASSIFICATION, **WIDE)
    texts = texts_of() + texts_of((20,) * 6 + (100,) * 6, seed=1)  # three threads have rows enough not to share any
    rows = [np.array([0])] * len(texts)
    one = engine_of(folder, all_rows=False, kernels=kernels)
    alone = np.concatenate([one.run(Batch.pack([ids], [np.array([0])])) for ids in texts])
    for threads in (1, 2, 3, 8):
        engine = engine_of(folder, all_rows=False, threads=threads, kernels=kernels)
        assert engine.threads == threads
        forwards = range(len(texts))
        for order, budget in ((forwards, 64), (forwards, 10_000), (forwards[::-1], 1), (forwards[::-1], 256)):
            out = run_batched(engine.run, [texts[i] for i in order], rows, budget)
            np.testing.assert_array_equal(np.concatenate(out), alone[list(order)])


@pytest.mark.parametrize("threads", [1, 2])
def test_many_python_threads_at_once(make_checkpoint: Maker, threads: int) -> None:
    folder = make_checkpoint(Head.NONE, **WIDE)
    batches = [Batch.pack(texts_of((length, 40), seed=length)) for length in range(1, 9)]
    engine = engine_of(folder, threads=threads)
    wanted = [engine.run(batch) for batch in batches]
    wrong: list[int] = []

    def work(start: int) -> None:
        for turn in range(40):
            index = (start + turn) % len(batches)
            if not np.array_equal(engine.run(batches[index]), wanted[index]):
                wrong.append(index)

    workers = [threading.Thread(target=work, args=(start,)) for start in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux")
def test_the_caller_may_run_on_the_same_cores_afterwards(make_checkpoint: Maker) -> None:
    """While a batch runs its threads keep to cores of their own."""
    before = os.sched_getaffinity(0)
    engine = engine_of(make_checkpoint(), threads=2)
    for _ in range(3):
        engine.run(Batch.pack(texts_of((40,))))
        assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize("threads", [1, 2])
def test_it_runs_in_a_forked_process(make_checkpoint: Maker, threads: int) -> None:
    code = f"""
import os, sys
import numpy as np
from distilbert.batch import Batch
from distilbert.engine import native, seam
from distilbert.folder.checkpoint import open_checkpoint

seam.available_cpus = lambda: 8
checkpoint = open_checkpoint({str(make_checkpoint(Head.NONE, **WIDE))!r})
kernels = native.processor_kernels()[0]
engine = native.NativeEngine(checkpoint, checkpoint.head, all_rows=True, threads={threads}, kernels=kernels)
batch = Batch.pack([np.arange(50)])
wanted = engine.run(batch)
for turn in range(3):
    child = os.fork()
    if not child:
        same = np.array_equal(engine.run(batch), wanted)
        del engine
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
assert np.array_equal(engine.run(batch), wanted)
print("done")
"""
    command = [
        sys.executable,
        "-W",
        "ignore::DeprecationWarning",
        "-c",
        code,
    ]  # Python 3.12 warns of forks beside threads
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.stdout, done.stderr) == ("done\n", "")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_does_not_fit_is_refused_at_the_seam(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(Head.NONE, **WIDE)
    engine = engine_of(folder, all_rows=False)
    with pytest.raises(InputError, match="token id 6000"):
        engine.run(Batch.pack([np.array([1, 6000])], [np.array([0])]))
    with pytest.raises(InputError, match="129 tokens"):
        engine.run(Batch.pack([np.zeros(129, np.int64)], [np.array([0])]))
    with pytest.raises(ValueError, match="chooses none"):
        engine.run(Batch.pack([np.array([1])]))


def test_the_library_checks_what_it_is_given_itself(make_checkpoint: Maker) -> None:
    """Whatever Python has looked at before."""
    engine = engine_of(make_checkpoint(Head.NONE, **WIDE))

    def fault(
        ids: list[int],
        lengths: list[int],
        rows: list[int] | None = None,
        attended: list[int] | None = None,
        floats: int | None = None,
    ) -> int:
        arrays = [None if values is None else np.array(values, np.int64) for values in (ids, lengths, rows, attended)]
        pairs = [value for a in arrays[:3] for value in ((None, 0) if a is None else (a.ctypes, len(a)))]
        out = np.zeros(10_000, np.float32)
        count = 64 * len(ids if rows is None else rows) if floats is None else floats
        last = None if arrays[3] is None else arrays[3].ctypes
        found: int = library().distilbert_run(engine._engine, *pairs, last, out.ctypes, count)
        return found

    assert fault([1, 2, 3], [1, 2]) == 0
    assert fault([1, 2, 3], [1, 2], [0, 2], [1, 1]) == 0
    for lengths in ([], [3, 0], [4], [2], [-1, 4], [2**62, 2**62, 3], [1, 1, 1, 1]):
        assert fault([1, 2, 3], lengths) == 3
    assert fault([], []) == 3
    assert fault([1] * 129, [129]) == 3
    for ids in ([6000, 1], [-1, 1], [1, 2**40]):
        assert fault(ids, [2]) == 4
    for rows in ([0, 0], [1, 0], [-1], [2], [0, 1, 2]):
        assert fault([1, 2], [2], rows) == 5
    for attended in ([0], [3], [-1]):
        assert fault([1, 2], [2], None, attended) == 6
    for floats in (0, 127, 129):
        assert fault([1, 2], [2], floats=floats) == 7


def test_damaged_weights_are_an_error(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(Head.TOKEN_CLASSIFICATION, **WIDE)
    data = bytearray((folder / "model.safetensors").read_bytes())
    checkpoint = open_checkpoint(folder)
    for name in ("distilbert.transformer.layer.0.attention.q_lin.bias", "distilbert.embeddings.LayerNorm.bias"):
        broken = bytearray(data)
        offset = checkpoint.tensors[name].offset
        assert offset is not None
        broken[offset : offset + 4] = np.float32(np.nan).tobytes()
        (folder / "model.safetensors").write_bytes(broken)
        with pytest.raises(CheckpointError, match="NaN"):
            engine_of(folder).run(Batch.pack(texts_of((30,))))
