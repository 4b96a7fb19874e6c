"""Vectors of texts, kept in a folder and made anew only for texts that changed.

`FOLDER/MODEL-TEXTS/` holds `texts.npy` (a digest [N, 16] of each text) and `vectors.npy` [N, D]; MODEL and TEXTS are
digests of how the vectors are made and of all texts. A folder appears whole by a rename and never changes, so a run
that is killed leaves nothing half-written, and runs at the same time do not disturb each other.
"""

import contextlib
import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ..cache import is_trusted
from ..files import written_whole_folder

Embed = Callable[[Iterable[str]], Iterator[np.ndarray]]

_MOST = 4  # states that are kept: as many models, or formats, of one set of texts
_DIGEST = 16  # bytes
_STATE = re.compile(r"[0-9a-f]{16}-[0-9a-f]{32}")  # a folder of ours


def kept_vectors(folder: Path, model: str, texts: Sequence[str], embed: Embed, empty: np.ndarray) -> np.ndarray:
    """Vectors [N, D] of the texts: kept ones as a memory map, new ones of `embed`.

    What cannot be written is not kept; what lies there and is damaged, or others may write, is not used.

    Args:
        folder: for these texts alone; made if need be.
        model: a digest of all that decides what a text's vector is.
        embed: a stream of texts -> the vector [D] of each.
        empty: [0, D], of the vectors' type.
    """
    digests = text_digests(texts)
    place = folder / f"{model[:16]}-{hashlib.blake2b(digests.tobytes(), digest_size=_DIGEST).hexdigest()}"
    kept = _opened(place, empty)
    if kept is not None:
        return kept[1]
    vectors = _refreshed(folder, model, texts, digests, embed, empty)
    with contextlib.suppress(OSError):  # a disk that is full, a folder that may not be written, another run was first
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with written_whole_folder(place) as temporary:
            np.save(temporary / "texts.npy", digests)
            np.save(temporary / "vectors.npy", vectors)
        _remove_old(folder, place)
    return vectors


def text_digests(texts: Sequence[str]) -> np.ndarray:
    """A digest of each text, uint8 [N, 16]."""
    encoded = (text.encode("utf-8", "surrogatepass") for text in texts)
    joined = b"".join(hashlib.blake2b(text, digest_size=_DIGEST).digest() for text in encoded)
    return np.frombuffer(joined, np.uint8).reshape(-1, _DIGEST)


def _refreshed(
    folder: Path, model: str, texts: Sequence[str], digests: np.ndarray, embed: Embed, empty: np.ndarray
) -> np.ndarray:
    """Vectors of all texts, of which those of older states are taken, and one of each other text is made."""
    rows: dict[bytes, np.ndarray] = {}
    wanted = {digest.tobytes(): text for digest, text in zip(digests, texts, strict=True)}
    for state in _states(folder, model):
        kept = _opened(state, empty)
        if kept is not None:
            for digest, vector in zip(*kept, strict=True):
                if wanted.pop(key := digest.tobytes(), None) is not None:
                    rows[key] = vector
    rows.update(zip(wanted, embed(wanted.values()), strict=True))
    vectors = np.empty((len(texts), empty.shape[1]), empty.dtype)
    for place, digest in enumerate(digests):
        vectors[place] = rows[digest.tobytes()]
    return vectors


def _opened(place: Path, empty: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Digests and vectors of a state; None where there is none, or none to be used."""
    try:
        if not is_trusted(place.stat()) or not is_trusted(place.parent.stat()):
            return None
        digests = np.load(place / "texts.npy", mmap_mode="r").view(np.ndarray)
        vectors = np.load(place / "vectors.npy", mmap_mode="r").view(np.ndarray)
    except (OSError, ValueError, EOFError):  # not there, or damaged
        return None
    right = digests.dtype == np.uint8 and digests.shape == (*vectors.shape[:1], _DIGEST)
    return (
        (digests, vectors) if right and (vectors.dtype, vectors.shape[1:]) == (empty.dtype, empty.shape[1:]) else None
    )


def _states(folder: Path, model: str = "") -> list[Path]:
    """The newest first."""
    with contextlib.suppress(OSError):
        found = [path for path in folder.iterdir() if _STATE.fullmatch(path.name) and path.name.startswith(model[:16])]
        return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
    return []


def _remove_old(folder: Path, newest: Path) -> None:
    """Other states of this model, and the oldest of others."""
    model = newest.name.partition("-")[0]
    others = [path for path in _states(folder) if path != newest]
    for path in [path for path in others if path.name.startswith(model)] + others[_MOST - 1 :]:
        shutil.rmtree(path, ignore_errors=True)
