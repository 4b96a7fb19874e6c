"""Tasks go to other processes, by pickle and by fork, and say when their folder is not the same."""

import copy
import io
import json
import multiprocessing
import os
import pickle
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distilbert
from conftest import Maker
from distilbert import CheckpointError, HubError, InputError
from distilbert.batch import Batch
from distilbert.folder.checkpoint import Head
from distilbert.folder.layout import CONFIG, WEIGHTS
from distilbert.tasks.task import Model
from distilbert.tasks.text_classification import TextClassifier

TEXTS = ["a film .", "it put me to sleep ."] * 20


def answers(task: TextClassifier) -> np.ndarray:
    return task.logits(TEXTS)


@pytest.mark.int8
@pytest.mark.parametrize("travel", [lambda task: pickle.loads(pickle.dumps(task)), copy.deepcopy, copy.copy])
@pytest.mark.parametrize("task", [task for task in distilbert.TASKS if task != "late-interaction"])  # has its own test
def test_every_task_is_opened_again_with_its_options(task: str, travel: Any, make_checkpoint: Maker) -> None:
    head = distilbert.TASKS[task].head
    labels = {"id2label": {"0": "entailment", "1": "contradiction"}} if task == "zero-shot-classification" else {}
    folder = make_checkpoint(head, name=task, **labels)
    first = distilbert.load(folder, task, threads=1, max_batch_tokens=77, precision="int8")
    again = travel(first)
    assert type(again) is type(first)
    assert again is not first
    assert again.model.max_batch_tokens == 77
    assert again.model.origin.options == first.model.origin.options
    assert (again.model.engine.precision, again.model.engine.threads) == ("int8", 1)
    batch = Batch.pack([np.array([2, 3, 4])], [np.zeros(1, np.int64)])
    np.testing.assert_array_equal(again.model.engine.run(batch), first.model.engine.run(batch))


@pytest.mark.filterwarnings("ignore:.*its vectors say little")
def test_the_options_of_a_task_are_its_own(make_checkpoint: Maker) -> None:
    embedder = distilbert.load(make_checkpoint(), "feature-extraction")
    assert pickle.loads(pickle.dumps(embedder)).task == "feature-extraction"


