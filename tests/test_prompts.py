"""Prompts: the text itself, or a name; never one taken for the other."""

import pytest

from distilbert import InputError
from distilbert.prompts import Prompts

PROMPTS = Prompts({"query": "find: ", "none": "", "same": "same"}, default="query")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "find: "),
        ({"prompt_name": "none"}, ""),
        ({"prompt_name": "query"}, "find: "),
        ({"prompt": "Find: "}, "Find: "),
        ({"prompt": ""}, ""),
        ({"prompt": "same"}, "same"),
    ],
)
def test_what_stands_before_a_text(options: dict[str, str], text: str) -> None:
    assert PROMPTS.text(**options) == text


def test_a_folder_without_prompts() -> None:
    assert Prompts().text() == ""
    for literal in ("query: ", "query ", "Query:", "find", "Represent this query"):
        assert Prompts().text(literal) == literal
    assert Prompts({"a": "A "}).text() == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt_name": "Query"}, "no prompt called 'Query'; it has none, query, same"),
        ({"prompt": "query"}, "prompt='query' is the name of one of the model's prompts: give it as prompt_name"),
        ({"prompt": "", "prompt_name": "query"}, "give prompt .* or prompt_name .*, not both"),
        ({"prompt": 3}, "prompt must be a string, not int"),
        ({"prompt_name": ["query"]}, "prompt_name must be a string, not list"),
    ],
)
def test_what_would_be_a_wrong_text_in_silence(options: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PROMPTS.text(**options)


@pytest.mark.parametrize("name", ["query", "Query", "passage", "search_document"])
def test_a_usual_name_is_no_text(name: str) -> None:
    with pytest.raises(
        InputError, match=f"prompt='{name}' is the name of a prompt, and the model has none; .*'{name}: '"
    ):
        Prompts().text(name)
    with pytest.raises(InputError, match="and the model has find; what stands before each text ends in a blank or a c"):
        Prompts({"find": "Find: "}).text(name)
    assert Prompts({name: name}).text(name) == name


def test_a_name_where_there_are_no_prompts() -> None:
    with pytest.raises(InputError, match="no prompt called 'query'; it has none"):
        Prompts().text(prompt_name="query")
