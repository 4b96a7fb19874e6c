"""`TextEmbedding`, in the form of fastembed."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..hints import hinting
from ..tasks.embedding import Embedder
from .opening import open_task


class TextEmbedding:
    """Turns texts into vectors of length 1, one after the other.

    Args:
        model_name: a folder or a name on the hub.
        cache_dir, threads, local_files_only: as for `distilbert.load`.
        cuda, providers: True, or a name with "CUDA" among the providers, for the GPU (extra `torch`).
        lazy_load: taken; weights are read as they are needed in any case.
    """

    @hinting
    def __init__(
        self,
        model_name: str | Path | None = None,
        cache_dir: str | Path | None = None,
        threads: int | None = None,
        providers: Sequence[Any] | None = None,
        cuda: bool = False,
        lazy_load: bool = False,
        *,
        specific_model_path: str | Path | None = None,
        local_files_only: bool = False,
    ) -> None:
        if model_name is None and specific_model_path is None:
            raise InputError("name the model: TextEmbedding(model_name); none is chosen for you")
        self.model_name = str(model_name)
        on_gpu = cuda is True or "CUDA" in str(providers)
        self.task: Embedder = open_task(
            specific_model_path or model_name,
            "feature-extraction",
            device="cuda" if on_gpu else None,
            cache_dir=cache_dir,
            threads=threads,
            local_files_only=local_files_only,
        )

    @property
    def embedding_size(self) -> int:
        return self.task.dim

    def embed(
        self, documents: str | Iterable[str], batch_size: int = 256, parallel: int | None = None
    ) -> Iterator[np.ndarray]:
        """A vector [D] a text, for a stream of any length."""
        return self._stream(documents)

    def query_embed(self, query: str | Iterable[str]) -> Iterator[np.ndarray]:
        """`embed` with the folder's prompt named "query", where it has one."""
        return self._stream(query, "query")

    def passage_embed(self, texts: str | Iterable[str]) -> Iterator[np.ndarray]:
        """`embed` with the folder's prompt named "document" or "passage", where it has one."""
        return self._stream(texts, "document", "passage")

    def token_count(self, texts: str | Iterable[str]) -> int:
        """Tokens of all texts, special tokens included."""
        given = [texts] if isinstance(texts, str) else list(texts)
        return sum(map(len, self.task.tokenizer.encode_batch(given)))

    def _stream(self, texts: str | Iterable[str], *prompts: str) -> Iterator[np.ndarray]:
        """Vectors of texts behind the first of the prompts with these names that the folder has."""
        named = next((name for name in prompts if name in self.task.sentence.prompts.by_name), None)
        return self.task.stream([texts] if isinstance(texts, str) else texts, normalize=True, prompt_name=named)
