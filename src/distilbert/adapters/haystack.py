"""Haystack: components that embed queries and documents and rank documents. Needs haystack-ai 2 or newer."""

import dataclasses

from ..errors import MissingExtraError
from ..loading import load
from ..tasks.embedding import Embedder
from ..tasks.reranking import Reranker

try:
    from haystack import Document, component
except ImportError:
    raise MissingExtraError("distilbert.adapters.haystack needs Haystack: pip install haystack-ai") from None

__all__ = ["DistilBertDocumentEmbedder", "DistilBertRanker", "DistilBertTextEmbedder"]


@component
class DistilBertTextEmbedder:
    """The vector of a query; the folder's prompt named "query" stands before it, where there is one.

    Args:
        model: a folder or a name on the hub.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self._task: Embedder | None = None

    def warm_up(self) -> None:
        """Load the model, which the first run does otherwise."""
        self._task = self._task or load(self.model, "feature-extraction")

    @component.output_types(embedding=list[float])
    def run(self, text: str) -> dict[str, list[float]]:
        self.warm_up()
        assert self._task is not None
        return {"embedding": self._task(text, prompt_name=_prompt(self._task, "query")).tolist()}


@component
class DistilBertDocumentEmbedder:
    """The documents with their vectors; the folder's prompt named "document" stands before each, where there is one.

    Args:
        model: a folder or a name on the hub.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self._task: Embedder | None = None

    def warm_up(self) -> None:
        """Load the model, which the first run does otherwise."""
        self._task = self._task or load(self.model, "feature-extraction")

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        self.warm_up()
        assert self._task is not None
        texts = [document.content or "" for document in documents]
        vectors = self._task(texts, prompt_name=_prompt(self._task, "document")).tolist()
        pairs = zip(documents, vectors, strict=True)
        return {"documents": [dataclasses.replace(document, embedding=vector) for document, vector in pairs]}


@component
class DistilBertRanker:
    """The documents that fit a query best, with their scores.

    Args:
        model: a folder or a name on the hub, of a cross-encoder.
        top_k: how many, where a run does not say.
    """

    def __init__(self, model: str, top_k: int = 10) -> None:
        self.model, self.top_k = model, top_k
        self._task: Reranker | None = None

    def warm_up(self) -> None:
        """Load the model, which the first run does otherwise."""
        self._task = self._task or load(self.model, "text-ranking")

    @component.output_types(documents=list[Document])
    def run(self, query: str, documents: list[Document], top_k: int | None = None) -> dict[str, list[Document]]:
        self.warm_up()
        assert self._task is not None
        texts = [document.content or "" for document in documents]
        found = self._task(query, texts, top_k=top_k or self.top_k)
        return {"documents": [dataclasses.replace(documents[each.index], score=each.score) for each in found]}


def _prompt(task: Embedder, name: str) -> str | None:
    return name if name in task.sentence.prompts.by_name else None
