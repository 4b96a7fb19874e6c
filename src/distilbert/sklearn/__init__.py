"""Embeddings as a step of scikit-learn's pipelines, without torch. Extra `sklearn`.

The estimator that trains, `DistilBertClassifier`, needs torch and lies in `distilbert.train`.
"""

from ..errors import check_extra

check_extra("sklearn", "sklearn", "sklearn")

from .embedder import DistilBertEmbedder

__all__ = ["DistilBertEmbedder"]
