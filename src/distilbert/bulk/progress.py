"""How far a run is: one line that is written anew on a terminal, a line now and then in a log."""

import sys
import time

from ..errors import counted

_LOG_SECONDS = 30.0
_LINE_SECONDS = 0.5


class Progress:
    """Told after each part; prints to standard error."""

    def __init__(self, total: int, done: int, *, quiet: bool) -> None:
        self._total, self._done, self._first = total, done, done
        self._rows, self._errors, self._quiet = 0, 0, quiet
        self._began = self._last = time.monotonic()
        self._live = not quiet and sys.stderr.isatty()

    def add(self, rows: int, errors: int) -> None:
        self._done, self._rows, self._errors = self._done + 1, self._rows + rows, self._errors + errors
        now = time.monotonic()
        if not self._quiet and now - self._last >= (_LINE_SECONDS if self._live else _LOG_SECONDS):
            self._last = now
            self._print(self.line(now - self._began), end="" if self._live else "\n")

    def line(self, seconds: float) -> str:
        """Parts, their share, the rate of this run and the time that is left at that rate."""
        ran = self._done - self._first
        left = seconds / ran * (self._total - self._done) if ran else 0.0
        errors = f", {counted(self._errors, 'error')}" if self._errors else ""
        return (
            f"{self._done:,} of {counted(self._total, 'part')} ({self._done / self._total:.0%}), "
            f"{self._rows / max(seconds, 1e-9):,.0f} rows/s{errors}, {duration(left)} left"
        )

    def tell(self, message: str) -> None:
        """A line of its own."""
        if not self._quiet:
            self._print(message, end="\n")

    def end(self) -> None:
        if self._live:
            self._print("", end="")

    def _print(self, text: str, *, end: str) -> None:
        print(f"\r\x1b[K{text}" if self._live else text, end=end, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """12 s, 3 min, 4.5 h, 2.1 days."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} days"
