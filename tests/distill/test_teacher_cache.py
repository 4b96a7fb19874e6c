"""What the teacher says is kept whole, found again by anyone who asks the same, and safe against a full disk."""

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from conftest import Maker  # noqa: E402
from distilbert.distill import teacher_cache  # noqa: E402
from distilbert.distill.teacher import RequestedOutputs, open_teacher  # noqa: E402
from distilbert.distill.teacher_cache import CachedOutputs, LiveOutputs  # noqa: E402
from distilbert.errors import CheckpointError  # noqa: E402
from distilbert.tasks.task import FIRST  # noqa: E402
from distilbert.train.objective import Item  # noqa: E402
from helpers.distillers import teacher_of  # noqa: E402

CPU = torch.device("cpu")
WANTED = RequestedOutputs(states=(0, 2), relations=True)


def items_of(folder: Path, texts: list[str]) -> list[Item]:
    tokenizer = open_teacher(folder, "text-classification").tokenizer
    return [Item((cached.ids,), (FIRST,), 0) for cached in tokenizer.encode_batch(texts)]


def opened(folder: Path, items: list[Item], place: Path, wanted: RequestedOutputs = WANTED) -> CachedOutputs:
    return CachedOutputs(place, open_teacher(folder, "text-classification"), items, wanted, "float32")


def filled(outputs: CachedOutputs, budget: int = 100) -> CachedOutputs:
    outputs.fill(budget, CPU, contextlib.nullcontext, lambda _: None)
    return outputs


def test_files_say_what_the_teacher_says(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    folder = teacher_of("text-classification", make_checkpoint)
    items = items_of(folder, sentences[:30])
    kept = filled(opened(folder, items, tmp_path / "cache"))
    live = LiveOutputs(open_teacher(folder, "text-classification"), WANTED, lambda _, item: item)
    numbers = [17, 3, 29]
    chosen = [items[number] for number in numbers]
    cached, told = kept.of(numbers, chosen, CPU), live.of(numbers, chosen, CPU)
    assert cached.output.shape == (3, 2)
    assert [len(cached.states), len(cached.relations)] == [2, 3]
    for ours, theirs in zip(
        (cached.output, *cached.states, *cached.relations), (told.output, *told.states, *told.relations)
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=2e-3)  # half precision


def test_what_was_asked_once_is_not_asked_again(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    folder = teacher_of("text-classification", make_checkpoint)
    items = items_of(folder, sentences[:30])
    place = tmp_path / "cache"
    filled(opened(folder, items, place))
    again = opened(folder, items, place)
    assert again.filled == 30
    other = opened(folder, items[:29], place)
    assert other.filled == 0
    assert opened(folder, items, place, RequestedOutputs()).filled == 0
    changed = make_checkpoint(name="changed", seed=1)
    assert opened(changed, items, place).filled == 0
    assert len(list(place.iterdir())) == 4


def test_a_full_disk_is_an_error_in_one_line(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = teacher_of("text-classification", make_checkpoint)
    items = items_of(folder, sentences[:5])

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(CheckpointError, match=r"cache/\w+: the teacher's outputs cannot be written \(No space left"):
        opened(folder, items, tmp_path / "cache")


CODE = """
import contextlib, sys, torch
from pathlib import Path
sys.path[:0] = sys.argv[4:]
from distill.test_teacher_cache import filled, items_of, opened
from distilbert.distill import teacher_cache
teacher_cache._BATCHES = 1
folder, place = map(Path, sys.argv[1:3])
own = opened(folder, items_of(folder, Path(sys.argv[3]).read_text().splitlines()), place)
own.fill(30, torch.device("cpu"), contextlib.nullcontext, lambda done: print(done, flush=True))
"""


def test_a_kill_leaves_what_was_noted(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher_cache, "_BATCHES", 1)  # batches, and so the last digits, are the same in all runs
    folder = teacher_of("text-classification", make_checkpoint)
    items = items_of(folder, sentences[:60])
    whole = filled(opened(folder, items, tmp_path / "whole"), 30)
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(sentences[:60]))
    here = Path(__file__).parent
    paths = [str(path) for path in (here, here.parent, here.parents[1])]
    command = [sys.executable, "-c", CODE, str(folder), str(tmp_path / "killed"), str(texts), *paths]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(3):
            done = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    (note,) = (tmp_path / "killed").glob("*/filled.json")
    assert done <= json.loads(note.read_text())["items"] < 60
    killed = filled(opened(folder, items, tmp_path / "killed"), 30)
    numbers = list(range(60))
    cached, wanted = (outputs.of(numbers, items, CPU) for outputs in (killed, whole))
    for ours, theirs in zip((cached.output, *cached.states), (wanted.output, *wanted.states)):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
