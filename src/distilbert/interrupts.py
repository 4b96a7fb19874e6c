"""Ctrl-C while modules are read: an import may pass over what it raises, PyTorch's aborts."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def ending_at_once(line: str) -> Iterator[None]:
    """Within the block Ctrl-C prints the line and ends the process, with exit code 130, in place of an exception."""

    def end(*_: object) -> None:
        os.write(2, f"{line}\n".encode())
        os._exit(130)

    raises = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # neither ignored nor another's
    with suppress(ValueError):  # not the main thread: nothing is sent there
        raises = raises and bool(signal.signal(signal.SIGINT, end))
    try:
        yield
    finally:
        if raises and signal.getsignal(signal.SIGINT) is end:
            signal.signal(signal.SIGINT, signal.default_int_handler)
