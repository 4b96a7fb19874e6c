"""The settings of a server: its address, its key and its limits, from flags and the environment."""

import dataclasses
import difflib
import os
import re
import tomllib
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Literal, Self

from .errors import InputError, naming, translated
from .fields import Option, check_fields, documented, options_of, setting
from .hint_options import TEI_OPTIONS
from .hints import hinting_fields
from .loading import DEFAULT_BATCH_TOKENS

PREFIX = "DISTILBERT_SERVE_"
_ORIGIN = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^/?#\s]+")
_HOST = re.compile(r"\*|(\*\.)?[a-z0-9._-]+|[0-9a-f:.]+")
_BOOLEANS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Access:
    """Where the server listens, and who may call it."""

    group: ClassVar[str] = "access"

    host: str = setting("127.0.0.1", help="address to listen on", unset="127.0.0.1, this machine alone")
    port: int = setting(8080, least=0, below=65536, help="port to listen on")
    api_key: str = setting(
        "", help="key that clients must send as 'Authorization: Bearer KEY', for all but /health", unset="none"
    )
    cors: str = setting("", help="origins, separated by commas, whose web pages may call the server", unset="none")
    allowed_hosts: str = setting(
        "",
        help="names, separated by commas, that requests may have as their Host; `*.example.org` for all below it",
        unset="all; this machine's alone where the server is open to nobody else and has no key",
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", help="the least that is logged")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Reading:
    """What a request means where it does not say."""

    group: ClassVar[str] = "what a request means"

    aliases: str = setting(
        "",
        help="other names of models, `ALIAS=NAME` separated by commas, such as text-embedding-3-small=minilm",
        unset="none",
    )
    default_prompt: str = setting(
        "", help="what stands before texts of which vectors are made, where a request names no prompt", unset="none"
    )
    default_prompt_name: str = setting(
        "", help="the model's own prompt that stands there, by its name", unset="as the model's folder says"
    )
    auto_truncate: bool = setting(
        False, help="cut texts that are too long on TEI's and OpenAI's routes too, where a request says nothing"
    )
    refuse_token_ids: bool = setting(
        False, help="refuse token ids in place of texts: clients may have those of another vocabulary"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Limits:
    """What a request, and all of them, may cost."""

    group: ClassVar[str] = "limits"

    max_batch_tokens: int = setting(DEFAULT_BATCH_TOKENS, least=1, help="most tokens of one run of a model")
    max_run_ms: int = setting(
        64, least=1, help="milliseconds of one run; what would take longer is split, down to single texts"
    )
    max_concurrent: int = setting(512, least=1, help="requests that are worked on at once; more are answered with 429")
    max_texts: int = setting(
        2048, least=1, help="texts (documents, choices, texts times labels) of a request; more are answered with 413"
    )
    max_bytes: int = setting(2_000_000, least=1, help="bytes of a request's body; more are answered with 413")
    max_tokens: int = setting(
        131_072,
        least=1,
        help="tokens of a request: as given, and as run (windows, pairs, and rows of a vocabulary that are scored); "
        "more are answered with 413",
    )
    max_answer_bytes: int = setting(64_000_000, least=1, help="bytes of an answer; larger ones are refused with 413")
    max_memory: int = setting(
        512,
        least=16,
        help="MB that all requests may hold, a quarter of it for bodies on their way; more are answered with 429, "
        "and a request that alone needs more with 413",
    )
    timeout: float = setting(
        30.0,
        above=0,
        below=1e6,
        help="seconds until a request is answered with 503, or with 408 where its body has not arrived",
    )
    max_connections: int = setting(1000, least=1, help="open connections; beyond them idle ones are closed")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Computing:
    """What the server computes on."""

    group: ClassVar[str] = "computing"

    threads: int = setting(0, least=0, help="cores to compute on", unset="all that the process may use")
    workers: int = setting(
        1, least=1, below=1024, help="processes, which divide the cores; each has its models and the limits above"
    )


@hinting_fields(TEI_OPTIONS)
@documented
@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(_Computing, _Limits, _Reading, _Access):
    """Each field is a flag (`--max-texts`) and a variable (`DISTILBERT_SERVE_MAX_TEXTS`); flags win."""

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.api_key.isascii() or any(char.isspace() for char in self.api_key):
            raise InputError("api_key must be letters, digits and signs of ASCII, without spaces")
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise InputError(f"cors: {origin!r} is no origin of a web page; write https://app.example.org")
        for host in self.hosts:
            if not _HOST.fullmatch(host):
                raise InputError(
                    f"allowed_hosts: {host!r} is no name of a host; write models.example.org, without scheme and port"
                )
        if self.default_prompt and self.default_prompt_name:
            raise InputError("give default_prompt or default_prompt_name, not both")

    @classmethod
    def read(
        cls,
        flags: Mapping[str, object],
        environment: Mapping[str, str] = os.environ,
        file: Mapping[str, object] | None = None,
    ) -> Self:
        """From the flags that were given (None: not given), then the environment, then the file, then the defaults.

        Raises InputError naming the variable, or the field, that cannot be right.
        """
        values: dict[str, Any] = {}
        for option in options_of(cls):
            variable = PREFIX + option.name.upper()
            if flags.get(option.name) is not None:
                values[option.name] = flags[option.name]
            elif variable in environment:
                values[option.name] = _parsed(option, variable, environment[variable])
                with naming(variable):
                    cls(**{option.name: values[option.name]})
            elif file and option.name in file:
                values[option.name] = file[option.name]
        return cls(**values)

    def public(self) -> dict[str, object]:
        """All of it for the log, without the key."""
        return dataclasses.asdict(self) | {"api_key": "set" if self.api_key else "none"}

    @property
    def origins(self) -> list[str]:
        """As browsers write them: in small letters, and without a slash at the end."""
        return [origin.lower().rstrip("/") for origin in _listed(self.cors)]

    @property
    def hosts(self) -> list[str]:
        """The allowed ones."""
        return [host.lower().rstrip(".").strip("[]") for host in _listed(self.allowed_hosts)]


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


@dataclasses.dataclass(frozen=True)
class Served:
    """What to serve: as the command line has it."""

    models: tuple[str, ...]
    tasks: tuple[str, ...] = ()
    precision: Literal["float32", "int8"] | None = None


def read_served(flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> tuple[Served, Settings]:
    """The models and the settings of a server: flags win over the environment, that over the file of `--config`.

    The variables are DISTILBERT_SERVE_MODELS and _TASK (separated by commas), _PRECISION and _CONFIG; the file is TOML
    with the settings' names, and `models`, `task` (lists of texts) and `precision`.

    Raises InputError naming what cannot be right.
    """
    _check_variables(environment)
    path = flags.get("config") or environment.get(PREFIX + "CONFIG")
    file = _read_file(path) if path else {}
    lists: dict[str, tuple[str, ...]] = {}
    for name in ("models", "task"):
        given = flags.get(name) or _listed(environment.get(PREFIX + name.upper(), ""))
        lists[name] = tuple(filter(None, given)) or tuple(file.get(name, ()))
    if not lists["models"] and environment.get("DISTILBERT_MODEL"):
        lists["models"] = (environment["DISTILBERT_MODEL"],)
    if not lists["models"]:
        raise InputError(f"give at least one model, as an argument, in {PREFIX}MODELS or in the file of --config")
    precision: Any = flags.get("precision") or environment.get(PREFIX + "PRECISION") or file.get("precision")
    if precision not in (None, "float32", "int8"):
        raise InputError(f"precision must be 'float32' or 'int8', not {precision!r}")
    return Served(lists["models"], lists["task"], precision), Settings.read(flags, environment, file)


def _read_file(path: str) -> dict[str, Any]:
    with (
        translated(OSError, InputError, f"{path}: cannot be read"),
        translated((tomllib.TOMLDecodeError, UnicodeDecodeError), InputError, f"{path}: not TOML in UTF-8"),
        open(path, "rb") as file,  # noqa: PTH123 - a path as it was given
    ):
        found = tomllib.load(file)
    if unknown := sorted(found.keys() - _names("models", "task", "precision")):
        near = _near(unknown[0], _names("models", "task", "precision"))
        there = f"; there is {near}" if near else "; see distilbert serve --help"
        raise InputError(f"{path}: {', '.join(unknown)} is no setting of the server{there}")
    with naming(path):
        Settings(**{name: value for name, value in found.items() if name in _names()})
    for name in ("models", "task"):
        if not isinstance(found.get(name, []), list) or not all(isinstance(each, str) for each in found.get(name, [])):
            raise InputError(f"{path}: {name} must be a list of texts")
    return found


def _names(*others: str) -> set[str]:
    return {option.name for option in options_of(Settings)} | set(others)


def _near(name: str, names: Collection[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name.lower().replace("-", "_"), names, 1, 0.8)), None)


def _check_variables(environment: Mapping[str, str]) -> None:
    """Raises InputError for a variable that is misspelt; others of our prefix may be Kubernetes' for a service."""
    names = _names("models", "task", "precision", "config")
    for variable in environment:
        name = variable.removeprefix(PREFIX)
        if name != variable and name.lower() not in names and (near := _near(name, names)):
            raise InputError(f"{variable} is no setting of the server; there is {PREFIX}{near.upper()}")


def _parsed(option: Option, variable: str, text: str) -> object:
    """The value that a variable holds. Raises InputError naming the variable."""
    if option.kind is bool:
        if text.lower() not in _BOOLEANS:
            raise InputError(f"{variable} must be true or false, not {text!r}")
        return _BOOLEANS[text.lower()]
    try:
        return option.kind(text)
    except ValueError:
        theirs = "; Kubernetes sets it for a Service of this name: put enableServiceLinks: false into the pod"
        hint = theirs if text.startswith("tcp://") else ""
        raise InputError(f"{variable} must be a number, not {text!r}{hint}") from None
