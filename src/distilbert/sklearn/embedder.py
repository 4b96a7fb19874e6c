"""DistilBertEmbedder: sentence embeddings as scikit-learn has transformers."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from ..loading import load
from ..tasks.embedding import Embedder
from ..tasks.inputs import several


class DistilBertEmbedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Turns texts into vectors for any estimator after it; there is nothing to fit.

    Args:
        model, precision, threads: as for `distilbert.load`.
        prompt, prompt_name, normalize, truncate_dim: as for `Embedder`.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        prompt: str | None = None,
        prompt_name: str | None = None,
        normalize: bool | None = None,
        truncate_dim: int | None = None,
        precision: Literal["float32", "int8"] | None = None,
        threads: int | None = None,
    ) -> None:
        self.model = model
        self.prompt = prompt
        self.prompt_name = prompt_name
        self.normalize = normalize
        self.truncate_dim = truncate_dim
        self.precision = precision
        self.threads = threads

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.one_d_array, tags.input_tags.two_d_array = True, True, False
        tags.requires_fit = False
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: without the opened model, which is opened again where it is needed."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_opened"}

    def fit(self, X: Iterable[str], y: Any = None) -> Self:  # noqa: N803  # scikit-learn's names
        """Does nothing."""
        return self

    def transform(self, X: Iterable[str]) -> np.ndarray:  # noqa: N803
        """float32 [B, D]. Raises InputError for what is no list of texts, and what `distilbert.load` raises."""
        vectors: np.ndarray = self._embedder()(
            several(X),
            prompt=self.prompt,
            prompt_name=self.prompt_name,
            normalize=self.normalize,
            truncate_dim=self.truncate_dim,
        )
        return vectors

    @property
    def _n_features_out(self) -> int:
        """The width of a vector, for the names of scikit-learn's columns."""
        return self._embedder()([], truncate_dim=self.truncate_dim).shape[1]

    def _embedder(self) -> Embedder:
        """The model that the settings name, opened once."""
        settings = (self.model, self.precision, self.threads)
        opened: tuple[object, Embedder] | None = getattr(self, "_opened", None)
        if opened is None or opened[0] != settings:
            embedder = load(self.model, "feature-extraction", precision=self.precision, threads=self.threads)
            self._opened = opened = (settings, embedder)
        return opened[1]
