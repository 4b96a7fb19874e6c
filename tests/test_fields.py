"""Settings are stated once: bounds, docstrings and the docs' tables follow from the fields."""

import argparse
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from distilbert import InputError
from distilbert.arguments import BenchOptions, DistillArguments, EvaluateOptions, FinetuneArguments
from distilbert.bench import bench
from distilbert.cli.options import add_options, flag_of, read_options
from distilbert.evaluation import evaluate
from distilbert.fields import check_fields, documented, options_of, setting
from distilbert.server_settings import PREFIX, Settings

DOCS = Path(__file__).parents[1] / "docs"


@documented
@dataclass(frozen=True, kw_only=True)
class Baking:
    """How to bake."""

    loaf: str | Path = setting(help="what to bake")
    minutes: int = setting(30, least=1, help="in the oven")
    share: float = setting(2e-5, least=0, below=1, help="of salt")
    heat: float | None = setting(None, above=0, help="in degrees", unset="as the recipe says")
    grain: Literal["rye", "wheat"] = setting("rye", help="of the flour")
    spices: Literal["all"] | Mapping[str, float] | None = setting(None, help="grams of each")
    covered: bool = setting(False, help="with a lid")

    def __post_init__(self) -> None:
        check_fields(self)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"loaf": None}, "loaf must be a text or a path, not None"),
        ({"minutes": 0}, "minutes must be at least 1, not 0"),
        ({"minutes": 2.5}, "minutes must be a whole number of at least 1, not 2.5"),
        ({"minutes": "30"}, "minutes must be a whole number of at least 1, not '30'"),
        ({"minutes": True}, "minutes must be a whole number of at least 1, not True"),
        ({"minutes": None}, "minutes must be a whole number of at least 1, not None"),
        ({"share": 1.0}, "share must be at least 0 and below 1, not 1.0"),
        ({"share": float("nan")}, "share must be at least 0 and below 1, not nan"),
        ({"heat": float("inf")}, "heat must be above 0, or None, not inf"),
        ({"grain": "oats"}, "grain must be 'rye' or 'wheat', not 'oats'"),
        ({"covered": "no"}, "covered must be True or False, not 'no'"),
    ],
)
def test_values_that_cannot_be_right_are_refused_by_name(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        Baking(**{"loaf": "bread", **values})
    assert str(error.value) == message


def test_values_in_range_are_taken_as_they_are() -> None:
    assert Baking(loaf=Path("bread"), minutes=1, share=0, heat=0.1, spices={"salt": 2.0}).share == 0


def test_the_docstring_lists_the_fields_with_their_defaults() -> None:
    assert (Baking.__doc__ or "").splitlines() == [
        "How to bake.",
        "",
        "Attributes:",
        "    loaf: what to bake.",
        "    minutes: in the oven (default: 30).",
        "    share: of salt (default: 2e-5).",
        "    heat: in degrees (default: as the recipe says).",
        "    grain: of the flour (default: rye).",
        "    spices: grams of each.",
        "    covered: with a lid.",
    ]


def test_the_servers_table_in_the_docs_is_its_settings() -> None:
    rows = [
        f"| `{flag_of(option.name)}` | `{PREFIX}{option.name.upper()}` | {option.default_text} | {option.help} |"
        for option in options_of(Settings)
    ]
    listed = (DOCS / "serving.md").read_text().splitlines()
    assert [line for line in listed if PREFIX in line and line.startswith("|")] == rows


def table_of(settings: type) -> list[str]:
    """The rows of a table of options in docs/."""
    return [f"| `{flag_of(option.name)}` | {option.default_text} | {option.help} |" for option in options_of(settings)]


@pytest.mark.parametrize(
    ("page", "settings"), [("training.md", FinetuneArguments), ("distillation.md", DistillArguments)]
)
def test_the_tables_of_options_in_the_docs_are_the_fields(page: str, settings: type) -> None:
    lines = (DOCS / page).read_text().splitlines()
    start = lines.index("| option | default | |") + 2
    length = next(index for index, line in enumerate(lines[start:]) if not line.startswith("|"))
    rows = table_of(settings)
    if settings is DistillArguments:  # those that are as in training stand there
        trained = {*table_of(FinetuneArguments), *(row for row in rows if row.startswith("| `--problem`"))}
        rows = [row for row in rows if row not in trained]
    assert lines[start : start + length] == rows


@pytest.mark.parametrize(
    ("function", "options"), [(evaluate, EvaluateOptions), (bench, BenchOptions)], ids=["evaluate", "bench"]
)
def test_a_function_with_options_has_their_defaults(function: Callable[..., Any], options: type) -> None:
    parameters = inspect.signature(function).parameters
    for option in options_of(options):
        assert parameters[option.name].default == (option.default or parameters[option.name].default), option.name


def test_options_of_the_command_line_are_the_fields() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, Baking)
    given = [
        "--loaf",
        "rye",
        "--minutes",
        "5",
        "--share",
        "0.5",
        "--grain",
        "wheat",
        "--spices",
        "salt=2",
        "a=b=1",
        "--covered",
    ]
    read = read_options(parser.parse_args(given), Baking)
    assert read == Baking(
        loaf="rye", minutes=5, share=0.5, grain="wheat", spices={"salt": 2.0, "a=b": 1.0}, covered=True
    )
    assert read_options(parser.parse_args(["--loaf", "rye", "--spices", "all"]), Baking).spices == "all"
    with pytest.raises(InputError, match="--spices takes NAME=VALUE, or all; 'salt' is not that"):
        read_options(parser.parse_args(["--loaf", "rye", "--spices", "salt"]), Baking)
    assert "in degrees (default: as the recipe says)" in " ".join(parser.format_help().split())
