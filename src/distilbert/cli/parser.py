"""A parser whose errors name the command, option or argument that was meant."""

import argparse
import re
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from ..command_text import flag_of
from ..errors import name_list
from ..hint_arguments import TASK_ALIASES
from ..hint_options import COMMAND_OPTIONS
from ..hints import did_you_mean

# names that people give to the same thing; of a command's own, the first is meant
_SAME = (
    "file data train source input texts dataset inputs input-file data-file train-file train-data documents",
    "out output predictions html report save output-dir out-dir output-file output-path dest",
    "model teacher models source m model-name model-id model-path model-name-or-path checkpoint pretrained",
    "texts text sentence sentences inputs document documents",
    "query queries question questions",
    "eval dev dev-file val valid validation eval-data eval-file validation-file",
    "test test-data test-file",
    "column columns text-column text-col label-column",
    "labels label classes label-names candidate-labels",
    "batch-size max-batch-tokens batch bs b train-batch-size per-device-train-batch-size",
    "epochs epoch num-epochs n-epochs num-train-epochs",
    "learning-rate lr",
    "max-length max-seq-len long-text max-len max-seq-length max-tokens truncation",
    "top-k top-n topk limit k n",
    "separator sep delimiter delim",
    "threads workers n-threads num-threads jobs num-workers n-jobs cpus",
    "precision dtype to fp16 bf16 fp32",
    "device gpu cuda cpu",
    "seed random-seed random-state",
    "best-by metric metric-for-best-model",
    "class-weights class-weight weights",
    "patience early-stopping early-stopping-patience",
    "unlabelled unlabeled",
    "aggregation aggregation-strategy",
)
_CHOICE = re.compile(r"argument (\S+): invalid choice: '([^']+)'")
_AUTO = re.compile(r"argument (\S+): invalid \w+ value: 'auto'")


class Parser(argparse.ArgumentParser):
    """One whose errors name the command, option or argument that was meant."""

    _given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As the base class does; what was given first is kept for the errors."""
        self._given = self._given or list(args or ())
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """End with what is wrong, and what was meant."""
        if choice := _CHOICE.match(message):
            message += self._choice_hint(*choice.groups())
        elif auto := _AUTO.fullmatch(message):
            message += f" (without {auto[1]} it is chosen)"
        elif message.startswith(("unrecognized arguments", "the following arguments are required")):
            message += self._option_hints()
        super().error(message)

    def _choice_hint(self, argument: str, word: str) -> str:
        """The task or command that was meant, by any name of the task; else a choice like the word, or an option."""
        found = next((each for each in self._actions if argument in (*each.option_strings, each.metavar)), None)
        choices = list(found.choices or ()) if found else []
        task = TASK_ALIASES.get(word, word)
        for choice in choices:
            if task in (choice, TASK_ALIASES.get(choice)):
                return f" (did you mean {choice}?)"
        others = (flag for flag in self._named_otherwise(argument) if isinstance(flag, str) and flag != argument)
        return did_you_mean(word, choices) or "".join(f" (did you mean {flag}?)" for flag in list(others)[:1])

    def _option_hints(self) -> str:
        """For each option that there is not, what to give in its place."""
        given = self._given[: self._given.index("--")] if "--" in self._given else self._given
        names = dict.fromkeys(word.partition("=")[0] for word in given if re.match(r"--?[A-Za-z]", word))
        unknown = [name for name in names if not self._has(name)]
        hints, bare, last = {}, [], 0  # the arguments that stand without an option are told together
        for name in unknown:
            peers = COMMAND_OPTIONS.get(self.prog.rpartition(" ")[2], {}).get(name[2:].replace("-", "_"))
            meant = next(self._named_otherwise(name), None)
            if peers is not None:
                hints[name] = self._as_options(peers)
            elif isinstance(meant, int):
                bare.append(name)
                last = max(last, meant)
            elif meant or (meant := self._like(name)):
                hints[name] = f"did you mean {meant}?"
        parts = [f"{name}: {hint}" if len(unknown) > 1 else hint for name, hint in hints.items()]
        if bare:
            parts.insert(0, f"without {name_list(bare)}: {self._usage(last)}")
        return f" ({'; '.join(parts)})" if parts else ""

    def _has(self, option: str) -> bool:
        """Whether it is an option, or the beginning of one."""
        if not option.startswith("--"):
            return option[:2] in self._option_string_actions
        return any(name.startswith(option) for name in self._option_string_actions)

    def _named_otherwise(self, option: str) -> Iterator[str | int]:
        """The options that mean the same as this one, and the places of such arguments without an option."""
        name = option.lstrip("-").lower().replace("_", "-")
        groups = [names for group in _SAME if name in (names := group.split())]
        for word in dict.fromkeys([name, *(word for names in groups for word in names)]):
            if f"--{word}" in self._option_string_actions:
                yield f"--{word}"
            for place, action in enumerate(self._arguments()):
                if word in (action.dest, str(action.metavar).lower()):
                    yield place

    def _like(self, option: str) -> str:
        """The option that is most like it; "" where none is."""
        flags = {flag[2:]: flag for flag in self._option_string_actions if flag[:2] == "--" and flag != "--help"}
        found = re.search(r"mean (\S+)\?", did_you_mean(option.lstrip("-"), flags))
        return flags[found[1]] if found else ""

    def _usage(self, last: int) -> str:
        """The command with the arguments that it needs, and those up to the place `last`."""
        arguments = enumerate(self._arguments())
        shown = [action for place, action in arguments if place <= last or action.nargs is None]
        names = [re.sub(r"\[.*\]", "", str(action.metavar or action.dest)).upper() for action in shown]
        return " ".join([self.prog, *names])

    def _arguments(self) -> list[argparse.Action]:
        """What stands without an option, in order."""
        return [action for action in self._actions if not action.option_strings]

    def _as_options(self, hint: str) -> str:
        """A hint that names Python's arguments, with the command's options."""
        names = {action.dest for action in self._actions}

        def as_option(found: re.Match[str]) -> str:
            name, equals = found.groups()
            is_option = name in names and (equals or "_" in name)
            return flag_of(name) + (" " if equals else "") if is_option else found[0]

        return re.sub("([a-z_]+)(=?)", as_option, hint)
