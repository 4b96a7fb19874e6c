"""Whether files are still what they were, found out cheaply."""

import hashlib
import os
from collections.abc import Collection
from pathlib import Path

from ..errors import CheckpointError, translated

_SAMPLES, _BLOCK = 16, 4096


def fingerprint(paths: Collection[Path]) -> str:
    """A digest of the files' sizes and of 16 blocks of each, the first and the last among them, in the order given.

    It is another one for weights that were trained further, and the same for a copy, whenever that was made. Raises
    CheckpointError for a file that cannot be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        with translated(OSError, CheckpointError, f"{path}: cannot be read"), path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            digest.update(f"{size} ".encode())
            last = max(size - _BLOCK, 0)
            for place in sorted({last * sample // (_SAMPLES - 1) for sample in range(_SAMPLES)}):
                file.seek(place)
                digest.update(file.read(_BLOCK))
    return digest.hexdigest()


class OpenFiles:
    """Files that a running model has mapped. What is written into them changes the model, or ends the process."""

    def __init__(self, paths: Collection[Path]) -> None:
        self._paths = tuple(paths)
        self._fingerprints = [fingerprint([path]) for path in self._paths]
        self._states = [_state(path) for path in self._paths]

    def check(self) -> None:
        """Raises CheckpointError where a file was overwritten or cut off in its place since it was opened.

        A file that was replaced (`os.replace`) or removed is no fault: what was mapped stays as it was. It costs one
        system call a file.
        """
        for index, (path, before) in enumerate(zip(self._paths, self._states, strict=True)):
            now = _state(path)
            if now == before or now is None or before is None or now[0] != before[0]:  # as it was, gone, another file
                continue
            if now[1] < before[1]:
                raise CheckpointError(f"{path}: was cut off since the model was opened from it; load it again")
            if fingerprint([path]) != self._fingerprints[index]:
                raise CheckpointError(f"{path}: was overwritten since the model was opened from it; load it again")
            self._states[index] = now  # only its date has changed


def _state(path: Path) -> tuple[tuple[int, int], int, int] | None:
    """(device and inode, size, time of the last change) of a file; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return (stat.st_dev, stat.st_ino), stat.st_size, stat.st_mtime_ns
