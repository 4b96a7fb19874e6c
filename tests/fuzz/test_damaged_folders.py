"""Damaged model folders: an error that says what is wrong, or a result; never a crash, a hang or a flood of memory.

A few dozen are opened in this process whenever the tests run. `make test-slow` opens thousands, each with a time limit
and a memory limit, in processes of their own (DISTILBERT_MUTANTS sets how many, DISTILBERT_FIRST_MUTANT from which
seed on, so that a long run can be cut into parts). A failure prints its seed;
`PYTHONPATH=tests python tests/fuzz/test_damaged_folders.py SEED` opens that one again.
"""

import collections
import multiprocessing
import os
import resource
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from distilbert import DistilBertError, InputError
from helpers.damaged_folders import GRAPHS, Mutant, mutate, run, write_prototypes

pytest.importorskip("msgpack")
pytest.importorskip("pyfive")

FIRST = int(os.environ.get("DISTILBERT_FIRST_MUTANT", "0"))
MANY = int(os.environ.get("DISTILBERT_MUTANTS", "10000"))
SECONDS = 30
MEMORY = 4 << 30  # address space; opening and running one takes 1.3 GB of it
RESIDENT = 400 << 10  # kB that a worker may hold at its peak; a whole one holds 150 MB

Outcome = tuple[bool, str]  # whether it is allowed, and what it was


@pytest.fixture(scope="module")
def prototypes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("prototypes")
    write_prototypes(root)
    return root


def outcome(mutant: Mutant, prototypes: Path, folder: Path) -> Outcome:
    """What becomes of a mutant: a result or an error of the package, and the folder left as it was."""
    mutant.write(prototypes, folder)
    before = listed(folder)
    converted = folder.with_name("converted")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged weights give infinities and worse
            result = run(folder, converted)
    except DistilBertError as error:
        message = str(error)
        if mutant.same:
            return False, f"refused although nothing has changed: {message}"
        if "\n" in message or len(message) > 2 * len(str(folder)) + 700:
            return False, f"a message of {len(message)} characters: {message[:500]!r}"
        if not any(str(place) in message for place in (folder, converted)) and not isinstance(error, InputError):
            return False, f"a message that names no file: {message}"
        kind = type(error).__name__
    except BaseException as error:  # what else there can be is what is looked for
        return False, f"{type(error).__name__}: {str(error)[:500]}"
    else:
        if mutant.same and not np.array_equal(result, run(prototypes / mutant.prototype, converted)):
            return False, "another result although nothing has changed"
        kind = "result"
    if listed(folder) != before:
        return False, "the folder has changed"
    return True, kind


def listed(folder: Path) -> list[Path]:
    """Its files, those of the cache of graphs excepted."""
    return sorted(path for path in folder.rglob("*") if path.parent.name != GRAPHS)


def report(failures: list[tuple[Mutant, str]]) -> str:
    return f"{len(failures)} mutants:\n" + "\n".join(f"{mutant}\n    {what}" for mutant, what in failures[:40])


def test_some_mutants(prototypes: Path, tmp_path: Path) -> None:
    failures = []
    kinds = collections.Counter[str]()
    for seed in range(80):
        mutant = mutate(seed, prototypes)
        allowed, what = outcome(mutant, prototypes, tmp_path / "mutant")
        kinds[what] += 1
        if not allowed:
            failures.append((mutant, what))
    assert not failures, report(failures)
    assert min(kinds[kind] for kind in ("result", "ConfigError", "CheckpointError", "TokenizerError")) >= 3


def test_mutants_come_from_their_seeds_alone(prototypes: Path) -> None:
    assert [mutate(seed, prototypes) for seed in range(50)] == [mutate(seed, prototypes) for seed in range(50)]
    mutants = [mutate(seed, prototypes) for seed in range(50)]
    assert len({(mutant.content, mutant.link) for mutant in mutants}) > 45


# thousands, in processes of their own -----------------------------------------------------------------


@pytest.mark.slow
def test_many_mutants(prototypes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(2) as pool:
        seeds = range(FIRST, FIRST + MANY)
        halves = list(pool.map(lambda part: _open_many(seeds[part::2], prototypes), range(2)))
    kinds, failures = halves[0][0] + halves[1][0], halves[0][1] + halves[1][1]
    with capsys.disabled():
        print(f"\n{MANY} mutants from seed {FIRST} on: {dict(kinds.most_common())}")
    assert not failures, report(failures)
    assert kinds.total() == MANY


def _open_many(seeds: range, prototypes: Path) -> tuple[collections.Counter[str], list[tuple[Mutant, str]]]:
    """The kinds of outcome, and what must not be. A worker that does not answer, or dies, is replaced."""
    kinds = collections.Counter[str]()
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        process, ours = _start(prototypes, Path(folder))
        for seed in seeds:
            ours.send(seed)
            try:
                if not ours.poll(SECONDS):
                    process.kill()
                    allowed, what = False, f"a hang of {SECONDS} s"
                else:
                    allowed, what = ours.recv()
            except EOFError:
                process.join()
                allowed, what = False, f"a crash with exit code {process.exitcode}"
            kinds[what if allowed else "failures"] += 1
            if not allowed:
                failures.append((mutate(seed, prototypes), what))
                process.kill()
                process, ours = _start(prototypes, Path(folder))
        process.kill()
    return kinds, failures


def _start(prototypes: Path, folder: Path) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_worker, args=(theirs, prototypes, folder), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _worker(connection: Connection, prototypes: Path, folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        mutant = mutate(connection.recv(), prototypes)
        allowed, what = outcome(mutant, prototypes, folder / "mutant")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        connection.send((allowed, what) if peak < RESIDENT else (False, f"{peak >> 10} MB of memory ({what})"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        write_prototypes(Path(place) / "prototypes")
        for argument in sys.argv[1:]:
            one = mutate(int(argument), Path(place) / "prototypes")
            print(one, *outcome(one, Path(place) / "prototypes", Path(place) / "mutant"), sep="\n    ")
