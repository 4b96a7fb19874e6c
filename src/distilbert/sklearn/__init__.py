"""Embeddings as a step of scikit-learn's pipelines, without torch. Extra `sklearn`.

The estimator that trains, `DistilBertClassifier`, needs torch and lies in `distilbert.train`.
"""

from ..errors import MissingExtraError

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise MissingExtraError(f"distilbert.sklearn needs {error.name}: pip install 'distilbert[sklearn]'") from None

from .embedder import DistilBertEmbedder

__all__ = ["DistilBertEmbedder"]
