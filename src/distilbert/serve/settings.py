"""What a server may be told: its address, its key and its limits, from flags and the environment."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any, Self

from ..errors import InputError
from ..loading import DEFAULT_BATCH_TOKENS

PREFIX = "DISTILBERT_SERVE_"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is a flag (`--max-texts`) and a variable (`DISTILBERT_SERVE_MAX_TEXTS`); flags win.

    Attributes:
        host, port: where to listen; only this machine by default.
        api_key: what clients must send as `Authorization: Bearer KEY`; none by default.
        cors: origins, parted by commas, whose web pages may call the server.
        max_batch_tokens: most tokens of one run of a model.
        max_run_ms: milliseconds; a run that would take longer is cut, down to a single text.
        max_concurrent: requests at work at once; the next is answered with 429.
        max_texts: texts, pairs or labelled texts of one request; more are answered with 413.
        max_bytes: of one request's body; more are answered with 413.
        timeout: seconds until a request is given up with 503.
        threads: cores to compute on; 0 for all that the process may use.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    api_key: str = ""
    cors: str = ""
    max_batch_tokens: int = DEFAULT_BATCH_TOKENS
    max_run_ms: int = 64
    max_concurrent: int = 512
    max_texts: int = 32
    max_bytes: int = 2_000_000
    timeout: float = 30.0
    threads: int = 0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name in ("port", "threads") else 1
            if field.type is int and value < least:
                raise InputError(f"{field.name} must be at least {least}, not {value}")
        if self.port > 65535:
            raise InputError(f"port must be at most 65535, not {self.port}")
        if not 0 < self.timeout < 1e6:
            raise InputError(f"timeout must be more than 0 seconds, not {self.timeout}")
        if not self.api_key.isascii() or any(char.isspace() for char in self.api_key):
            raise InputError("api_key must be letters, digits and signs of ASCII, without spaces")

    @classmethod
    def read(cls, flags: Mapping[str, object], environment: Mapping[str, str] = os.environ) -> Self:
        """From the flags that were given (None: not given), then the environment, then the defaults.

        Raises InputError naming the variable, or the field, that cannot be right.
        """
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            variable = PREFIX + field.name.upper()
            if flags.get(field.name) is not None:
                values[field.name] = flags[field.name]
            elif variable in environment:
                kind: Any = field.type
                try:
                    values[field.name] = kind(environment[variable])
                except ValueError:
                    raise InputError(f"{variable} must be a number, not {environment[variable]!r}") from None
        return cls(**values)

    def public(self) -> dict[str, object]:
        """All of it for the log, without the key."""
        return dataclasses.asdict(self) | {"api_key": "set" if self.api_key else "none"}

    @property
    def origins(self) -> list[str]:
        return [origin.strip() for origin in self.cors.split(",") if origin.strip()]
