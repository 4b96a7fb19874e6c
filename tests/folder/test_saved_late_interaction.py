"""Encoders of token vectors that sentence-transformers and PyLate saved give the vectors and scores of the former."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distilbert
from distilbert import LateInteractionEncoder
from distilbert.folder.checkpoint import Head
from helpers.json_files import edit
from helpers.saved_by_sentence_transformers import QUERY, TEXTS, base, library, multi, nn, saved, torch

EXPANSIONS: dict[str, Any] = {
    "none": None,
    "fixed": {"strategy": "fixed", "length": 16},
    "attended": {"strategy": "fixed", "length": 16, "attend": True},
    "short": {"strategy": "fixed", "length": 6},
    "min": {"strategy": "min", "length": 12},
    "token": {"strategy": "min", "length": 20, "token": "film"},
}
pytestmark = pytest.mark.filterwarnings("ignore")  # of the library: what is deprecated there is what is tested here


def same_tokens(folder: Path, theirs: Any) -> LateInteractionEncoder:
    ours = distilbert.load(folder)
    assert isinstance(ours, LateInteractionEncoder)
    queries = [QUERY, "no", "the film and the story of the film"]
    documents = [*TEXTS, "... ? !", "A much longer text , of the film and of the story : " * 2]
    for expected, ours_of in (
        (theirs.encode_query(queries, convert_to_numpy=True), ours.encode_query(queries)),
        (theirs.encode_document(documents, convert_to_numpy=True), ours.encode_document(documents)),
    ):
        for theirs_vectors, vectors in zip(expected, ours_of, strict=True):
            np.testing.assert_allclose(vectors, theirs_vectors, rtol=1e-5, atol=1e-5)
    scores = theirs.similarity(theirs.encode_query([QUERY]), theirs.encode_document(documents)).numpy()[0]
    ranked = ours(QUERY, documents)
    assert [each.index for each in ranked] == np.argsort(-scores, kind="stable").tolist()
    np.testing.assert_allclose([each.score for each in ranked], np.sort(scores)[::-1], rtol=1e-5, atol=1e-4)
    return ours


@pytest.mark.parametrize("expansion", EXPANSIONS)
@pytest.mark.parametrize("mask", [True, False])
def test_late_interaction(encoders: dict[Head, str], expansion: str, mask: bool, tmp_path: Path) -> None:
    encoder = base.Transformer(encoders[Head.NONE], query_expansion=EXPANSIONS[expansion], document_length=14)
    modules = [encoder, base.Dense(32, 8, bias=False, activation_function=nn.Identity(),
                                   module_input_name="token_embeddings")]  # fmt: skip
    if mask:
        modules.append(multi.MultiVectorMask(skiplist_words=[",", ".", "not a piece"]))
    modules.append(base.Normalize(module_input_name="token_embeddings"))
    prompts = {"query": "[Q] ", "document": "[D] "}
    same_tokens(tmp_path, saved(library.MultiVectorEncoder, tmp_path, modules=modules, prompts=prompts))


@pytest.mark.parametrize("measure", ["maxsim", "meanmaxsim"])
@pytest.mark.parametrize("skipped", [["query", "document"], ["query"]])
def test_what_counts_in_late_interaction(
    encoders: dict[Head, str], measure: str, skipped: list[str], tmp_path: Path
) -> None:
    modules = [
        base.Transformer(encoders[Head.NONE], query_length=8),
        multi.MultiVectorMask(skiplist_words=["the", ",", "[UNK]"], skiplist_tasks=skipped,
                              keep_only_token_ids=list(range(100, 3000))),
        multi.HierarchicalTokenPooling(1.0),
    ]  # fmt: skip
    same_tokens(tmp_path, saved(library.MultiVectorEncoder, tmp_path, modules=modules, similarity_fn_name=measure))


MORE: list[dict[str, object]] = [
    {},
    {"skiplist_words": ["film"], "query_length": 12, "document_length": 10},
    {"do_query_expansion": False, "prompts": {"query": "find: "}},
]
# each two of these settings, a pair of prefixes and attending or not once
PYLATE = [
    (bool(attend), (("[unused1] ", "[unused2] "), ("[Q] ", "[D] "))[(number + attend) % 2], more)
    for number, more in enumerate(MORE)
    for attend in (0, 1)
]


@pytest.mark.parametrize(("attend", "prefixes", "more"), PYLATE)
def test_folders_of_pylate(
    encoders: dict[Head, str], attend: bool, prefixes: tuple[str, str], more: dict[str, object], tmp_path: Path
) -> None:
    modules = [base.Transformer(encoders[Head.NONE]), base.Dense(32, 8, bias=False, activation_function=nn.Identity())]
    torch.manual_seed(0)
    saved(library.SentenceTransformer, tmp_path, modules=modules)
    listed = json.loads((tmp_path / "modules.json").read_text())
    listed[1]["type"] = "pylate.models.Dense.Dense"
    (tmp_path / "modules.json").write_text(json.dumps(listed))
    (tmp_path / "1_Dense/config.json").write_text(json.dumps(
        {"in_features": 32, "out_features": 8, "bias": False, "activation_function": "torch.nn.modules.linear.Identity"}
    ))  # fmt: skip
    about = {"query_prefix": prefixes[0], "document_prefix": prefixes[1], "attend_to_expansion_tokens": attend,
             "model_type": "ColBERT", "similarity_fn_name": "cosine"}  # fmt: skip
    edit(tmp_path / "config_sentence_transformers.json", **about | more)
    same_tokens(tmp_path, library.MultiVectorEncoder(str(tmp_path), device="cpu"))


def test_vectors_that_are_merged_are_refused(encoders: dict[Head, str], tmp_path: Path) -> None:
    saved(library.MultiVectorEncoder, tmp_path, encoders[Head.NONE])
    listed = json.loads((tmp_path / "modules.json").read_text())
    kind = "sentence_transformers.multi_vector_encoder.modules.HierarchicalTokenPooling"
    listed.append({"idx": len(listed), "name": str(len(listed)), "path": "9_Pooling", "type": kind})
    (tmp_path / "modules.json").write_text(json.dumps(listed))
    (tmp_path / "9_Pooling").mkdir()
    (tmp_path / "9_Pooling/config.json").write_text(json.dumps({"pool_factor": 2}))
    with pytest.raises(distilbert.ConfigError, match=r"9_Pooling/config.json: pool_factor=2 merges vectors, which is"):
        distilbert.load(tmp_path)
