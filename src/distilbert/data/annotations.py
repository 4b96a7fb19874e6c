"""Rows as tools for annotating text write them (Label Studio, Prodigy, doccano, Argilla, spaCy) -> plain rows."""

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InputError, counted, short_repr
from .cells import literal
from .faults import Faults
from .tables import Row
from .token_spans import has_token_spans, tagged_tokens

_ANSWERS = ("accept", "reject", "ignore")  # Prodigy
# columns that spans stand in, and what their parts are called
_SPANS = ("spans", "entities", "ents", "annotations", "textSegmentAnnotations", "label", "labels", "annotation")
_START, _END = ("start", "start_offset", "startOffset"), ("end", "end_offset", "endOffset")
_KIND = ("label", "labels", "tag", "type", "entity_group", "entity", "displayName")
_RESPONSES = ".responses"  # behind the name of a question of Argilla's, in a data set of the hub
_TEXTS = ("text", "data", "content", "sentence", "document", "textContent")
_LOOKED_AT = 100  # rows that show how all are written
_WORD = re.compile(r"\w+|[^\w\s]")

Span = tuple[int, int, str]  # start, end, label


def plain_rows(rows: Sequence[Row], task: str, faults: Faults) -> tuple[list[Row], str]:
    """The rows, those of annotation tools with a label or with words and their tags, and in words what was done.

    Rows that a person rejected or passed over are left out, but for a label that was rejected: the text has it not.
    """
    first = rows[0].values
    accepted = [row.values.get("accept") for row in rows if row.values.get("answer") == "accept"]
    single = all(len(chosen) == 1 for chosen in accepted if isinstance(chosen, list))
    rejects = "label" in first and any(row.values.get("answer") == "reject" for row in rows)
    made, left_out = [], 0
    for row in rows:
        try:
            if task == "token-classification" and has_token_spans(row.values):
                made += [Row(row.place, values) for values in tagged_tokens(row.values)]
                continue
            values = _plain(row.values, task, single=single, rejects=rejects)
        except InputError as error:
            faults.add(row.fault(str(error)))
            continue
        except (AttributeError, IndexError, KeyError, TypeError):  # parts of it are of other kinds
            faults.add(row.fault("is not as a tool for annotation writes its rows"))
            continue
        if values is None:
            left_out += 1
        else:
            made.append(Row(row.place, values))
    return made, f"{counted(left_out, 'row')} not accepted, left out" if left_out else ""


def is_annotated(rows: Sequence[Row], task: str) -> bool:
    """Whether rows are as one of these tools writes them."""
    return any(
        (task == "token-classification" and has_token_spans(row.values))
        or _is_label_studio(row.values)
        or _is_prodigy(row.values)
        or _is_argilla(row.values)
        or _has_spans(row.values)
        or any(_labels_in(value) is not None for value in row.values.values())
        for row in rows[:_LOOKED_AT]
    )


def has_objects(rows: Sequence[Row]) -> bool:
    """Whether cells of separated values have labels or spans as JSON or Python writes them."""
    return any(_object_in(name, value) is not None for row in rows[:_LOOKED_AT] for name, value in row.values.items())


def with_objects(rows: Sequence[Row]) -> list[Row]:
    """The rows, with what such cells say in their place."""
    made = []
    for row in rows:
        found = {name: _object_in(name, value) for name, value in row.values.items()}
        known = {name: value for name, value in found.items() if value is not None}
        made.append(Row(row.place, {**row.values, **known}, row.after_blank) if known else row)
    return made


def _object_in(column: str, value: Any) -> Any:
    if not isinstance(value, str) or column.lower() in _TEXTS or not value.lstrip().startswith(("{", "[{", "[[", "[(")):
        return None
    found = literal(value)
    return found if _labels_in(found) is not None or _spans(found) else None


def _is_label_studio(values: Mapping[str, Any]) -> bool:
    return isinstance(values.get("data"), dict) and isinstance(
        values.get("annotations", values.get("completions")), list
    )


def _is_argilla(values: Mapping[str, Any]) -> bool:
    inner = values.get("fields"), values.get("inputs")
    return any(isinstance(texts, dict) for texts in inner) or any(name.endswith(_RESPONSES) for name in values)


def _is_prodigy(values: Mapping[str, Any]) -> bool:
    return values.get("answer") in _ANSWERS and ("accept" in values or "label" in values or "spans" in values)


def _plain(values: Mapping[str, Any], task: str, *, single: bool, rejects: bool) -> Mapping[str, Any] | None:
    """The values of one row; None for one to leave out."""
    row = dict(values)
    if _is_label_studio(row) or _is_argilla(row):
        found = _of_label_studio(row) if _is_label_studio(row) else _of_argilla(row)
        if found is None:
            return None
        row = found
    elif _is_prodigy(row):
        if row["answer"] == "ignore" or (row["answer"] == "reject" and not rejects):
            return None
        if isinstance(accepted := row.get("accept"), list):
            accepted = [_option(row, each) for each in accepted]
            row["label"] = accepted[0] if single and accepted else accepted
        elif rejects:
            row["label"] = [row["label"]] if row["answer"] == "accept" else []
        row = {name: value for name, value in row.items() if name not in ("answer", "options", "accept")}
    if task == "token-classification" and _has_spans(row):
        text = next(row[name] for name in _TEXTS if isinstance(row.get(name), str))
        spans = next(spans for name in _SPANS if (spans := _spans(row.get(name))) is not None)
        words, labels = tagged_words(text, spans)
        return {"words": words, "labels": labels}
    return {name: value if (inside := _labels_in(value)) is None else inside for name, value in row.items()}


