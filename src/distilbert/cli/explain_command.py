"""The command that shows which tokens and words drove a result."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import write_text
from . import show
from .options import add_json, add_model_argument
from .results import finite, print_json
from .texts import add_model_options, open_task

if TYPE_CHECKING:  # a leaf
    from ..explain import Explanation

_TASKS = ("text-classification", "token-classification", "question-answering", "feature-extraction")
_METHODS = ("leave-one-out", "integrated-gradients")
_MOST_WORDS = 10


def add_explain(parser: argparse.ArgumentParser) -> None:
    add_model_argument(parser)
    parser.add_argument("text", help="a text; the question, for an answer")
    parser.add_argument("pair", nargs="?", help="the context, for an answer; the other text, for a similarity")
    group = parser.add_argument_group("the model")
    group.add_argument("--task", choices=_TASKS, help="default: what the model was trained for")
    add_model_options(group)
    group = parser.add_argument_group("what is explained")
    group.add_argument("--target", metavar="TEXT", help="the label, entity or answer (default: the model's best)")
    group.add_argument(
        "--method", choices=_METHODS, default=_METHODS[0], help=f"the second needs PyTorch (default: {_METHODS[0]})"
    )
    group.add_argument("--attention", action="store_true", help="show the attention rollout too; needs PyTorch")
    form = parser.add_argument_group("results out")
    form.add_argument("--html", type=Path, metavar="FILE", help="write one HTML page, which needs nothing else")
    add_json(form)


def explain(args: argparse.Namespace) -> int:
    from ..explain import explain as explained  # not at the top: a leaf

    explanation = explained(
        open_task(args, args.task),
        args.text,
        args.pair,
        target=args.target,
        method=args.method,
        attention=args.attention,
    )
    if args.html:
        write_text(args.html, explanation.to_page())
    if args.json:
        print_json(finite(explanation.to_dict()))
    else:
        _show(explanation)
    return 0


def _show(explanation: "Explanation") -> None:
    from ..explain.explanation import ATTENTION_WARNING

    show.line((show.clean(explanation.title), "bold"))
    _marked(explanation, attention=False)
    if explanation.has_attention:
        show.line(("attention", "bold"), (f"  {ATTENTION_WARNING}", "yellow"))
        _marked(explanation, attention=True)
        show.line(("      value                      attention", "dim"))
    strongest = sorted(explanation.words, key=lambda word: -abs(word.value))[:_MOST_WORDS]
    largest = abs(strongest[0].value) or 1.0
    for word in strongest:
        colour = "green" if word.value >= 0 else "red"
        share = show.bar(abs(word.value) / largest)
        attention = "" if word.attention is None else f"{word.attention:.3f}  "
        show.line(f"  {word.value:+9.4f} ", (share, colour), " ", (attention, "dim"), show.clean(word.text))
    if len(explanation.words) > _MOST_WORDS:
        show.line((f"  and {len(explanation.words) - _MOST_WORDS} more words (--json has all)", "dim"))


def _marked(explanation: "Explanation", *, attention: bool) -> None:
    """Each text on a line, its words on a colour as strong as they are; legible on dark and light terminals."""
    for text, words in explanation.marked(attention=attention):
        parts: list[show.Part] = ["  "]
        after = 0
        for start, end, share in words:
            parts += [show.clean(text[after:start]), (show.clean(text[start:end]), _style(share, attention))]
            after = end
        show.line(*parts, show.clean(text[after:]))


def _style(share: float, attention: bool) -> str:
    """Black on white that turns green, red or (attention) blue."""
    strength = round(155 * abs(share))
    kept = 255 - strength
    if attention:
        return f"black on rgb({kept},{kept},255)"
    return f"black on rgb({kept},255,{kept})" if share >= 0 else f"black on rgb(255,{kept},{kept})"
