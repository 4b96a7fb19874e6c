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


class _Embedding(_Loading):
    kind = "feature-extraction"

    def _vectors(self, texts: str | list[str], prompt_name: str) -> Any:
        """The vector of a text, or of each; the folder's prompt of that name stands before it, where there is one."""
        self.warm_up()
        named = prompt_name if prompt_name in self._task.sentence.prompts.by_name else None
        return self._task(texts, prompt_name=named).tolist()


@component
class DistilBertTextEmbedder(_Embedding):
    """The vector of a query; the folder's prompt named "query" stands before it, where there is one.

    `model` is a folder or a name on the hub.
    """

    @component.output_types(embedding=list[float])
    def run(self, text: str) -> dict[str, list[float]]:
        return {"embedding": self._vectors(text, "query")}


@component
class DistilBertDocumentEmbedder(_Embedding):
    """The documents with their vectors; the folder's prompt named "document" stands before each, where there is one.

    `model` is a folder or a name on the hub.
    """

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        vectors = self._vectors([document.content or "" for document in documents], "document")
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
