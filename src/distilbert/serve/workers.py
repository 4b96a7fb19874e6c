"""Several processes behind one socket: a parent that starts them, passes signals on and replaces whoever dies.

The parent opens no model and has one thread, so that it can fork at any time. Each worker opens the models for
itself, and accepts connections from the same listening socket.
"""

import contextlib
import dataclasses
import os
import re
import shutil
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path

from ..engine.cpus import available_cpus
from ..errors import InputError
from ..server_settings import Settings
from .guard import logger
from .hosts import listen, url_of
from .log import set_up_log

_PAUSE = 1.0  # seconds between a worker's start and that of the one in its place
_PASSED_ON = {signal.SIGTERM: signal.SIGTERM, signal.SIGINT: signal.SIGTERM}  # two SIGINTs would cut answers short
_SMAPS = Path("/proc/self/smaps_rollup")


@dataclasses.dataclass(frozen=True)
class Worker:
    """What one of the processes knows of its place.

    Attributes:
        number: from 0; whoever is started in its place has the same.
        listening: the socket of all workers.
        folder: where the workers leave their metrics for each other.
        settings: its own: where no number of threads is set, the workers divide the cores between them.
    """

    number: int
    listening: socket.socket
    folder: Path
    settings: Settings
    parent: int

    def ready(self) -> None:
        """Tell the parent that requests are answered."""
        os.write(self.parent, f"ready {self.number} {private_memory()}\n".encode())


def start_workers(settings: Settings) -> Worker:
    """Fork `settings.workers` times, and return in each worker, which has to open the models and to serve them.

    The parent stays here and ends with SystemExit: with 0 at SIGTERM or SIGINT, when all workers have answered what
    they had, and with a worker's code where it cannot start.

    Raises InputError where processes cannot be forked, and if the address cannot be listened on.
    """
    if not hasattr(os, "fork"):
        raise InputError("workers must be 1: this system does not fork processes")
    listening = listen(settings.host, settings.port)
    set_up_log(settings.log_level)
    port = listening.getsockname()[1]
    logger.info("starting", extra={"fields": settings.public() | {"port": port}})
    parent = _Parent(settings, listening, url_of(settings.host, port))
    worker = parent.run()
    if worker is None:
        shutil.rmtree(parent.folder, ignore_errors=True)
        raise SystemExit(parent.code)
    return worker


class _Parent:
    """Waits for lines in a pipe: workers say in it that they are ready, and signals that they have come."""

    def __init__(self, settings: Settings, listening: socket.socket, url: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="distilbert-"))
        self.code = 0
        threads = settings.threads or max(1, available_cpus() // settings.workers)
        self._settings = dataclasses.replace(settings, threads=threads)
        self._listening = listening
        self._url = url
        self._numbers: dict[int, int] = {}  # of each process
        self._memory: dict[int, int] = {}  # of each worker that has been ready
        self._started: dict[int, float] = {}
        self._ending = False
        self._lines, self._write = os.pipe()
        self._orphaned, self._life = os.pipe()  # the parent alone can write: its end is the end of the file
        os.set_blocking(self._write, False)

    def run(self) -> Worker | None:
        """In a worker, which it is; in the parent None, when all have ended."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, self._signalled)
        worker = self._start(0)  # one that cannot start says why once
        unread = b""
        while worker is None and self._numbers:
            *lines, unread = (unread + os.read(self._lines, 1 << 16)).split(b"\n")
            for line in lines:
                worker = worker or self._read(line.decode().split())
        return worker

    def _signalled(self, number: int, _: object) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, f"signal {number}\n".encode())

    def _read(self, words: list[str]) -> Worker | None:
        """One line. Gives what a worker is where it made one, in that worker."""
        if words[0] == "ready":
            return self._has_started(int(words[1]), int(words[2]))
        number = signal.Signals(int(words[1]))
        if number is signal.SIGCHLD:
            return self._replace()
        self._ending = self._ending or number in _PASSED_ON
        self._send(_PASSED_ON.get(number, number))
        return None

    def _send(self, number: signal.Signals) -> None:
        for process in self._numbers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def _start(self, number: int) -> Worker | None:
        self._started[number] = time.monotonic()
        process = os.fork()
        if process:
            self._numbers[process] = number
            return None
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(each, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the models are about to be opened as they are now
        os.close(self._lines)
        os.close(self._life)
        threading.Thread(target=_end_with_parent, args=(self._orphaned,), daemon=True).start()
        return Worker(number, self._listening, self.folder, self._settings, self._write)

    def _has_started(self, number: int, memory: int) -> Worker | None:
        count = self._settings.workers
        was_complete = len(self._memory) == count
        self._memory[number] = memory
        if len(self._memory) == 1:
            for other in range(1, count):
                if (worker := self._start(other)) is not None:
                    return worker
        elif len(self._memory) == count and not was_complete:
            memories = [round(self._memory[each] / 1e6) for each in range(count)]
            logger.info("ready", extra={"fields": {"url": self._url, "workers": count, "private_mb": memories}})
        return None

    def _replace(self) -> Worker | None:
        """Start others in the place of those that have ended; nobody where the end is asked for."""
        while self._numbers:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return None
            number, code = self._numbers.pop(process), os.waitstatus_to_exitcode(status)
            if self._ending:
                continue
            if number not in self._memory:
                self._ending, self.code = True, code if code > 0 else 1
                self._send(signal.SIGTERM)
                continue
            logger.error("a worker has ended", extra={"fields": {"worker": number, "process": process, "code": code}})
            time.sleep(max(0.0, self._started[number] + _PAUSE - time.monotonic()))
            if (worker := self._start(number)) is not None:
                return worker
        return None


def _end_with_parent(orphaned: int) -> None:
    os.read(orphaned, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def private_memory() -> int:
    """Bytes of memory that this process shares with no other; 0 where the system does not say."""
    try:
        found = re.findall(r"^Private_\w+:\s*(\d+) kB", _SMAPS.read_text(), re.MULTILINE)
    except OSError:
        return 0
    return 1024 * sum(map(int, found))
