"""What requests hold in memory, counted before they hold it, so that no traffic can make it more than was set.

Half of `--max-memory` is for what requests at work hold, a quarter for bodies on their way; docs/threat-model.md adds
up the rest. Sizes are upper bounds: FACTORS below, measured in tests/serve/test_attacks.py.
"""

import threading

from .errors import Fault, RequestError

MB = 1_000_000
# bytes that are held for each ...
BODY_BYTE = 10  # ... byte of a body: text of four bytes a character, three times, or the objects that JSON makes
GIVEN_TOKEN = 600  # ... token that a text is cut into, at the tokenizer's most wasteful
RUN_TOKEN = 150  # ... token that a model reads: ids, places, words
ANSWER_BYTE = 3  # ... byte of an answer: its parts, the whole, and what the connection sends


class Budget:
    """So many bytes for all requests together."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self._lock = threading.Lock()

    def take(self, size: int, share: int) -> None:
        """Give a request `size` more bytes; it has `share` already.

        Raises RequestError: 413 where the request alone has too much, 429 where all have together.
        """
        with self._lock:
            if share + size > self.limit:
                raise RequestError(
                    Fault.TOO_LARGE,
                    f"the request would hold {(share + size) // MB} MB, more than the {self.limit // MB} MB "
                    "that --max-memory leaves for it; send less at once",
                )
            if self.held + size > self.limit:
                raise RequestError(Fault.OVERLOADED, "the requests at work hold all of --max-memory; try again")
            self.held += size

    def give_back(self, size: int) -> None:
        with self._lock:
            self.held -= size


class Share:
    """What one request holds of a budget. It is given back when everyone who holds the share has let go of it."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._size = 0
        self._holders = 1
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Raises RequestError, as `Budget.take`."""
        with self._lock:
            self._budget.take(size, self._size)
            self._size += size

    def hold(self) -> None:
        with self._lock:
            self._holders += 1

    def let_go(self) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders == 0:
                self._budget.give_back(self._size)
                self._size = 0
