"""The plan: which output file is made of which rows. It is written once, before anything runs, and never changed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

from ..errors import InputError, translated
from .chunks import row_chunks
from .places import File, joined, names_in, opened, patiently, read_bytes, written
from .reading import Part, blocks_of, row_groups
from .source import Source

PLAN = "_plan.json"
_VERSION = 1
_MOST_BYTES = 1 << 26  # of a part of text, which is read at once
_BLOCK = 1 << 16

Piece = tuple[int, int, int]  # a file's number; the rows or bytes from which and to which; all of it: 0, -1


@dataclass(frozen=True)
class Plan:
    """What a job is, and its parts.

    Attributes:
        job: what decides on the output: the model's digest, the task, its options, the columns, …
        files: of the input, as they were when the plan was made.
        pieces: of which each is a part, in order.
    """

    job: Mapping[str, Any]
    files: Sequence[File]
    pieces: Sequence[Piece]

    def __len__(self) -> int:
        return len(self.pieces)

    def part(self, number: int) -> Part:
        file, start, stop = self.pieces[number]
        return Part(number, self.files[file].url, start, stop)

    def check(self, job: Mapping[str, Any], files: Sequence[File], folder: str) -> None:
        """Raises InputError where the folder belongs to another job, or the input has changed."""
        job = json.loads(json.dumps(job))
        for name in dict.fromkeys([*job, *self.job]):
            if job.get(name) != self.job.get(name):
                values = f"{self.job.get(name)!r}, not {job.get(name)!r}" if name != "model" else "another one"
                raise InputError(
                    f"{folder}: belongs to another job, whose {name} is {values}; "
                    "choose another folder, or remove this one"
                )
        if list(files) != list(self.files):
            changed = sorted({file.url for file in {*files} ^ {*self.files}})
            raise InputError(
                f"{changed[0] if changed else folder}: has changed since the plan in {folder} was made; "
                "choose another folder, or remove this one"
            )


def read_plan(folder: str) -> Plan | None:
    """The plan of an output folder, None where there is none yet."""
    if PLAN not in names_in(folder):
        return None
    url = joined(folder, PLAN)
    errors, way = (ValueError, KeyError, TypeError), "; remove the folder to begin anew"
    with translated(errors, InputError, f"{url}: is damaged", way):
        values = json.loads(read_bytes(url))
        if values["version"] != _VERSION:
            raise InputError(f"{url}: was made by another version of this package; choose another folder")
        return Plan(values["job"], [File(**file) for file in values["files"]], [tuple(p) for p in values["parts"]])


def write_plan(folder: str, plan: Plan) -> None:
    """One line a part, so that a person can read it."""
    head = {"version": _VERSION, "job": plan.job, "files": [asdict(file) for file in plan.files]}
    with written(joined(folder, PLAN)) as path, path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head, indent=1)[:-2] + ',\n "parts": [')
        file.writelines(f"{',' if number else ''}\n  {list(piece)}" for number, piece in enumerate(plan.pieces))
        file.write("\n ]\n}\n")


def groups_of(source: Source, files: Sequence[File]) -> list[list[int]]:
    """For each file of Parquet the rows of its row groups; nothing for text."""
    return [row_groups(file.url, source.schema) for file in files] if source.form == "parquet" else []


def cut(source: Source, files: Sequence[File], groups: Sequence[Sequence[int]], rows: int, size: int) -> list[Piece]:
    """The pieces of the files, each of about `rows` rows of Parquet or `size` bytes of text; one at least."""
    pieces: list[Piece] = []
    for number, file in enumerate(files):
        if source.form == "parquet":
            bounds = _row_bounds(groups[number], rows)
        elif not file.size:
            continue
        elif not source.is_cuttable(file.url):
            bounds = iter([(0, -1)])
        else:
            bounds = patiently(lambda file=file: iter([*_byte_bounds(source, file, size)]))  # type: ignore[misc]
        pieces += [(number, start, stop) for start, stop in bounds]
    return pieces or [(0, 0, 0)]  # a part without rows has the columns


def _row_bounds(groups: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """Row groups put together up to `most` rows; a larger one in equal pieces."""
    start = stop = 0
    for rows in groups:
        if stop > start and stop - start + rows > most:
            yield start, stop
            start = stop
        if rows > most:
            count = -(-rows // most)
            yield from ((stop + rows * i // count, stop + rows * (i + 1) // count) for i in range(count))
            start = stop + rows
        stop += rows
    if stop > start:
        yield start, stop


def _byte_bounds(source: Source, file: File, size: int) -> Iterator[tuple[int, int]]:
    size = min(size, _MOST_BYTES)
    count = -(-file.size // size)
    size = -(-file.size // count)  # equal pieces
    with opened(file.url) as opened_file:
        if source.dialect is None or source.dialect.quote is None:
            stops = _line_ends(opened_file, file.size, size)
        else:
            stops = _row_ends(source, opened_file, size)
        start = 0
        for stop in stops:
            yield start, stop
            start = stop


def _row_ends(source: Source, file: BinaryIO, size: int) -> Iterator[int]:
    """Every byte is looked at: where a row ends depends on all the marks before."""
    place = 0
    for chunk in row_chunks(blocks_of(file), size, source.ends):
        place += len(chunk)
        yield place


def _line_ends(file: BinaryIO, total: int, size: int) -> Iterator[int]:
    """Only what lies around the ends is read."""
    place = 0
    while place < total:
        place = _line_end(file, min(place + size, total), total)
        yield place


def _line_end(file: BinaryIO, place: int, total: int) -> int:
    file.seek(place)
    while block := file.read(_BLOCK):
        if (found := block.find(b"\n")) >= 0:
            return place + found + 1
        place += len(block)
    return total
