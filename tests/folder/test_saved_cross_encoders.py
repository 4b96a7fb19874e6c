"""Cross-encoders that sentence-transformers itself saved give its own scores here."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distilbert
from distilbert import Reranker
from distilbert.folder.checkpoint import Head
from helpers.json_files import edit
from helpers.saved_by_sentence_transformers import PROMPTS, QUERY, TEXTS, library, nn, saved

pytestmark = pytest.mark.filterwarnings("ignore")  # of the library: what is deprecated there is what is tested here


ACTIVATIONS = ["Sigmoid", "Identity", "Softplus", "LogSigmoid", "Hardtanh", "Mish"]
# each two of an activation, a default prompt and a spelling once
ROWS = [
    (activation, ("query", None)[(number + old) % 2], bool(old))
    for number, activation in enumerate(ACTIVATIONS)
    for old in (0, 1)
]


@pytest.mark.parametrize(("activation", "default", "old"), ROWS)
def test_cross_encoders(
    encoders: dict[Head, str], activation: str, default: str | None, old: bool, tmp_path: Path
) -> None:
    function = getattr(nn, activation)()
    path = encoders[Head.SEQUENCE_CLASSIFICATION]
    options = {} if old else {"prompts": PROMPTS, "default_prompt_name": default}
    theirs = saved(library.CrossEncoder, tmp_path, path, activation_fn=function, **options)
    if old:
        for name in ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"):
            (tmp_path / name).unlink()
        named = f"torch.nn.{activation}" if default else f"{type(function).__module__}.{activation}"
        key = {"activation_fn": named, "version": "4.0.1"}
        edit(
            tmp_path / "config.json",
            **{"sentence_transformers": key} if default else {"sbert_ce_default_activation_function": named},
        )
        theirs = library.CrossEncoder(str(tmp_path), device="cpu")
    ours = distilbert.load(tmp_path, "text-ranking")
    assert isinstance(ours, Reranker)
    for named in ({}, {"prompt": "Find "}) if old else ({}, {"prompt_name": "other"}, {"prompt": ""}):
        expected = theirs.predict([(QUERY, text) for text in TEXTS], **named)
        scores = [each.score for each in sorted(ours(QUERY, TEXTS, **named), key=lambda each: each.index)]
        np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("settings", [
    {"max_seq_length": 14}, {"do_lower_case": True}, {"max_seq_length": 21, "do_lower_case": True},
    {"processing_kwargs": {"text": {"max_length": 12}}},
])  # fmt: skip
def test_how_a_cross_encoder_reads(encoders: dict[Head, str], settings: dict[str, Any], tmp_path: Path) -> None:
    saved(library.CrossEncoder, tmp_path, encoders[Head.SEQUENCE_CLASSIFICATION])
    edit(tmp_path / "tokenizer_config.json", do_lower_case=False)
    edit(tmp_path / "sentence_bert_config.json", **settings)
    theirs, ours = library.CrossEncoder(str(tmp_path), device="cpu"), distilbert.load(tmp_path, "text-ranking")
    documents = [*TEXTS, "The Film AND THE Story " * 3]
    expected = theirs.predict([(QUERY.title(), text) for text in documents])
    scores = [each.score for each in sorted(ours(QUERY.title(), documents), key=lambda each: each.index)]
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)


def test_a_cross_encoder_of_several_modules_is_refused(encoders: dict[Head, str], tmp_path: Path) -> None:
    saved(library.CrossEncoder, tmp_path, encoders[Head.SEQUENCE_CLASSIFICATION])
    listed = json.loads((tmp_path / "modules.json").read_text())
    more = {"idx": 1, "name": "1", "path": "1_Dense", "type": "sentence_transformers.base.modules.dense.Dense"}
    (tmp_path / "modules.json").write_text(json.dumps([*listed, more]))
    with pytest.raises(distilbert.ConfigError, match=r"modules.json: a cross-encoder is one Transformer.*Dense"):
        distilbert.load(tmp_path, "text-ranking")
