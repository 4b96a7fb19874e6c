"""Prompts: what a model wants to stand before a text, by name, as sentence-transformers keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import InputError, name_list

# what models call their prompts: the word itself, glued to a text, is meant by nobody
_USUAL_NAMES = (
    *("query", "document", "passage", "corpus", "search_query", "search_document", "web_search_query", "s2p_query"),
    *("s2s_query", "retrieval.query", "retrieval.passage", "retrieval", "classification", "clustering", "separation"),
    *("text-matching", "sts"),
)


@dataclass(frozen=True)
class Prompts:
    """The prompts of a folder.

    Attributes:
        by_name: prompt by name.
        default: the name of the one that is used when none is asked for, or None.
    """

    by_name: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None

    def text(self, prompt: str | None = None, prompt_name: str | None = None) -> str:
        """What stands before each text: `prompt` itself, or the one called `prompt_name`, or the default one.

        Raises InputError for a name that the folder does not have, for both at once, and for a `prompt` that
        is the name of one, or is called as prompts usually are: it would be put before the text letter by letter.
        """
        if prompt is not None and prompt_name is not None:
            raise InputError("give prompt (what stands before each text) or prompt_name (the name of one), not both")
        for name, value in (("prompt", prompt), ("prompt_name", prompt_name)):
            if value is not None and not isinstance(value, str):
                raise InputError(f"{name} must be a string, not {type(value).__name__}")
        if prompt is not None:
            if self.by_name.get(prompt, prompt) != prompt:
                raise InputError(f"prompt={prompt!r} is the name of one of the model's prompts: give it as prompt_name")
            if prompt.lower() in _USUAL_NAMES and prompt not in self.by_name:
                raise InputError(
                    f"prompt={prompt!r} is the name of a prompt, and the model has {self._names()}; what stands before "
                    f"each text ends in a blank or a colon: prompt='{prompt}: '"
                )
            return prompt
        if prompt_name is not None:
            if prompt_name not in self.by_name:
                raise InputError(f"the model has no prompt called {prompt_name!r}; it has {self._names()}")
            return self.by_name[prompt_name]
        return self.by_name[self.default] if self.default is not None else ""

    def _names(self) -> str:
        return name_list(self.by_name, most=20) if self.by_name else "none"

    def of_task(self, task: str) -> "Prompts":
        """With the prompt called like this task, or none, as the default one: what `encode_query` uses."""
        return Prompts({task: "", **self.by_name}, task)