def _option(values: Mapping[str, Any], chosen: Any) -> Any:
    """What a choice of Prodigy's is called: its id, or its text where ids count the options."""
    if not isinstance(chosen, int):
        return chosen
    options = [each for each in values.get("options") or () if isinstance(each, dict) and each.get("id") == chosen]
    return options[0].get("text", chosen) if options else chosen


def _of_label_studio(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The data of a task, and what its first annotation says of it; None where nobody has annotated it."""
    row, spans = dict(values["data"]), []
    given = values.get("annotations", values.get("completions")) or ()
    annotation = next((each for each in given if not each.get("was_cancelled")), None)
    if annotation is None:
        return None
    for value in (part.get("value", {}) for part in annotation.get("result", ())):
        if "choices" in value:
            row["label"] = value["choices"] if len(value["choices"]) > 1 else value["choices"][0]
        elif "rating" in value:
            row["label"] = value["rating"]
        elif "labels" in value and "start" in value:
            spans.append(value)
    return row | {"spans": spans}


def _of_argilla(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of a record, and the first response to each question; None where nobody has answered."""
    if isinstance(fields := values.get("inputs"), dict):  # version 1
        return {**fields, **values} if values.get("annotation") is not None else None
    if isinstance(fields := values.get("fields"), dict):
        given = values.get("responses") or {}
        if isinstance(given, list):  # one for each person, with an answer to each question
            given = {name: [each] for person in given[:1] for name, each in person["values"].items()}
        answers = {name: each[0].get("value") for name, each in given.items() if each}
    else:
        fields = {name: value for name, value in values.items() if "." not in name}
        given = {name: value for name, value in values.items() if name.endswith(_RESPONSES)}
        answers = {name.removesuffix(_RESPONSES): value[0] for name, value in given.items() if value}
    return {**fields, **answers} if answers else None


def _labels_in(value: Any) -> list[str] | None:
    """The labels that an object has: Label Studio's choices, or spaCy's categories; None for any other."""
    if not isinstance(value, dict) or not value:
        return None
    if set(value) == {"choices"} and isinstance(value["choices"], list):
        return value["choices"]
    if all(isinstance(score, bool | int | float) and 0 <= score <= 1 for score in value.values()):
        return [name for name, score in value.items() if score > 0.5]
    return None


def _has_spans(values: Mapping[str, Any]) -> bool:
    """Whether there is a text and a list of spans in it, perhaps an empty one, and no list of words."""
    for words in (values.get("tokens"), values.get("words")):
        if isinstance(words, list) and words and isinstance(words[0], str) and not _spans(values.get("annotation")):
            return False
    has_text = any(isinstance(values.get(name), str) for name in _TEXTS)
    return has_text and any(_spans(values.get(name)) is not None for name in _SPANS)


def _spans(value: Any) -> list[Span] | None:
    """Spans as [start, end, label] or as objects; None for what is no list of them."""
    if not isinstance(value, list):
        return None
    found = []
    for part in value:
        if isinstance(part, dict):
            start, end, label = (
                next((part[name] for name in names if name in part), None) for names in (_START, _END, _KIND)
            )
            label = label[0] if isinstance(label, list) and label else label
        elif isinstance(part, list | tuple) and len(part) == 3:
            start, end, label = part
        else:
            return None
        if type(start) is not int or type(end) is not int or not isinstance(label, str) or label[:2] in ("B-", "I-"):
            return None  # also where each token is one, as a pipeline that was not told to join them gives it
        found.append((start, end, label))
    return found


def tagged_words(text: str, spans: Sequence[Span]) -> tuple[list[str], list[str]]:
    """Words and signs of a text, each with its tag (B-, I- or O). A word is cut where a span begins or ends.

    Raises InputError, without a place, for spans outside the text and for two that overlap.
    """
    ordered = sorted(spans)
    for start, end, label in ordered:
        if not 0 <= start < end <= len(text):
            raise InputError(f"span {short_repr((start, end, label))} is not in the text of {len(text)} characters")
    for before, after in itertools.pairwise(ordered):
        if after[0] < before[1]:
            raise InputError(f"spans {short_repr(before)} and {short_repr(after)} overlap; a word has one label")
    words, labels, at = [], [], 0
    for start, end, label in [*ordered, (len(text), len(text), "")]:
        outside = _WORD.findall(text[at:start])
        inside = _WORD.findall(text[start:end])
        words += outside + inside
        labels += ["O"] * len(outside) + [f"{'I' if place else 'B'}-{label}" for place in range(len(inside))]
        at = end
    return words, labels
