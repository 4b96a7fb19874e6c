"""Results out: lines for a person, objects of JSON, or the rows of a file, with the other columns of a table's rows."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ..errors import CheckpointError, InputError, counted
from . import show
from .row_texts import TextOfRow

Given = TypeVar("Given")
Result = TypeVar("Result")


def add_output(parser: argparse.ArgumentParser) -> None:
    form = parser.add_argument_group("results out").add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line")
    form.add_argument("--out", type=Path, metavar="FILE", help="write the same into a .csv .tsv .jsonl .parquet")


def check_output(args: argparse.Namespace) -> None:
    """Raises InputError for an `--out` that cannot be, before anything is run."""
    if getattr(args, "out", None) is None:
        return
    from ..data.writing import check_writable  # not at the top: it takes time to import

    check_writable(args.out)
    if getattr(args, "file", None) is not None and args.out.resolve() == args.file.resolve():
        raise InputError(f"{args.out}: is what is read; choose another name")


def deliver(
    args: argparse.Namespace,
    results: Iterable[tuple[Given, Result]],
    *,
    values: Callable[[Given, Result], dict[str, Any]],
    lines: Callable[[Given, Result], None],
) -> int:
    """Write each result as it comes, by what `values` makes of it and of what it is a result of; returns the exit code.

    `lines` shows the two to a person instead.
    """
    if args.out is not None:
        from ..data.writing import write_rows  # not at the top: it takes time to import

        count = write_rows(args.out, (_with_row(finite(values(*each))) for each in results))
        show.line(show.clean(f"{args.out}: {counted(count, 'row')}"))
        return 0
    for each in results:
        if args.json:
            print_json(_with_row(finite(values(*each))))
        else:
            lines(*each)
    return 0


def print_json(values: object) -> None:
    """One line. What cannot be printed is escaped, as all is that is not ASCII where the output is not UTF-8."""
    ascii_only = (sys.stdout.encoding or "").lower() != "utf-8"
    text = json.dumps(values, ensure_ascii=ascii_only, default=str)
    print(text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text))


def dicts(results: Any) -> Any:
    """Results inside lists -> plain values."""
    return [dicts(result) for result in results] if isinstance(results, list) else results.to_dict()


def finite(values: dict[str, Any]) -> dict[str, Any]:
    """The values. Raises CheckpointError where a number of the model's is none."""
    try:
        json.dumps(values, allow_nan=False)
    except ValueError:
        raise CheckpointError("the model's results are not numbers (NaN or infinity): its weights are broken") from None
    return values


def _with_row(values: dict[str, Any]) -> dict[str, Any]:
    """With the other columns of the text's row in front: "label_input" where the result has a "label" too."""
    others: Mapping[str, Any] = next((value.others for value in values.values() if isinstance(value, TextOfRow)), {})
    taken = {*others, *values}
    row = {}
    for name, value in others.items():
        kept = name
        while kept in values or (kept != name and kept in taken):
            kept += "_input"
        row[kept] = value
    return row | {name: str(value) if isinstance(value, TextOfRow) else value for name, value in values.items()}
