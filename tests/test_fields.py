"""Settings are stated once: bounds, docstrings and the docs' tables follow from the fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from distilbert import InputError
from distilbert.cli.options import flag_of
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
