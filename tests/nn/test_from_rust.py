"""The table for people who come from Rust: it has every name of the Rust module, and the Python ones exist."""

import importlib
import re
from pathlib import Path

import pytest

pytest.importorskip("torch")

TABLE = (Path(__file__).parents[2] / "docs" / "from_rust.md").read_text(encoding="utf-8")

RUST = [
    "DistilBertConfig",
    "DistilBertModel",
    "DistilBertModelMaskedLM",
    "DistilBertForQuestionAnswering",
    "DistilBertModelClassifier",
    "DistilBertForTokenClassification",
    "DistilBertForSentenceEmbeddings",
    "Activation",
    "DistilBertMaskedLMOutput",
    "DistilBertSequenceClassificationOutput",
    "DistilBertTokenClassificationOutput",
    "DistilBertQuestionAnsweringOutput",
    "DistilBertModelResources",
    "DistilBertConfigResources",
    "DistilBertVocabResources",
    "DISTIL_BERT",
    "DISTIL_BERT_SST2",
    "DISTIL_BERT_SQUAD",
    "DISTILUSE_BASE_MULTILINGUAL_CASED",
    "BertTokenizer::from_file",
    "Device::cuda_if_available",
    "VarStore::load",
    "Config::from_file",
    "convert_model.py",
    "forward_t",
    "get_function",
]


@pytest.mark.parametrize("name", RUST)
def test_every_rust_name_is_in_the_first_column(name: str) -> None:
    first = [line.split("|")[1] for line in TABLE.splitlines() if line.startswith("|")]
    assert any(re.search(rf"\b{re.escape(name)}\b", cell) for cell in first)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(distilbert(?:\.\w+)+)", TABLE))))
def test_every_python_name_exists(name: str) -> None:
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return
    pytest.fail(f"no module {name}")
