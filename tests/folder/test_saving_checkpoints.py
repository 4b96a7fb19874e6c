"""Saving a checkpoint: bit for bit, opened by Transformers as well, and whole or not at all."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import random_weights
from distilbert import CheckpointError
from distilbert.folder import checkpoint as module
from distilbert.folder.checkpoint import Head, key_table, open_checkpoint, save_checkpoint
from distilbert.folder.layout import INDEX, WEIGHTS
from distilbert.folder.weight_names import PREFIX
from helpers.tiny_folders import HEADS, PROJECTOR, WITH_LABELS, WORDS, MakeTiny, check_equal, tiny


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_what_is_saved_is_opened_bit_for_bit(head: Head, dtype: type, tmp_path: Path) -> None:
    config = tiny(head)
    weights = {name: array.astype(dtype) for name, array in random_weights(config, head).items()}
    weights[WORDS].flat[:4] = [np.nan, -0.0, np.inf, np.finfo(dtype).tiny]
    save_checkpoint(tmp_path / "new" / "model", config, weights)
    folder = tmp_path / "new" / "model"
    check_equal(folder, {name: array.astype(np.float32) for name, array in weights.items()}, head)
    assert open_checkpoint(folder).config == config
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", WEIGHTS]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o666 & ~current_umask()}


def current_umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def test_arrays_of_any_layout_are_saved(tmp_path: Path) -> None:
    config = tiny(Head.NONE)
    weights = random_weights(config, Head.NONE)
    odd = {name: np.asfortranarray(array) for name, array in weights.items()}
    odd[WORDS] = np.repeat(weights[WORDS], 2, axis=1)[:, ::2]
    odd[f"{PREFIX}embeddings.LayerNorm.bias"] = odd[f"{PREFIX}embeddings.LayerNorm.bias"].astype(">f4")
    save_checkpoint(tmp_path, config, odd)
    check_equal(tmp_path, weights, Head.NONE)


@pytest.mark.parametrize("head", HEADS)
def test_transformers_opens_what_we_save(head: Head, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    labels = 2 if head is Head.QUESTION_ANSWERING else 3  # Transformers takes these two for labels
    config = tiny(head, num_labels=labels, torch_dtype="float16", dtype="float16")  # as the file it came from
    weights = random_weights(config, head)
    weights.pop(PROJECTOR, None)  # tied
    save_checkpoint(tmp_path, config, weights)
    model, report = getattr(transformers, head.value).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    theirs = model.state_dict()
    strip = len(PREFIX) if head is Head.NONE else 0
    for name, array in weights.items():
        assert theirs[name[strip:]].numpy().tobytes() == array.tobytes(), name


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("shard_size", ["1GB", "1KB"])
def test_we_open_what_transformers_saves(head: Head, shard_size: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    labels = {"num_labels": 3} if head in WITH_LABELS else {}
    theirs_config = transformers.DistilBertConfig(
        vocab_size=11, max_position_embeddings=7, dim=4, n_layers=2, n_heads=2, hidden_dim=6, **labels
    )
    model = getattr(transformers, head.value)(theirs_config)
    model.save_pretrained(tmp_path, max_shard_size=shard_size)
    assert (tmp_path / INDEX).is_file() == (shard_size == "1KB")
    theirs = {name if name in model.state_dict() else name.removeprefix(PREFIX): name
              for name in key_table(tiny(head), head)}  # fmt: skip
    state = {ours: model.state_dict()[name].numpy() for name, ours in theirs.items()}
    state.pop(PROJECTOR, None)  # tied: not stored
    check_equal(tmp_path, state, head)


def test_weights_that_do_not_fit_are_not_saved(tmp_path: Path) -> None:
    config = tiny(Head.QUESTION_ANSWERING)
    weights = random_weights(config, Head.QUESTION_ANSWERING)
    for wrong in (
        {name: array for name, array in weights.items() if name != "qa_outputs.bias"},
        weights | {"more.weight": np.zeros(1, np.float32)},
        weights | {"qa_outputs.bias": np.zeros(3, np.float32)},
        weights | {"qa_outputs.bias": np.zeros(2, np.int64)},
        weights | {"qa_outputs.bias": np.zeros(2, np.longdouble)},
        weights | {"qa_outputs.bias": np.array(["a", "b"])},
    ):
        with pytest.raises(CheckpointError, match=r"cannot save (qa_outputs\.bias|more\.weight): not "):
            save_checkpoint(tmp_path / "model", config, wrong)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("stage", ["writing the weights", "writing the config", "syncing", "no permission"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_failed_save_changes_nothing(
    stage: str, exists: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(Head.NONE)
    before = random_weights(config, Head.NONE, seed=1)
    folder = tmp_path / "model"
    if exists:
        save_checkpoint(folder, config, before)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    place: dict[str, tuple[object, str]] = {
        "writing the weights": (module, "save_file"),
        "writing the config": (Path, "write_text"),
        "syncing": (os, "fsync"),
        "no permission": (Path, "touch"),
    }
    monkeypatch.setattr(*place[stage], fail)
    with pytest.raises(
        CheckpointError, match=r"model: cannot be written \(.*No space left on device.*\); nothing in it"
    ):
        save_checkpoint(folder, tiny(Head.NONE, pad_token_id=9), random_weights(config, Head.NONE, seed=2))
    monkeypatch.undo()
    if exists:
        check_equal(folder, before, Head.NONE)
        assert open_checkpoint(folder).config == config
    assert sorted(path.name for path in folder.iterdir()) == (["config.json", WEIGHTS] if exists else [])


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from conftest import random_weights
from helpers.tiny_folders import tiny
from distilbert import CheckpointError
from distilbert.folder.checkpoint import Head, save_checkpoint
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
try:
    save_checkpoint(sys.argv[1], tiny(Head.NONE), random_weights(tiny(Head.NONE), Head.NONE, seed=2))
except CheckpointError as error:
    print(error)
"""


def test_a_disk_that_is_full_leaves_the_old_model(tmp_path: Path) -> None:
    config = tiny(Head.NONE)
    before = random_weights(config, Head.NONE, seed=1)
    save_checkpoint(tmp_path, config, before)
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(Path(__file__).parents[1])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith(f"{tmp_path}: cannot be written (")
    check_equal(tmp_path, before, Head.NONE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", WEIGHTS]


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("")
    config = tiny(Head.NONE)
    with pytest.raises(CheckpointError, match="model: cannot be written"):
        save_checkpoint(tmp_path / "model", config, random_weights(config, Head.NONE))


def test_saving_over_a_model_that_is_open_leaves_what_was_read(make_tiny: MakeTiny) -> None:
    folder, config, weights = make_tiny(Head.NONE)
    read = open_checkpoint(folder).tensors[WORDS].read()
    save_checkpoint(folder, config, {name: -array for name, array in weights.items()})
    np.testing.assert_array_equal(read, weights[WORDS])


def test_limits_of_this_process_are_untouched() -> None:
    """The full disk was another process's."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
