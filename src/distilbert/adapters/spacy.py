"""spaCy: pipeline components for entities (`doc.ents`) and categories (`doc.cats`). Needs spaCy 3.

Importing this module tells spaCy of them:

    import distilbert.adapters.spacy
    nlp.add_pipe("distilbert_ner", config={"model": folder})
    nlp.add_pipe("distilbert_textcat", config={"model": folder})
"""

from collections.abc import Iterable, Iterator
from itertools import tee
from typing import Any

from ..errors import MissingExtraError
from ..loading import load
from ..results import Classification, Entity
from ..tasks.text_classification import TextClassifier
from ..tasks.token_classification import TokenClassifier

try:
    from spacy.language import Language
    from spacy.tokens import Doc
    from spacy.util import filter_spans
except ImportError:
    raise MissingExtraError("distilbert.adapters.spacy needs spaCy: pip install spacy") from None

__all__ = ["CategoryComponent", "EntityComponent"]


class EntityComponent:
    """Sets `doc.ents`; an entity that cuts one of spaCy's tokens is widened to it."""

    def __init__(self, model: str) -> None:
        self.task: TokenClassifier = load(model, "token-classification")

    def __call__(self, doc: Doc) -> Doc:
        return self._set(doc, self.task(doc.text))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """The same for a stream, batched by tokens."""
        docs, read = tee(stream)
        for doc, found in zip(docs, self.task.stream(each.text for each in read), strict=True):
            yield self._set(doc, found)

    def _set(self, doc: Doc, found: list[Entity]) -> Doc:
        spans = [doc.char_span(each.start, each.end, each.label, alignment_mode="expand") for each in found]
        doc.ents = filter_spans([span for span in spans if span is not None])
        return doc


class CategoryComponent:
    """Sets `doc.cats`: each label's score."""

    def __init__(self, model: str) -> None:
        self.task: TextClassifier = load(model, "text-classification")

    def __call__(self, doc: Doc) -> Doc:
        return self._set(doc, self.task(doc.text, top_k=None))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """The same for a stream, batched by tokens."""
        docs, read = tee(stream)
        for doc, found in zip(docs, self.task.stream((each.text for each in read), top_k=None), strict=True):
            yield self._set(doc, found)

    def _set(self, doc: Doc, found: list[Classification]) -> Doc:
        doc.cats = {each.label: each.score for each in found}
        return doc


@Language.factory("distilbert_ner", assigns=["doc.ents"], default_config={"model": ""})
def make_entity_component(nlp: Language, name: str, model: str) -> Any:  # noqa: ARG001 - as spaCy calls it
    """For `nlp.add_pipe("distilbert_ner", config={"model": …})`."""
    return EntityComponent(model)


@Language.factory("distilbert_textcat", assigns=["doc.cats"], default_config={"model": ""})
def make_category_component(nlp: Language, name: str, model: str) -> Any:  # noqa: ARG001 - as spaCy calls it
    """For `nlp.add_pipe("distilbert_textcat", config={"model": …})`."""
    return CategoryComponent(model)
