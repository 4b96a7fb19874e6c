"""Entities as places of tokens (GLiNER, SpERT), and sentences as spaCy 2 writes them -> words with their tags."""

from collections.abc import Mapping
from typing import Any

from ..errors import InputError, short_repr
from .cells import objects_in

Tagged = dict[str, list[str]]


def has_token_spans(values: Mapping[str, Any]) -> bool:
    """Whether a row is one of these."""
    return _of_gliner(values) or _of_spert(values) or bool(_sentences(values))


def tagged_tokens(values: Mapping[str, Any]) -> list[Tagged]:
    """The sentences of such a row. Raises InputError, without a place, for spans that cannot be."""
    if sentences := _sentences(values):
        return sentences
    if _of_gliner(values):
        words, spans = values["tokenized_text"], [(start, end + 1, label) for start, end, label in values["ner"]]
    else:
        words, spans = values["tokens"], [(each["start"], each["end"], each["type"]) for each in values["entities"]]
    labels = ["O"] * len(words)
    for start, end, label in spans:
        if not 0 <= start < end <= len(words) or any(tag != "O" for tag in labels[start:end]):
            raise InputError(f"entity {short_repr(label)} has tokens {start} to {end - 1}, not all there and free")
        labels[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
    return [{"words": words, "labels": labels}]


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(word, str) for word in value)


def _is_span(start: Any, end: Any, label: Any) -> bool:
    return type(start) is int and type(end) is int and isinstance(label, str)


def _of_gliner(values: Mapping[str, Any]) -> bool:
    spans = values.get("ner")
    return (
        _are_words(values.get("tokenized_text"))
        and isinstance(spans, list)
        and all(isinstance(span, list) and len(span) == 3 and _is_span(*span) for span in spans)
    )


def _of_spert(values: Mapping[str, Any]) -> bool:
    spans = values.get("entities")
    return (
        _are_words(values.get("tokens"))
        and not values.keys() & {"text", "ner_tags", "tags", "labels"}
        and isinstance(spans, list)
        and all(isinstance(s, dict) and _is_span(s.get("start"), s.get("end"), s.get("type")) for s in spans)
    )


def _sentences(values: Mapping[str, Any]) -> list[Tagged]:
    """Those of a document of spaCy 2 (https://v2.spacy.io/api/annotation#json-input); none of any other row."""
    found = [
        [(token.get("orth"), token.get("ner")) for token in objects_in(sentence.get("tokens"))]
        for paragraph in objects_in(values.get("paragraphs"))
        for sentence in objects_in(paragraph.get("sentences"))
    ]
    if not all(isinstance(part, str) for sentence in found for token in sentence for part in token):
        return []
    return [
        {"words": [str(word) for word, _ in each], "labels": [str(tag) for _, tag in each]} for each in found if each
    ]
