"""Haystack: components that embed queries and documents and rank documents. Needs haystack-ai 2 or newer."""

import dataclasses
from typing import Any, ClassVar

from ..errors import MissingExtraError
from ..loading import load

try:
    from haystack import Document, component
except ImportError:
    raise MissingExtraError("distilbert.adapters.haystack needs Haystack: pip install haystack-ai") from None

__all__ = ["DistilBertDocumentEmbedder", "DistilBertRanker", "DistilBertTextEmbedder"]


class _Loading:
    """A component whose model is loaded by `warm_up`, or by the first run."""

    kind: ClassVar[str]

    def __init__(self, model: str) -> None:
        self.model = model
        self._task: Any = None

    def warm_up(self) -> None:
        """Load the model."""
        self._task = self._task or load(self.model, self.kind)


@component
class DistilBertTextEmbedder(_Loading):
    """The vector of a query; the folder's prompt named "query" stands before it, where there is one.

    `model` is a folder or a name on the hub.
    """

    kind = "feature-extraction"

    @component.output_types(embedding=list[float])
    def run(self, text: str) -> dict[str, list[float]]:
        self.warm_up()
        return {"embedding": self._task.encode_query(text).tolist()}


@component
class DistilBertDocumentEmbedder(_Loading):
    """The documents with their vectors; the folder's prompt named "document" stands before each, where there is one.

    `model` is a folder or a name on the hub.
    """

    kind = "feature-extraction"

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        self.warm_up()
        vectors = self._task.encode_document([document.content or "" for document in documents]).tolist()
        pairs = zip(documents, vectors, strict=True)
        return {"documents": [dataclasses.replace(document, embedding=vector) for document, vector in pairs]}


@component
class DistilBertRanker(_Loading):
    """The documents that fit a query best, with their scores; `top_k` of them, where a run does not say.

    `model` is a folder or a name on the hub, of a cross-encoder.
    """

    kind = "text-ranking"

    def __init__(self, model: str, top_k: int = 10) -> None:
        _Loading.__init__(self, model)  # `component` makes the class anew, which super() does not know
        self.top_k = top_k

    @component.output_types(documents=list[Document])
    def run(self, query: str, documents: list[Document], top_k: int | None = None) -> dict[str, list[Document]]:
        self.warm_up()
        texts = [document.content or "" for document in documents]
        found = self._task(query, texts, top_k=top_k or self.top_k)
        return {"documents": [dataclasses.replace(documents[each.index], score=each.score) for each in found]}
