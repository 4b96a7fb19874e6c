"""DistilBERT as PyTorch modules, to read, subclass, train and run on a GPU. Extra `torch`.

Parameters are named as in Transformers, and either library loads what the other saves. Read model.py
first: it is the whole model. docs/nn.md shows the use.
"""

from ..errors import check_extra

check_extra("nn", "torch", "torch")

from .heads import (
    DistilBertForMaskedLM,
    DistilBertForMultipleChoice,
    DistilBertForQuestionAnswering,
    DistilBertForSequenceClassification,
    DistilBertForTokenClassification,
    HeadOutput,
    QuestionAnsweringOutput,
)
from .model import DistilBertModel, EncoderOutput
from .packed import Packed

# the names of rust_bert::distilbert
DistilBertModelMaskedLM = DistilBertForMaskedLM
"""`DistilBertForMaskedLM`, by the name that rust-bert gives it."""
DistilBertModelClassifier = DistilBertForSequenceClassification
"""`DistilBertForSequenceClassification`, by the name that rust-bert gives it."""

__all__ = [
    "DistilBertForMaskedLM",
    "DistilBertForMultipleChoice",
    "DistilBertForQuestionAnswering",
    "DistilBertForSequenceClassification",
    "DistilBertForTokenClassification",
    "DistilBertModel",
    "DistilBertModelClassifier",
    "DistilBertModelMaskedLM",
    "EncoderOutput",
    "HeadOutput",
    "Packed",
    "QuestionAnsweringOutput",
]
