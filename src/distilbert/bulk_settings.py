"""The settings of bulk runs, which the command line reads without what `distilbert.bulk` needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from .errors import InputError
from .fields import Option, check_fields, documented, options_of, setting
from .tasks.by_name import TASKS

Format = Literal["parquet", "csv", "tsv", "jsonl"]
Errors = Literal["column", "stop"]


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """How a bulk run reads."""

    group: ClassVar[str] = "reading"

    column: str | None = setting(None, help="the column of the texts (of questions, prompts, queries)", unset="by name")
    pair_column: str | None = setting(
        None,
        help="the column of second texts (of contexts, choices, documents)",
        unset="by name where the task has one",
    )
    encoding: str = setting("utf-8", help="of text files")
    separator: str | None = setting(None, help="between the cells of a CSV file", unset="found out", metavar="CHAR")
    quote: str | None = setting(
        None, help="the quotation mark of a CSV file, or none", unset="found out", metavar="CHAR"
    )


@dataclass(frozen=True, kw_only=True)
class _Running:
    """How it cuts and runs."""

    group: ClassVar[str] = "running"

    options: Mapping[str, str] = setting({}, help="options of the task, such as top_k=3", metavar="NAME=VALUE")
    precision: Literal["float32", "int8"] | None = setting(None, help="of computing", unset="as the model is stored")
    workers: int | None = setting(None, least=1, help="processes", unset="one for every two cores")
    threads: int | None = setting(None, least=1, help="threads of a worker", unset="cores / workers")
    part_seconds: float = setting(30.0, above=0, help="how long a part should take a worker", metavar="S")
    part_rows: int | None = setting(None, least=1, help="rows of a part, instead of measuring")
    on: str = setting(
        "local", help="where workers run: local, ray://HOST:PORT, ray://auto, dask://HOST:PORT", metavar="WHERE"
    )
    share: str | None = setting(None, help="run the I-th of N shares, I from 1 on", unset="all", metavar="I/N")
    dry_run: bool = setting(False, help="show the plan; write nothing")


@dataclass(frozen=True, kw_only=True)
class _Writing:
    """How it writes."""

    group: ClassVar[str] = "writing"

    format: Format | None = setting(None, help="of the output", unset="the input's; jsonl for plain text")
    keep: Sequence[str] | None = setting(None, help="the only columns to keep", unset="all", metavar="COLUMN")
    prefix: str = setting("", help="what the names of result columns begin with")
    errors: Errors = setting("column", help="put what is wrong with a row into a column 'error', or stop at the first")
    merge: str | None = setting(None, help="join the parts into this file at the end", metavar="FILE")


@documented
@dataclass(frozen=True, kw_only=True)
class BulkSettings(_Writing, _Running, _Reading):
    """How a bulk run reads, cuts, runs and writes."""

    def __post_init__(self) -> None:
        check_fields(self)
        if not (self.on == "local" or self.on.startswith(("ray://", "dask://"))):
            raise InputError(f"on must be 'local', 'ray://HOST:PORT' or 'dask://HOST:PORT', not {self.on!r}")
        self.shares  # noqa: B018 - raises

    @property
    def shares(self) -> tuple[int, int]:
        """(index from 0 on, how many shares there are)."""
        if self.share is None:
            return 0, 1
        first, _, count = self.share.partition("/")
        if not (first.isdecimal() and count.isdecimal() and 1 <= int(first) <= int(count)):
            raise InputError(f"share must be I/N with I from 1 to N, such as 3/64, not {self.share!r}")
        return int(first) - 1, int(count)


def task_options(task: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a task from texts, as the command line gives them. Raises InputError for what cannot be right."""
    kind = TASKS[task]
    known = {option.name: option for option in options_of(kind.options)}
    rest = {"labels"} if task == "zero-shot-classification" else set()
    if rest - given.keys():
        raise InputError("zero-shot classification needs its labels: say --options labels=NAME,NAME")
    if unknown := given.keys() - known.keys() - rest:
        raise InputError(f"{task} has no option {min(unknown)!r}; it has {', '.join([*sorted(rest), *known])}")
    values = {name: _value(known[name], value) if name in known else value for name, value in given.items()}
    kind.options(**{name: value for name, value in values.items() if name in known})
    return values


def _value(option: Option, given: Any) -> Any:
    if not isinstance(given, str):
        return given
    if option.optional and given.lower() in ("none", "all"):
        return None
    if given in option.choices:
        return given
    if option.kind is bool:
        return {"true": True, "false": False}.get(given.lower(), given)
    if option.container is not None:
        return given.split(",")
    try:
        return option.kind(given)
    except ValueError:
        return given  # the option's own check names it
