"""LlamaIndex: an embedding model for its indexes, and a reranker for its query engines. Needs llama-index-core."""

from typing import Any

from ..errors import MissingExtraError
from ..loading import load
from ..tasks.embedding import Embedder
from ..tasks.reranking import Reranker

try:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.schema import NodeWithScore, QueryBundle
    from pydantic import PrivateAttr
except ImportError:
    raise MissingExtraError("distilbert.adapters.llama_index needs LlamaIndex: pip install llama-index-core") from None

__all__ = ["DistilBertEmbedding", "DistilBertRerank"]


class DistilBertEmbedding(BaseEmbedding):
    """Vectors of texts and queries, with the folder's prompts named "document" and "query" where it has them.

    `model_name` is a folder or a name on the hub.
    """

    _task: Embedder = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        self._task = load(self.model_name, "feature-extraction")

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self._task.encode_document(texts).tolist()
        return vectors

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        vector: list[float] = self._task.encode_query(query).tolist()
        return vector

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


class DistilBertRerank(BaseNodePostprocessor):
    """Keeps the `top_n` nodes that fit the query best, with the reranker's scores.

    `model` is a folder or a name on the hub, of a cross-encoder.
    """

    model: str
    top_n: int = 3
    _task: Reranker = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        self._task = load(self.model, "text-ranking")

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise ValueError("DistilBertRerank needs the query")
        texts = [node.node.get_content() for node in nodes]
        found = self._task(query_bundle.query_str, texts, top_k=self.top_n)
        return [NodeWithScore(node=nodes[each.index].node, score=each.score) for each in found]
