"""Zip archives as PyTorch writes them: their members are places in a file. Nothing is unpacked.

PyTorch stores tensors uncompressed, so that a member can be mapped where it lies.
"""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from ..errors import CheckpointError, name_list, short_repr, translated

# all that zipfile raises for a file that is not what it seems
ZIP_ERRORS = (
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
_LOCAL = struct.Struct("<4s5H3I2H")  # the header in front of a member's bytes
_ALIGNMENT = 64  # of a tensor's bytes, as PyTorch writes them
_PADDING = 0x4246  # PyTorch's tag ("FB") of the extra field that aligns


@dataclass(frozen=True)
class Member:
    """Where one member's bytes lie in the file."""

    offset: int
    size: int


@dataclass(frozen=True)
class Archive:
    """The members of one archive, without the name of the folder that they all lie in.

    Attributes:
        path: the archive.
        stored: the members that lie in it uncompressed.
        compressed: the names of those that do not.
    """

    path: Path
    stored: dict[str, Member]
    compressed: frozenset[str]

    def place(self, name: str) -> Member:
        """Raises CheckpointError for a member that is missing or compressed."""
        if name in self.compressed:
            raise CheckpointError(f"{self.path}: member {short_repr(name)} is compressed, which PyTorch never does")
        if name not in self.stored:
            raise CheckpointError(f"{self.path}: has no member {short_repr(name)}")
        return self.stored[name]

    def read(self, name: str, most: int) -> bytes:
        """The bytes of a member of at most `most` bytes."""
        member = self.place(name)
        if member.size > most:
            raise CheckpointError(f"{self.path}: member {short_repr(name)} has {member.size} bytes, more than {most}")
        with self.path.open("rb") as file:
            file.seek(member.offset)
            return file.read(member.size)


def open_archive(path: Path) -> Archive:
    """The places of all members. Raises CheckpointError for an archive that is not what it seems."""
    stored: dict[str, Member] = {}
    compressed = set()
    damaged = translated(ZIP_ERRORS, CheckpointError, f"{path}: not a whole zip archive")
    with damaged, zipfile.ZipFile(path) as archive, path.open("rb") as file:
        infos = archive.infolist()
        _check_names(path, [info.filename for info in infos])
        for info in infos:
            name = info.filename.partition("/")[2]
            if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
                compressed.add(name)
            else:
                stored[name] = Member(_data_offset(file, info), info.file_size)
        end = archive.start_dir
    before = 0
    for member in sorted(stored.values(), key=lambda member: (member.offset, member.size)):
        if member.offset < before or member.offset + member.size > end:
            raise CheckpointError(f"{path}: members overlap, or reach beyond the archive")
        before = member.offset + member.size
    return Archive(path, stored, frozenset(compressed))


def _check_names(path: Path, names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise CheckpointError(f"{path}: holds two members of one name")
    unsafe = [name for name in names if "\\" in name or {"..", "/"} & {*PurePosixPath(name).parts}]
    if unsafe:
        raise CheckpointError(f"{path}: member {short_repr(unsafe[0])} points outside the archive")
    if len({name.partition("/")[0] for name in names}) > 1:
        raise CheckpointError(
            f"{path}: not what PyTorch writes: members lie in several folders ({name_list(sorted(names))})"
        )


def _data_offset(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin: its own header says how long it is."""
    file.seek(info.header_offset)
    header = _LOCAL.unpack(file.read(_LOCAL.size))
    name_length, extra_length = header[-2:]
    if header[0] != b"PK\3\4" or file.read(name_length) != info.orig_filename.encode():
        raise ValueError(f"member {short_repr(info.filename)} is not where the directory says")
    return info.header_offset + _LOCAL.size + int(name_length) + int(extra_length)


Add = Callable[[str, bytes | memoryview], None]  # a member's name, and its bytes


@contextmanager
def writing(path: Path) -> Iterator[Add]:
    """Write an archive of stored members, aligned as PyTorch aligns them, by the function that this gives."""
    with zipfile.ZipFile(path, "w") as archive:

        def add(name: str, data: bytes | memoryview) -> None:
            info = zipfile.ZipInfo(f"{path.stem}/{name}")  # dated 1980: the same weights give the same file
            start = archive.fp.tell() + _LOCAL.size + len(info.filename) + 4  # type: ignore[union-attr]
            info.extra = struct.pack("<2H", _PADDING, -start % _ALIGNMENT) + b"Z" * (-start % _ALIGNMENT)
            info.file_size = len(data)
            with archive.open(info, "w") as member:
                member.write(data)

        yield add
