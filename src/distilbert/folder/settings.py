"""A JSON file of settings, asked key by key, and the prompts that one holds."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..errors import ConfigError, name_list, short_repr
from ..files import has_file, read_json
from ..prompts import Prompts


class Settings:
    """What a JSON file says. Every answer is checked; ConfigError names file and key. Null is "not said"."""

    def __init__(self, path: Path, *, optional: bool = False) -> None:
        self.path = path
        self.values: dict[str, Any] = {} if optional and not has_file(path) else read_json(path)

    def wrong(self, key: str, wanted: str) -> ConfigError:
        return ConfigError(f"{self.path}: {key} must be {wanted}, not {short_repr(self.values.get(key))}")

    def flag(self, key: str, default: bool) -> bool:
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return default if value is None else value

    def whole(self, key: str) -> int | None:
        value = self.values.get(key)
        if value is not None and (type(value) is not int or value < 1):
            raise self.wrong(key, "a whole number of at least 1")
        return value

    def string(self, key: str) -> str | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self.wrong(key, "text")
        return value

    def choice(self, key: str, default: str, choices: Collection[str]) -> str:
        value = self.values.get(key)
        if value is not None and not (isinstance(value, str) and value in choices):
            wanted = f"one of {name_list(choices, most=40)}" if choices else "null, as there is none to choose"
            raise self.wrong(key, wanted)
        return default if value is None else value

    def strings(self, key: str) -> tuple[str, ...] | None:
        """A list of strings; a single one counts as a list of one."""
        value = self.values.get(key)
        if value is None:
            return None
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
            raise self.wrong(key, "a list of strings")
        return tuple(listed)

    def object(self, key: str) -> dict[str, Any]:
        """A JSON object; an empty one where nothing is said."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, dict):
            raise self.wrong(key, "an object")
        return value or {}


def read_prompts(settings: Settings) -> Prompts:
    """`prompts` and `default_prompt_name`; a prompt of null is an empty one."""
    found = settings.object("prompts")
    if not all(isinstance(prompt, str | None) for prompt in found.values()):
        raise settings.wrong("prompts", "a mapping of names to strings")
    prompts = {name: prompt or "" for name, prompt in found.items()}
    default = settings.values.get("default_prompt_name")
    return Prompts(prompts, None if default is None else settings.choice("default_prompt_name", "", prompts))
