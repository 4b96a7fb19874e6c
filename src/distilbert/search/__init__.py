"""Search by meaning: exact, by int8 or binary vectors, with sparse vectors beside them, reranked. NumPy alone.

- `semantic_search(queries, corpus, top_k)`: vectors in, hits out; paraphrase_mining and community_detection too
- `VectorIndex`, `BinaryIndex`, `SparseIndex`: vectors that are searched often
- `TextIndex(embedder, texts, folder=…)`: texts in, texts out; vectors are kept
- `reciprocal_rank_fusion(rankings, top_k)`: one ranking of several
"""

from ..results import Found, Hit, Pair
from .binary import BinaryIndex
from .communities import community_detection
from .exact import VectorIndex, semantic_search
from .fusion import reciprocal_rank_fusion
from .paraphrases import paraphrase_mining
from .sparse import SparseIndex
from .text_index import TextIndex

__all__ = [
    "BinaryIndex",
    "Found",
    "Hit",
    "Pair",
    "SparseIndex",
    "TextIndex",
    "VectorIndex",
    "community_detection",
    "paraphrase_mining",
    "reciprocal_rank_fusion",
    "semantic_search",
]