def test_a_relative_folder_is_found_from_another_place(
    make_checkpoint: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_checkpoint()
    monkeypatch.chdir(folder.parent)
    pickled = pickle.dumps(distilbert.load(folder.name))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert pickle.loads(pickled)("a film .").label


def test_a_spawned_process_and_joblib(make_checkpoint: Maker) -> None:
    task = distilbert.load(make_checkpoint(), threads=1)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        np.testing.assert_array_equal(pool.submit(answers, task).result(), answers(task))
    joblib = pytest.importorskip("joblib")
    file = io.BytesIO()
    joblib.dump(task, file)
    file.seek(0)
    np.testing.assert_array_equal(answers(joblib.load(file)), answers(task))


def test_a_folder_that_has_gone(make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    pickled = pickle.dumps(distilbert.load(folder))
    shutil.rmtree(folder)
    with pytest.raises(HubError, match=r"model: has gone since the task was opened from it") as caught:
        pickle.loads(pickled)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("file", [CONFIG, WEIGHTS])
def test_a_folder_that_has_changed(file: str, make_checkpoint: Maker, tmp_path: Path) -> None:
    folder = make_checkpoint()
    pickled = pickle.dumps(distilbert.load(folder))
    shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "copy", folder, copy_function=shutil.copyfile)  # the same, with other dates
    assert pickle.loads(pickled)("a film .").label
    if file == CONFIG:
        values = json.loads((folder / CONFIG).read_text())
        (folder / CONFIG).write_text(json.dumps(values | {"id2label": {"0": "x", "1": "y"}}))
    else:
        shutil.copyfile(make_checkpoint(seed=1, name="other") / WEIGHTS, folder / WEIGHTS)
    with pytest.raises(CheckpointError, match=r"model: has changed since the task was opened from it; load it again"):
        pickle.loads(pickled)


def test_a_model_in_memory_does_not_travel(make_checkpoint: Maker) -> None:
    model = distilbert.load(make_checkpoint()).model
    live = TextClassifier(
        Model(model.folder, model.config, model.tokenizer, model.engine, model.max_length, model.max_batch_tokens)
    )
    with pytest.raises(InputError, match="runs a model in memory: save it and `load` it"):
        pickle.dumps(live)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("way", ["used", "freed", "freed and opened again", "used and freed"])
def test_a_forked_process(way: str, make_checkpoint: Maker, tmp_path: Path) -> None:
    """The threads of the runtime stay behind: a session must neither be used nor be freed."""
    script = f"""
import os, signal, sys, gc
import numpy as np
import distilbert
from distilbert.engine import onnx
onnx.available_cpus = lambda: 2
task = distilbert.load({str(make_checkpoint())!r}, threads=2)
texts = {TEXTS!r}
wanted = task.logits(texts)
process = os.fork()
if process == 0:
    signal.alarm(60)
    if {way!r} == "used":
        assert np.array_equal(task.logits(texts), wanted)
    elif {way!r} == "used and freed":
        assert np.array_equal(task.logits(texts), wanted)
        del task
    else:
        folder = task.model.folder
        del task
        gc.collect()
        if "again" in {way!r}:
            assert np.array_equal(distilbert.load(folder, threads=2).logits(texts), wanted)
    gc.collect()
    sys.exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""
    (tmp_path / "forking.py").write_text(script)
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, str(tmp_path / "forking.py")]) == 0


def test_a_pool_of_forked_processes(make_checkpoint: Maker) -> None:
    if not hasattr(os, "fork") or sys.version_info >= (3, 12):
        pytest.skip("forking a process with threads warns")
    task = distilbert.load(make_checkpoint(), threads=1)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        np.testing.assert_array_equal(pool.submit(answers, task).result(), answers(task))


# weights that change under a live model ------------------------------------------------------------------


def test_weights_overwritten_in_their_place_are_found_out(make_checkpoint: Maker) -> None:
    folder, other = make_checkpoint(), make_checkpoint(seed=1, name="other")
    task = distilbert.load(folder)
    task("a film .")
    os.utime(folder / WEIGHTS)  # another date alone is no change
    task("a film .")
    shutil.copyfile(other / WEIGHTS, folder / WEIGHTS)
    with pytest.raises(CheckpointError, match=r"safetensors: was overwritten since the model was opened from it; load"):
        task("a film .")


def test_weights_cut_off_do_not_end_the_process(make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    task = distilbert.load(folder)
    os.truncate(folder / WEIGHTS, 100)
    with pytest.raises(CheckpointError, match=r"safetensors: was cut off since the model was opened from it"):
        task("a film .")


@pytest.mark.parametrize("way", ["replaced", "removed"])
def test_weights_that_are_replaced_or_removed_stay_as_they_were(way: str, make_checkpoint: Maker) -> None:
    folder, other = make_checkpoint(), make_checkpoint(seed=1, name="other")
    task = distilbert.load(folder)
    wanted = answers(task)
    if way == "replaced":
        (other / WEIGHTS).replace(folder / WEIGHTS)
    else:
        (folder / WEIGHTS).unlink()
    np.testing.assert_array_equal(answers(task), wanted)


# damaged weights ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("task", "call"),
    [
        ("text-classification", lambda task: task("a film .")),
        ("token-classification", lambda task: task("a film .")),
        ("question-answering", lambda task: task("what ?", "a film .")),
        ("fill-mask", lambda task: task("a [MASK] .")),
        ("feature-extraction", lambda task: task("a film .")),
        ("sparse-encoding", lambda task: task("a film .")),
    ],
)
def test_numbers_that_are_none_are_an_error(value: float, task: str, call: Any, make_checkpoint: Maker) -> None:
    from safetensors.numpy import load_file, save_file

    folder = make_checkpoint(distilbert.TASKS[task].head)
    arrays = load_file(folder / WEIGHTS)
    name = next(name for name in arrays if name.endswith("layer.1.ffn.lin1.bias"))
    arrays[name][:] = value
    save_file(arrays, folder / WEIGHTS)
    with pytest.raises(CheckpointError, match=r"model: the model's output is NaN or infinite; its weights are damaged"):
        call(distilbert.load(folder, task))


def test_a_piece_that_is_forbidden_is_no_damage(make_checkpoint: Maker) -> None:
    from safetensors.numpy import load_file, save_file

    folder = make_checkpoint(Head.MASKED_LM)
    arrays = load_file(folder / WEIGHTS)
    arrays["vocab_projector.bias"][10:20] = -np.inf
    save_file(arrays, folder / WEIGHTS)
    fills: Any = distilbert.load(folder)("a [MASK] .", top_k=None)
    assert [fill.score for fill in fills if 10 <= fill.token_id < 20] == [0.0] * 10


@pytest.mark.parametrize("asked", [None, 1024])
def test_threads_are_as_many_as_cores_unless_fewer_are_asked_for(
    asked: int | None, make_checkpoint: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distilbert.engine.cpus import available_cpus

    monkeypatch.setattr("distilbert.engine.choice.available_cpus", available_cpus)  # it is one in the other tests
    task: Any = distilbert.load(make_checkpoint(), threads=asked)
    assert task.model.engine.threads == available_cpus()
