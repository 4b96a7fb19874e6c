"""The tasks by the hub's names. A task's module is read when the task is first asked for."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from .task import Task

_CLASSES = {
    "text-classification": "text_classification.TextClassifier",
    "token-classification": "token_classification.TokenClassifier",
    "question-answering": "question_answering.QuestionAnswerer",
    "fill-mask": "fill_mask.MaskFiller",
    "multiple-choice": "multiple_choice.ChoiceClassifier",
    "feature-extraction": "embedding.Embedder",
    "sentence-similarity": "embedding.Embedder",
    "zero-shot-classification": "zero_shot.ZeroShotClassifier",
    "text-ranking": "reranking.Reranker",
    "sparse-encoding": "sparse.SparseEncoder",
    "late-interaction": "late_interaction.LateInteractionEncoder",
}


class _Tasks(Mapping[str, type[Task]]):
    def __getitem__(self, name: str) -> type[Task]:
        module, kind = _CLASSES[name].split(".")
        found: type[Task] = getattr(import_module(f".{module}", __package__), kind)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)


TASKS: Mapping[str, type[Task]] = _Tasks()
"""The tasks that `load` knows, by their names on the hub: a mapping of names and classes."""
