"""`CrossEncoder`, in the form of sentence-transformers 6."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import InputError
from ..tasks.numbers import softmax
from ..tasks.reranking import Reranker
from ..tasks.text_classification import TextClassifier
from .opening import open_task, with_longest

Pair = Sequence[str]


class CrossEncoder:
    """Scores pairs of texts.

    Args:
        model_name_or_path: a folder or a name on the hub.
        max_length: the longest pair in tokens; by default as the folder says.
        device, cache_folder, revision, local_files_only, token: as for `SentenceTransformer`.
        backend: taken; the engine is the same.
    """

    def __init__(
        self,
        model_name_or_path: str | Path,
        *,
        device: object = None,
        cache_folder: str | Path | None = None,
        trust_remote_code: bool = False,
        revision: str | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        max_length: int | None = None,
        backend: Literal["torch", "onnx", "openvino"] = "torch",
    ) -> None:
        classifier: TextClassifier = open_task(
            model_name_or_path,
            "text-classification",
            device=device,
            revision=revision,
            token=token,
            cache_dir=cache_folder,
            local_files_only=local_files_only,
            trust_remote_code=trust_remote_code,
        )
        self._ranker = Reranker(classifier.model) if classifier.config.num_labels == 1 else None
        read = TextClassifier(self._ranker.model) if self._ranker else classifier  # as the folder says
        self.task = with_longest(read, max_length)

    @property
    def num_labels(self) -> int:
        return self.task.config.num_labels

    def predict(
        self,
        inputs: Pair | Sequence[Pair],
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        apply_softmax: bool = False,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
    ) -> Any:
        """A score a pair, [B], in the order given; with several labels [B, labels], logits or their softmax.

        One pair, which is two strings, gives one score.
        """
        one = len(inputs) == 2 and all(isinstance(part, str) for part in inputs)
        pairs: Any = [inputs] if one else inputs
        if any(len(pair) != 2 for pair in pairs):
            raise InputError("predict takes pairs of texts")
        before = self._prompt(prompt, prompt_name)
        logits = self.task.logits([(before + first, second) for first, second in pairs])
        scores = self._scores(logits, apply_softmax)
        if convert_to_tensor or not convert_to_numpy:
            import torch

            tensor = torch.from_numpy(np.asarray(scores))
            return tensor[0] if one else tensor if convert_to_tensor else list(tensor)
        return scores[0] if one else scores

    def rank(
        self,
        query: str,
        documents: Iterable[str],
        top_k: int | None = None,
        return_documents: bool = False,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
    ) -> list[dict[str, Any]]:
        """The documents, best first: `corpus_id` (the place in the list), `score` and, if asked for, `text`."""
        if self._ranker is None:
            raise InputError(f"rank needs a model with one output, not {self.num_labels} labels; predict takes pairs")
        texts = list(documents)
        scores = self.predict([(query, text) for text in texts], prompt=prompt, prompt_name=prompt_name)
        best = np.argsort(-scores, kind="stable")[:top_k].tolist()
        extra = [{"text": texts[index]} if return_documents else {} for index in best]
        return [{"corpus_id": i, "score": float(scores[i])} | more for i, more in zip(best, extra, strict=True)]

    def _prompt(self, prompt: str | None, prompt_name: str | None) -> str:
        if self._ranker is not None:
            return self._ranker.prompts.text(prompt, prompt_name)
        if prompt_name is not None:
            raise InputError("prompt_name: a model with several labels has no prompts; give prompt")
        return prompt or ""

    def _scores(self, logits: np.ndarray, apply_softmax: bool) -> np.ndarray:
        """`logits` are [B, labels]."""
        if self._ranker is not None:
            return self._ranker.activation(logits)[:, 0]
        return softmax(logits) if apply_softmax else logits
