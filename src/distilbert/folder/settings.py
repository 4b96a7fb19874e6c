"""A JSON file of settings, asked key by key, and the prompts that one holds."""

from collections.abc import Callable, Collection
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

    def _value(self, key: str, wanted: str, right: Callable[[Any], bool], default: Any = None) -> Any:
        value = self.values.get(key)
        if value is not None and not right(value):
            raise self.wrong(key, wanted)
        return default if value is None else value

    def flag(self, key: str, default: bool) -> bool:
        return bool(self._value(key, "true or false", lambda value: isinstance(value, bool), default))

    def whole(self, key: str) -> int | None:
        found: int | None = self._value(
            key, "a whole number of at least 1", lambda value: type(value) is int and value > 0
        )
        return found

    def string(self, key: str) -> str | None:
        found: str | None = self._value(key, "text", lambda value: isinstance(value, str))
        return found

    def choice(self, key: str, default: str, choices: Collection[str]) -> str:
        wanted = f"one of {name_list(choices, most=40)}" if choices else "null, as there is none to choose"
        return str(self._value(key, wanted, lambda value: isinstance(value, str) and value in choices, default))

    def strings(self, key: str) -> tuple[str, ...] | None:
        """A list of strings; a single one counts as a list of one."""

        def right(value: Any) -> bool:
            return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))

        found = self._value(key, "a list of strings", right)
        return None if found is None else (found,) if isinstance(found, str) else tuple(found)

    def object(self, key: str) -> dict[str, Any]:
        """A JSON object; an empty one where nothing is said."""
        return dict(self._value(key, "an object", lambda value: isinstance(value, dict), {}))


def read_prompts(settings: Settings) -> Prompts:
    """`prompts` and `default_prompt_name`; a prompt of null is empty, and so are by default "query" and "document"."""
    found = settings.object("prompts")
    if not all(isinstance(prompt, str | None) for prompt in found.values()):
        raise settings.wrong("prompts", "a mapping of names to strings")
    prompts = {name: prompt or "" for name, prompt in found.items()}
    default = settings.values.get("default_prompt_name")
    if default is None or (default in ("query", "document") and default not in prompts):
        return Prompts(prompts)
    return Prompts(prompts, settings.choice("default_prompt_name", "", prompts))
