"""DistilBERT for Python: load, run, fine-tune, distil, quantise, convert and serve, fast on an ordinary CPU."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a module is read when one of its names is first asked for: see the end of this file
    from .activations import Activation
    from .batch import Batch
    from .config import DistilBertConfig
    from .encoding import Encoding
    from .errors import (
        CheckpointError,
        CheckpointWarning,
        ConfigError,
        DistilBertError,
        HubError,
        InputError,
        LabelWarning,
        LongTextWarning,
        MissingExtraError,
        TokenizerError,
        TokenizerWarning,
        UnknownOptionError,
    )
    from .folder.hub import resolve
    from .loading import load
    from .notebook import to_frame, to_html
    from .results import Answer, Classification, Entity, MaskFill, Ranked, SparseVector
    from .tasks.by_name import TASKS
    from .tasks.embedding import Embedder
    from .tasks.fill_mask import MaskFiller
    from .tasks.late_interaction import LateInteractionEncoder
    from .tasks.multiple_choice import ChoiceClassifier
    from .tasks.question_answering import QuestionAnswerer
    from .tasks.reranking import Reranker
    from .tasks.sparse import SparseEncoder
    from .tasks.text_classification import TextClassifier
    from .tasks.token_classification import TokenClassifier
    from .tasks.zero_shot import ZeroShotClassifier
    from .tokenizer import BertTokenizer

__version__ = "0.1.0"

__all__ = [
    "TASKS",
    "Activation",
    "Answer",
    "Batch",
    "BertTokenizer",
    "CheckpointError",
    "CheckpointWarning",
    "ChoiceClassifier",
    "Classification",
    "ConfigError",
    "DistilBertConfig",
    "DistilBertError",
    "Embedder",
    "Encoding",
    "Entity",
    "HubError",
    "InputError",
    "LabelWarning",
    "LateInteractionEncoder",
    "LongTextWarning",
    "MaskFill",
    "MaskFiller",
    "MissingExtraError",
    "QuestionAnswerer",
    "Ranked",
    "Reranker",
    "SparseEncoder",
    "SparseVector",
    "TextClassifier",
    "TokenClassifier",
    "TokenizerError",
    "TokenizerWarning",
    "UnknownOptionError",
    "ZeroShotClassifier",
    "load",
    "resolve",
    "to_frame",
    "to_html",
]

_NAMES = {
    "activations": "Activation",
    "batch": "Batch",
    "config": "DistilBertConfig",
    "encoding": "Encoding",
    "errors": (
        "CheckpointError CheckpointWarning ConfigError DistilBertError HubError InputError LabelWarning"
        " LongTextWarning MissingExtraError TokenizerError TokenizerWarning UnknownOptionError"
    ),
    "folder.hub": "resolve",
    "loading": "load",
    "notebook": "to_frame to_html",
    "tasks.by_name": "TASKS",
    "results": "Answer Classification Entity MaskFill Ranked SparseVector",
    "tasks.embedding": "Embedder",
    "tasks.fill_mask": "MaskFiller",
    "tasks.late_interaction": "LateInteractionEncoder",
    "tasks.multiple_choice": "ChoiceClassifier",
    "tasks.question_answering": "QuestionAnswerer",
    "tasks.reranking": "Reranker",
    "tasks.sparse": "SparseEncoder",
    "tasks.text_classification": "TextClassifier",
    "tasks.token_classification": "TokenClassifier",
    "tasks.zero_shot": "ZeroShotClassifier",
    "tokenizer": "BertTokenizer",
}
_PLACES = {name: module for module, names in _NAMES.items() for name in names.split()}

if not TYPE_CHECKING:  # which would take any name for one that is there

    def __getattr__(name: str) -> object:
        """The names of `__all__` at their first use; for a name of another library, what does the same here."""
        if name in _PLACES:
            return globals().setdefault(name, getattr(import_module(f".{_PLACES[name]}", __name__), name))
        hints, known = import_module(".hints", __name__), import_module(".hint_attributes", __name__).NAMES
        if name in known:
            hint = f": {known[name]}"
        elif not name.startswith("_") and find_spec(f"{__name__}.{name}"):
            hint = f": import {__name__}.{name}"
        else:
            hint = hints.did_you_mean(name, __all__)
        raise AttributeError(f"module 'distilbert' has no attribute {name!r}{hint}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
