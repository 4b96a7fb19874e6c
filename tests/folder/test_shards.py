"""Weights in shards: an index and the files that it names agree, and none lies elsewhere."""

import json
import os
from pathlib import Path

import pytest

from distilbert import CheckpointError
from distilbert.folder.checkpoint import Head, open_checkpoint
from distilbert.folder.layout import INDEX, WEIGHTS
from helpers.tiny_folders import HEADS, WORDS, MakeTiny, Weights, check_equal, write


def shard(folder: Path, weights: Weights, count: int = 3) -> dict[str, str]:
    """Split the folder's weights; returns the weight map."""
    weight_map = {}
    for number in range(count):
        part = dict(list(weights.items())[number::count])
        file = f"model-{number + 1:05}-of-{count:05}.safetensors"
        write(folder / file, {key: ("F32", array.shape, array.tobytes()) for key, array in part.items()})
        weight_map |= dict.fromkeys(part, file)
    (folder / WEIGHTS).unlink(missing_ok=True)
    write_index(folder, weight_map)
    return weight_map


def write_index(folder: Path, weight_map: object) -> None:
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))


@pytest.mark.parametrize("head", HEADS)
def test_shards(head: Head, make_tiny: MakeTiny) -> None:
    folder, _, weights = make_tiny(head)
    shard(folder, weights)
    check_equal(folder, weights, head)


def test_files_that_are_links_into_the_hubs_cache(make_tiny: MakeTiny, tmp_path: Path) -> None:
    folder, _, weights = make_tiny()
    shard(folder, weights)
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshots").mkdir()
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(tmp_path / "blobs" / f"{number:064x}")
        path.symlink_to(f"../blobs/{number:064x}")
    check_equal(folder, weights, Head.QUESTION_ANSWERING)


@pytest.mark.parametrize(
    "place",
    [
        "../other.safetensors",
        "/etc/passwd",
        "sub/other.safetensors",
        "",
        ".",
        "..",
        "a\0b",
        "x" * 5000,
        "gone.safetensors",
    ],
    ids=lambda place: place[:25],
)
def test_an_index_that_points_elsewhere(place: str, make_tiny: MakeTiny, tmp_path: Path) -> None:
    folder, _, weights = make_tiny()
    weight_map = shard(folder, weights)
    (folder / "sub").mkdir()
    for target in (tmp_path / "other.safetensors", folder / "sub" / "other.safetensors"):
        target.write_bytes((folder / "model-00001-of-00003.safetensors").read_bytes())
    write_index(folder, weight_map | {WORDS: place})
    with pytest.raises(
        CheckpointError, match=r"index\.json: .*(points outside the folder|is not in the folder)"
    ) as caught:
        open_checkpoint(folder)
    assert len(str(caught.value)) < 2 * len(str(folder)) + 300


def test_an_index_that_names_pipes_and_folders(make_tiny: MakeTiny) -> None:
    folder, _, weights = make_tiny()
    weight_map = shard(folder, weights)
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    missing, nowhere = "names '{}', which is not in the folder", "is a link to '{}', where there is nothing"
    for place, reason in (("folder", missing), ("pipe", missing), ("loop", nowhere)):
        write_index(folder, weight_map | {WORDS: place})
        with pytest.raises(CheckpointError, match=reason.format(place)):
            open_checkpoint(folder)


def test_an_index_that_lists_wrong_names(make_tiny: MakeTiny) -> None:
    folder, _, weights = make_tiny()
    weight_map = shard(folder, weights)
    one, two, three = sorted(set(weight_map.values()))
    here = next(name for name, file in weight_map.items() if file == one)
    for wrong in (
        {name: file for name, file in weight_map.items() if name != here},  # stored, not listed
        weight_map | {"more.weight": two},  # listed, not stored
        weight_map | {here: three},  # listed for another shard
    ):
        write_index(folder, wrong)
        with pytest.raises(CheckpointError, match=r"index\.json: .* must be listed for 'model-.*' and stored in it"):
            open_checkpoint(folder)
    # the same weight in two shards
    (folder / two).write_bytes((folder / one).read_bytes())
    write_index(folder, weight_map)
    with pytest.raises(CheckpointError, match="must be listed for"):
        open_checkpoint(folder)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": 5}}', '{"weight_map":']
)
def test_a_broken_index(content: str, make_tiny: MakeTiny) -> None:
    folder, _, _ = make_tiny()
    (folder / WEIGHTS).unlink()
    (folder / INDEX).write_text(content)
    with pytest.raises(CheckpointError, match=r"index\.json: (not valid JSON|must hold an object|weight_map must map)"):
        open_checkpoint(folder)


def test_an_empty_index_lacks_every_weight(make_tiny: MakeTiny) -> None:
    folder, _, _ = make_tiny()
    (folder / WEIGHTS).unlink()
    write_index(folder, {})
    with pytest.raises(CheckpointError, match="weights lack"):
        open_checkpoint(folder)
