"""Places that fsspec reaches, and one that fails now and then."""

import random
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.memory import MemoryFileSystem

from distilbert import InputError
from distilbert.bulk import places, work
from helpers.bulk import Runner


@pytest.fixture(autouse=True)
def empty_memory() -> Any:
    yield
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


class Unreliable(MemoryFileSystem):  # type: ignore[misc]
    """A store that fails one call in ten."""

    protocol = "unreliable"
    chance = random.Random()
    failed = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        stripped: str = super()._strip_protocol(path.replace("unreliable://", "memory://"))
        return stripped

    def _may_fail(self) -> None:
        if Unreliable.chance.random() < 0.1:
            Unreliable.failed += 1
            raise OSError("503 slow down")

    def cat_file(self, path: str, version_id: str | None = None, **kwargs: Any) -> Any:
        assert version_id is None  # S3's second parameter, where others have the first byte
        self._may_fail()
        return super().cat_file(path, **kwargs)

    def pipe_file(self, *args: Any, **kwargs: Any) -> Any:
        self._may_fail()
        return super().pipe_file(*args, **kwargs)

    def open(self, *args: Any, **kwargs: Any) -> Any:
        self._may_fail()
        return super().open(*args, **kwargs)

    def ls(self, *args: Any, **kwargs: Any) -> Any:
        self._may_fail()
        return super().ls(*args, **kwargs)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_urls(bulk: Runner, table: Any, tmp_path: Path, form: str) -> None:
    few = table.select(["id", "text"])
    pq.write_table(few, tmp_path / "in.parquet")
    bulk(tmp_path / "in.parquet", format=form)
    with fsspec.open("memory://data/in.parquet", "wb") as file:
        pq.write_table(few, file)
    bulk("memory://data/*.parquet", "memory://out", merge=f"memory://all.{form}", format=form)
    for part in (tmp_path / "out").glob("part-*"):
        assert MemoryFileSystem.store[f"/out/{part.name}"].getvalue() == part.read_bytes()
    assert f"/all.{form}" in MemoryFileSystem.store
    assert bulk("memory://data/in.parquet", "memory://out", format=form).finished


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_a_store_that_fails_one_call_in_ten(
    bulk: Runner, table: Any, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_FIRST_WAIT", 0.0)
    monkeypatch.setattr(Unreliable, "chance", random.Random(3))
    fsspec.register_implementation("unreliable", Unreliable, clobber=True)
    few = table.select(["id", "text"]).slice(0, 120)
    pq.write_table(few, tmp_path / "in.parquet")
    bulk(tmp_path / "in.parquet", tmp_path / "in", format=form, part_rows=400, keep=["id", "text"], prefix="old_")
    (source,) = (tmp_path / "in").glob("part-*")
    MemoryFileSystem().pipe_file(f"/in.{form}", source.read_bytes())
    local = tmp_path / f"local.{form}"
    local.write_bytes(source.read_bytes())
    bulk(local, part_rows=4)
    before = Unreliable.failed
    done = bulk(f"unreliable://in.{form}", "unreliable://out", part_rows=4)
    assert Unreliable.failed > before + 3
    assert (done.rows, done.finished) == (120, True)
    names = {name for name in MemoryFileSystem.store if name.startswith("/out/part-")}
    assert names == {f"/out/{part.name}" for part in (tmp_path / "out").glob("part-*")}
    for part in (tmp_path / "out").glob("part-*"):
        assert MemoryFileSystem.store[f"/out/{part.name}"].getvalue() == part.read_bytes()


def test_a_part_that_is_begun_anew_counts_its_tokens_once(
    bulk: Runner, table: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(table.select(["text"]).slice(0, 20), tmp_path / "in.parquet")
    once = bulk(tmp_path / "in.parquet", tmp_path / "once")
    write, refusals = work.write_tables, iter([OSError("503 slow down")])

    def refused_once(*given: Any) -> None:
        write(*given)
        if (error := next(refusals, None)) is not None:
            raise error

    monkeypatch.setattr(work, "write_tables", refused_once)
    monkeypatch.setattr(places, "_FIRST_WAIT", 0.0)
    again = bulk(tmp_path / "in.parquet", tmp_path / "again")
    assert (again.rows, again.tokens) == (once.rows, once.tokens)


def test_places_that_nothing_reaches(bulk: Runner, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "in.parquet")
    with pytest.raises(InputError, match="nosuch://a"):
        bulk("nosuch://a")
    with pytest.raises(InputError, match="no such file"):
        bulk("memory://nothing/here")
