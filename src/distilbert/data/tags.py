"""Tags of words in the forms that corpora have -> O, B-ORG, I-ORG; and languages that are written before words."""

import re
from collections.abc import Collection, Sequence

_TAG = re.compile(r"O|[BIESLUM](-.+)?")
_FORMS = (
    re.compile(r"(?P<letter>[BIESLUM])_(?P<type>.+)"),
    re.compile(r"(?P<letter>[bieslum])-(?P<type>.+)"),
    re.compile(r"(?P<type>.+)[-_](?P<letter>[BIESLUM])"),
)
_OUTSIDE = ("O", "o", "0", "_", "-")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]+)*:(?=.)")


def is_tag(label: str) -> bool:
    """Whether a label is a tag in the usual form."""
    return _TAG.fullmatch(label) is not None


def are_tags(labels: Sequence[str]) -> bool:
    """Whether labels are tags in one of the forms."""
    kinds = set(labels)
    return all(map(is_tag, kinds)) or bool(plain_tags(kinds))


def plain_tags(labels: Collection[str]) -> dict[str, str]:
    """label -> the tag in the usual form, of those that are in another: B_ORG, b-org, ORG-B, and 0 or _ for O.

    Empty where labels are no tags, or all are in the usual form.
    """
    inside = [label for label in labels if label not in _OUTSIDE]
    if not inside:
        return {}
    outside = {label: "O" for label in labels if label in _OUTSIDE[1:]}
    if all(map(is_tag, inside)):
        return outside
    for form in _FORMS:
        matches = {label: match for label in inside if (match := form.fullmatch(label))}
        if len(matches) == len(inside):
            return outside | {label: f"{match['letter'].upper()}-{match['type']}" for label, match in matches.items()}
    return {}


def language_before(words: Collection[str]) -> str:
    """The language that stands before every word ("en:" in WikiANN's files); else none."""
    before = {match[0] if (match := _LANGUAGE.match(word)) else "" for word in words}
    return before.pop() if len(before) == 1 and len(words) > 1 else ""
