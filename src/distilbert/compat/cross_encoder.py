"""`CrossEncoder`, in the form of sentence-transformers 6."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import InputError
from ..hints import hinting
from ..tasks.numbers import softmax
from ..tasks.reranking import Reranker
from ..tasks.text_classification import TextClassifier
from .opening import open_task, with_longest
from .tensors import tensor

Pair = Sequence[str]
Activation = Callable[[Any], Any]  # of tensors


class CrossEncoder:
    """Scores pairs of texts.

    Args:
        model_name_or_path: a folder or a name on the hub.
        num_labels: taken if it is the folder's.
        max_length: the longest pair in tokens; by default as the folder says.
        activation_fn: of logits, a module of PyTorch; by default as the folder says.
        device, cache_folder, revision, local_files_only, token: as for `SentenceTransformer`.
        backend: taken; the engine is the same.
    """

    @hinting
    def __init__(
        self,
        model_name_or_path: str | Path,
        *,
        num_labels: int | None = None,
        device: object = None,
        cache_folder: str | Path | None = None,
        trust_remote_code: bool = False,
        revision: str | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        max_length: int | None = None,
        activation_fn: Activation | None = None,
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
        if num_labels not in (None, classifier.config.num_labels):
            raise InputError(
                f"num_labels must be {classifier.config.num_labels}, as the folder has it, not {num_labels}"
            )
        self.activation_fn = activation_fn
        self._ranker = Reranker(classifier.model) if classifier.config.num_labels == 1 else None
        read = TextClassifier(self._ranker.model) if self._ranker else classifier  # as the folder says
        self.task = with_longest(read, max_length)

    @property
    def num_labels(self) -> int:
        return self.task.config.num_labels

    @property
    def max_length(self) -> int:
        """The longest pair in tokens; it can be set."""
        return self.task.model.max_length

    @max_length.setter
    def max_length(self, tokens: int) -> None:
        self.task = with_longest(self.task, tokens)

    @hinting
    def predict(
        self,
        inputs: Pair | Sequence[Pair],
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: Activation | None = None,
        apply_softmax: bool | None = False,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
    ) -> Any:
        """A score a pair, [B], in the order given; with several labels [B, labels], logits or their softmax.

        One pair, which is two strings, gives one score.
        """
        one = isinstance(inputs, Sequence) and len(inputs) == 2 and all(isinstance(part, str) for part in inputs)
        pairs: Any = [inputs] if one else list(inputs)
        if any(len(pair) != 2 for pair in pairs):
            raise InputError("predict takes pairs of texts")
        before = self._prompt(prompt, prompt_name)
        logits = self.task.logits([(before + first, second) for first, second in pairs])
        scores = self._scores(logits, activation_fn or self.activation_fn)
        if apply_softmax and scores.ndim > 1:
            scores = softmax(scores)
        if convert_to_tensor or not convert_to_numpy:
            found = tensor(scores)
            return found[0] if one else found if convert_to_tensor else list(found)
        return scores[0] if one else scores

    @hinting
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
        activation_fn: Activation | None = None,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
    ) -> list[dict[str, Any]]:
        """The documents, best first: `corpus_id` (the place in the list), `score` and, if asked for, `text`."""
        if self._ranker is None:
            raise InputError(f"rank needs a model with one output, not {self.num_labels} labels; predict takes pairs")
        texts = list(documents)
        pairs = [(query, text) for text in texts]
        scores = self.predict(pairs, prompt=prompt, prompt_name=prompt_name, activation_fn=activation_fn)
        best = np.argsort(-scores, kind="stable")[:top_k].tolist()
        extra = [{"text": texts[index]} if return_documents else {} for index in best]
        return [{"corpus_id": i, "score": float(scores[i])} | more for i, more in zip(best, extra, strict=True)]

    def _prompt(self, prompt: str | None, prompt_name: str | None) -> str:
        if self._ranker is not None:
            return self._ranker.prompts.text(prompt, prompt_name)
        if prompt_name is not None:
            raise InputError("prompt_name: a model with several labels has no prompts; give prompt")
        return prompt or ""

    def _scores(self, logits: np.ndarray, activation: Activation | None) -> np.ndarray:
        """[B, labels] -> the same, or [B] for one label."""
        if activation is not None:
            logits = np.asarray(activation(tensor(logits)))
        elif self._ranker is not None:
            logits = self._ranker.activation(logits)
        return logits[:, 0] if self._ranker is not None and logits.ndim > 1 else logits
