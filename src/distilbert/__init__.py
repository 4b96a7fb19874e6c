"""DistilBERT for Python: load, run, fine-tune, distil, quantise, convert and serve, fast on an ordinary CPU."""

from typing import TYPE_CHECKING

from . import hints
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
    LongTextWarning,
    MissingExtraError,
    TokenizerError,
    TokenizerWarning,
    UnknownOptionError,
)
from .folder.hub import resolve
from .loading import TASKS, load
from .results import Answer, Classification, Entity, MaskFill, Ranked, SparseVector
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
]

if not TYPE_CHECKING:  # which would take any name for one that is there

    def __getattr__(name: str) -> object:
        """For a name that other libraries have at this place: what does the same here."""
        hint = f": {hints.NAMES[name]}" if name in hints.NAMES else hints.did_you_mean(name, __all__)
        raise AttributeError(f"module 'distilbert' has no attribute {name!r}{hint}")
