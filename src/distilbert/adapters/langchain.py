"""LangChain: embeddings for its vector stores, and a reranker for its retrievers. Needs langchain-core."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import MissingExtraError
from ..loading import load
from ..tasks.embedding import Embedder
from ..tasks.reranking import Reranker

try:
    from langchain_core.documents import BaseDocumentCompressor, Document
    from langchain_core.embeddings import Embeddings
    from pydantic import PrivateAttr
except ImportError:
    raise MissingExtraError("distilbert.adapters.langchain needs LangChain: pip install langchain-core") from None

__all__ = ["DistilBertEmbeddings", "DistilBertReranker"]


class DistilBertEmbeddings(Embeddings):
    """Vectors of documents and queries, with the folder's prompts named "document" and "query" where it has them.

    `model` is a folder or a name on the hub, `options` are as for `distilbert.load`.
    """

    def __init__(self, model: str | Path, **options: Any) -> None:
        self.task: Embedder = load(model, "feature-extraction", **options)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self.task.encode_document(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        vector: list[float] = self.task.encode_query(text).tolist()
        return vector


class DistilBertReranker(BaseDocumentCompressor):
    """Keeps the `top_n` documents that fit the query best; their scores are in `metadata["relevance_score"]`.

    `model` is a folder or a name on the hub, of a cross-encoder.
    """

    model: str
    top_n: int = 3
    _task: Reranker = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        self._task = load(self.model, "text-ranking")

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Any = None
    ) -> Sequence[Document]:
        found = self._task(query, [document.page_content for document in documents], top_k=self.top_n)
        return [
            documents[each.index].model_copy(
                update={"metadata": documents[each.index].metadata | {"relevance_score": each.score}}
            )
            for each in found
        ]
