"""Archives that lie about their parts, and files that are cut or mutated: refused, or read as they are."""

import pickle
import random
import struct
import zipfile
from pathlib import Path

import pytest

from conftest import DATA
from distilbert import CheckpointError, DistilBertError
from distilbert.convert.formats import read_file
from helpers.pickles import code, module, refused, storage, tensor, write_zip

PYTORCH = DATA / "pytorch"


def test_zip_bombs(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    write_zip(path, {"w": tensor(storage(size=6))}, {})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(24))
    refused(path, "member 'data/0' is compressed")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    refused(path, r"member 'data\.pkl' is compressed")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.EMPTY_DICT * ((1 << 26) + 1))
    refused(path, r"member 'data\.pkl' has 67108865 bytes, more than")
    write_zip(tmp_path / "y.ot", module({"w": tensor()}))
    with zipfile.ZipFile(tmp_path / "y.ot", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/code/__torch__.py", bytes(20_000_000))
    refused(tmp_path / "y.ot", "more than 16777216 bytes of code")


@pytest.mark.parametrize("member", ["../evil", "archive/../../evil", "/evil", "archive/..\\evil", "archive/data/.."])
def test_member_that_points_outside(member: str, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.bin", {"w": tensor()})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, b"x")
    refused(path, "points outside the archive")
    assert [found.name for found in tmp_path.iterdir()] == ["x.bin"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archive_that_is_not_pytorchs(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.bin", {"w": tensor()})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/data/0", bytes(24))
    refused(path, "two members of one name")
    path = write_zip(tmp_path / "y.bin", {"w": tensor()})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other/data/0", bytes(24))
    refused(path, "lie in several folders")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/model.py", b"x")
    refused(path, r"has no member 'data\.pkl'")
    refused(write_zip(tmp_path / "z.bin", {"w": tensor()}, byteorder=b"middle"), "byteorder is b'middle'")
    path.write_bytes(b"")
    refused(path, "is empty")
    path.write_bytes(b"PK\3\4 and nothing else")
    refused(path, "not a whole zip archive")
    refused(tmp_path / "missing.bin", "cannot be read")


def test_directory_and_headers_that_disagree(tmp_path: Path) -> None:
    good = write_zip(tmp_path / "x.bin", {"w": tensor()}).read_bytes()
    path = tmp_path / "y.bin"
    entry = good.rindex(b"PK\1\2")  # the directory's last entry: data/0
    for at, value in ((42, 0), (42, len(good) - 5), (24, 2**31 - 1), (20, 1)):  # offset, offset, size, packed size
        changed = bytearray(good)
        changed[entry + at : entry + at + 4] = value.to_bytes(4, "little")
        path.write_bytes(changed)
        refused(path, "not a whole zip archive|overlap|is compressed")
    changed = bytearray(good)
    for at in (20, 24):  # both sizes: it would reach into the directory
        changed[entry + at : entry + at + 4] = (200).to_bytes(4, "little")
    path.write_bytes(changed)
    refused(path, "members overlap, or reach beyond the archive")


# the older form, whole and cut ---------------------------------------------------------------------------


def test_older_form_cut_anywhere(tmp_path: Path) -> None:
    good = (PYTORCH / "legacy.bin").read_bytes()
    path = tmp_path / "x.bin"
    for length in range(0, len(good), 7):
        path.write_bytes(good[:length])
        with pytest.raises(CheckpointError):
            read_file(path)
    path.write_bytes(good + b"x")
    refused(path, "has 1 bytes behind its last storage")


def test_older_form_whose_storages_lie(tmp_path: Path) -> None:
    def write(keys: list[object], root: object = None, tail: bytes = struct.pack("<q", 6) + bytes(24)) -> Path:
        path = tmp_path / "x.bin"
        first = [pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
        middle = pickle.PROTO + b"\2" + code({"w": tensor()} if root is None else root) + pickle.STOP
        path.write_bytes(b"".join(first) + middle + pickle.dumps(keys, 2) + tail)
        return path

    assert read_file(write(["0"]))["w"].shape == (2, 3)
    refused(write([]), "storages are not those")
    refused(write(["0", "1"]), "storages are not those")
    refused(write(["0", "0"]), "storages are not those")
    refused(write([0]), "storages are not those")
    refused(write(["0"], tail=struct.pack("<q", 5) + bytes(24)), "has not the 6 numbers")
    refused(write(["0"], tail=struct.pack("<q", 6) + bytes(23)), "ends within storage '0'")
    refused(write(["0"], tail=b""), "has not the 6 numbers")
    path = tmp_path / "y.bin"
    path.write_bytes(pickle.dumps({"w": 1}, 2))
    refused(path, "not a file of torch.save")


# anything --------------------------------------------------------------------------------------------------


def mutations(good: bytes, seed: int, count: int) -> list[bytes]:
    rng = random.Random(seed)
    changed = []
    for _ in range(count):
        data = bytearray(good)
        for _ in range(rng.choice((1, 1, 2, 8))):
            at = rng.randrange(len(data))
            match rng.randrange(4):
                case 0:
                    data[at] ^= 1 << rng.randrange(8)
                case 1:
                    data[at] = rng.choice((0, 1, 127, 128, 255))
                case 2:
                    del data[at : at + rng.randrange(1, 9)]
                case _:
                    data[at:at] = data[at : at + rng.randrange(1, 9)]
        changed.append(bytes(data))
    return changed


@pytest.mark.parametrize("count", [150, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("file", ["zip.bin", "legacy.bin", "tch.ot"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_mutated_files(file: str, count: int, tmp_path: Path) -> None:
    """An error of ours, or weights: never another exception, and no memory beyond the file's size."""
    good = (PYTORCH / file).read_bytes()
    path = tmp_path / file
    outcomes = set()
    for data in mutations(good, seed=1, count=count):
        path.write_bytes(data)
        try:
            found = read_file(path)
            size = sum(weight.read().nbytes for weight in found.values() if weight.dtype != "I64")
        except DistilBertError:
            outcomes.add("error")
        else:
            assert size <= 4 * len(data)
            outcomes.add("weights")
    assert outcomes == {"error", "weights"}


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000,
        "[" * 900,
        "{" + "'a':{" * 500,
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2",
        "{'descr': 5, 'fortran_order': False, 'shape': (2,)}",
        "{'descr': [('a', []), 7], 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (10**9999,)}",
        "9" * 9000,
        "''' unfinished",
    ],
)
def test_array_headers_that_numpy_would_parse(text: str, tmp_path: Path) -> None:
    header = text.encode()
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(8)
    path = tmp_path / "model.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", content)
    with pytest.raises(CheckpointError, match=r"model\.npz: ") as caught:
        read_file(path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < len(str(path)) + 400
