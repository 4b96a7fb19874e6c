"""Sentence encoders of every kind that sentence-transformers itself saved give its own vectors here.

They differ in what stands behind the encoder, in the spelling of version 6 and, where the case says so, in that of
versions before.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distilbert
from distilbert import Embedder
from distilbert.compat import SentenceTransformer
from distilbert.folder.checkpoint import Head
from distilbert.folder.sentence import read_sentence_folder
from distilbert.module_activations import ACTIVATIONS
from helpers.json_files import edit
from helpers.saved_by_sentence_transformers import (
    MODES,
    PROMPTS,
    TEXTS,
    Modules,
    base,
    dense,
    encoder,
    in_old_spelling,
    library,
    multi,
    nn,
    randomized,
    saved,
    sparse,
    torch,
)

teacher = pytest.importorskip("distilbert.distill.teacher")

DENSE: dict[str, Modules] = {
    f"{mode}": lambda path, mode=mode: [encoder(path), dense.Pooling(32, mode)] for mode in MODES
}
DENSE |= {
    f"Dense {name}": lambda path, name=name: randomized(
        encoder(path), dense.Pooling(32), base.Dense(32, 16, activation_function=getattr(nn, name)())
    )
    for name in ACTIVATIONS
}
DENSE |= {
    "several modes": lambda path: [encoder(path), dense.Pooling(32, ("cls", "max", "mean"))],
    "all modes": lambda path: [encoder(path), dense.Pooling(32, MODES)],
    "Normalize": lambda path: [encoder(path), dense.Pooling(32), base.Normalize()],
    "Normalize first": lambda path: randomized(
        encoder(path), dense.Pooling(32), base.Normalize(), base.Dense(32, 8)
    ),
    "no bias": lambda path: randomized(
        encoder(path), dense.Pooling(32), base.Dense(32, 8, bias=False), base.Normalize()
    ),
    "two Dense": lambda path: randomized(
        encoder(path), dense.Pooling(32, ("cls", "mean")), base.Dense(64, 8), base.Dense(8, 40)
    ),
    "residual": lambda path: randomized(
        encoder(path), dense.Pooling(32), base.Dense(32, 32, use_residual=True)
    ),
    "projected residual": lambda path: randomized(
        encoder(path), dense.Pooling(32), base.Dense(32, 8, use_residual=True)
    ),
    "LayerNorm": lambda path: randomized(encoder(path), dense.Pooling(32), dense.LayerNorm(32)),
    "LayerNorm, Dense": lambda path: randomized(
        encoder(path), dense.Pooling(32), dense.LayerNorm(32), base.Dense(32, 8), base.Normalize()
    ),
    "Dropout": lambda path: [encoder(path), dense.Pooling(32), dense.Dropout(0.5)],
    "Dense on tokens": lambda path: randomized(
        encoder(path), base.Dense(32, 16, module_input_name="token_embeddings"), dense.Pooling(16, "max")
    ),
    "Normalize on tokens": lambda path: [
        encoder(path), base.Normalize(module_input_name="token_embeddings"), dense.Pooling(32)
    ],
    "Dense on tokens, cls": lambda path: randomized(
        encoder(path), base.Dense(32, 16, module_input_name="token_embeddings"), dense.Pooling(16, "cls")
    ),
    "layers that are not there": lambda path: [
        encoder(path), dense.WeightedLayerPooling(32, 1, 0), dense.Pooling(32)
    ],
}  # fmt: skip
OLD = ["mean", "cls", "lasttoken", "weightedmean", "several modes", "all modes", "Normalize", "two Dense", "LayerNorm"]
pytestmark = pytest.mark.filterwarnings("ignore")  # of the library: what is deprecated there is what is tested here


def same_vectors(folder: Path, theirs: Any) -> Embedder:
    ours = distilbert.load(folder)
    assert isinstance(ours, Embedder)
    np.testing.assert_allclose(ours(TEXTS), theirs.encode(TEXTS), rtol=1e-5, atol=1e-5)
    return ours


@pytest.mark.parametrize("name", DENSE)
def test_modules(encoders: dict[Head, str], name: str, tmp_path: Path) -> None:
    same_vectors(tmp_path, saved(library.SentenceTransformer, tmp_path, modules=DENSE[name](encoders[Head.NONE])))


@pytest.mark.parametrize("name", OLD)
def test_modules_in_the_spelling_of_older_versions(encoders: dict[Head, str], name: str, tmp_path: Path) -> None:
    theirs = saved(library.SentenceTransformer, tmp_path, modules=DENSE[name](encoders[Head.NONE]))
    in_old_spelling(tmp_path)
    same_vectors(tmp_path, theirs)
    same_vectors(tmp_path, library.SentenceTransformer(str(tmp_path), device="cpu"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("default", [None, "query"])
def test_prompts_that_are_not_pooled(encoders: dict[Head, str], mode: str, default: str | None, tmp_path: Path) -> None:
    modules = [encoder(encoders[Head.NONE]), dense.Pooling(32, mode, include_prompt=False)]
    model = saved(library.SentenceTransformer, tmp_path, modules=modules, prompts=PROMPTS, default_prompt_name=default)
    ours = same_vectors(tmp_path, model)
    for options in ({"prompt_name": "other"}, {"prompt": "Any OTHER: "}, {"prompt": ""}):
        np.testing.assert_allclose(ours(TEXTS, **options), model.encode(TEXTS, **options), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.encode_query(TEXTS), model.encode_query(TEXTS), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.encode_document(TEXTS), model.encode_document(TEXTS), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("default", [None, "query", "document", "passage", "other"])
@pytest.mark.parametrize("names", [
    (), ("query",), ("document",), ("passage",), ("query", "passage"), ("passage", "corpus"),
    ("query", "document", "other"), ("query", "passage", "document", "corpus", "other"),
])  # fmt: skip
def test_which_prompt_is_taken(
    encoders: dict[Head, str], names: list[str], default: str | None, tmp_path: Path
) -> None:
    saved(library.SentenceTransformer, tmp_path, modules=DENSE["mean"](encoders[Head.NONE]))
    prompts = {name: f"{name} : " for name in names}
    edit(tmp_path / "config_sentence_transformers.json", prompts=prompts, default_prompt_name=default)
    try:
        theirs = library.SentenceTransformer(str(tmp_path), device="cpu")
    except ValueError:
        with pytest.raises(distilbert.ConfigError, match="default_prompt_name must be"):
            distilbert.load(tmp_path)
        return
    bridge, ours = SentenceTransformer(tmp_path), same_vectors(tmp_path, theirs)
    assert bridge.prompts == theirs.prompts
    for method in ("encode", "encode_query", "encode_document"):
        expected = getattr(theirs, method)(TEXTS)
        for found in (getattr(bridge, method)(TEXTS), getattr(ours, method, ours)(TEXTS)):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    for name in theirs.prompts:
        expected = theirs.encode(TEXTS, prompt_name=name)
        np.testing.assert_allclose(bridge.encode(TEXTS, prompt_name=name), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("settings", [
    {"max_seq_length": 9}, {"max_seq_length": None}, {"do_lower_case": True},
    {"max_seq_length": 9, "do_lower_case": True}, {"processing_kwargs": {"text": {"max_length": 7}}},
    {"tokenizer_args": {"model_max_length": 8}}, {"processor_kwargs": {"model_max_length": 8}, "max_seq_length": 12},
    {"model_args": {"attn_implementation": "eager"}}, {"unpad_inputs": True},
    {"config_args": {"attn_implementation": "eager"}},
])  # fmt: skip
def test_settings_of_the_encoder(encoders: dict[Head, str], settings: dict[str, object], tmp_path: Path) -> None:
    saved(library.SentenceTransformer, tmp_path, modules=DENSE["mean"](encoders[Head.NONE]))
    edit(tmp_path / "tokenizer_config.json", do_lower_case=False)
    edit(tmp_path / "sentence_bert_config.json", **settings)
    theirs, ours = library.SentenceTransformer(str(tmp_path), device="cpu"), distilbert.load(tmp_path)
    texts = [*TEXTS, "The Film AND THE Story " * 3]
    np.testing.assert_allclose(ours(texts), theirs.encode(texts), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["LayerNorm", "Dense on tokens", "lasttoken", "several modes"])
def test_what_training_does_not_apply_is_refused(encoders: dict[Head, str], name: str, tmp_path: Path) -> None:
    saved(library.SentenceTransformer, tmp_path, modules=DENSE[name](encoders[Head.NONE]))
    sentence = read_sentence_folder(tmp_path)
    assert sentence is not None
    named = {"lasttoken": "Pooling lasttoken", "several modes": "Pooling cls and max and mean"}.get(name, name)
    assert named in sentence.untrained_parts(dense=True)
    with pytest.raises(distilbert.InputError, match=f"has .*{named}.*; only teachers"):
        teacher.open_teacher(tmp_path, "feature-extraction")


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("default", ["query", "document"])
def test_routes_that_share_an_encoder(encoders: dict[Head, str], old: bool, default: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    router = base.Router(
        {"query": [base.Dense(32, 8), base.Dense(8, 8)], "document": [base.Dense(32, 8)]}, default_route=default
    )
    modules = [encoder(encoders[Head.NONE]), dense.Pooling(32, "cls"), router, base.Normalize()]
    theirs = saved(library.SentenceTransformer, tmp_path, modules=modules, prompts=PROMPTS)
    if old:
        (part,) = tmp_path.glob("2_*")
        about = json.loads((part / "router_config.json").read_text())
        about["parameters"] = {"default_route": default, "allow_empty_key": True}
        (part / "router_config.json").unlink()
        (part / "config.json").write_text(json.dumps(about))
        listed = json.loads((tmp_path / "modules.json").read_text())
        listed[2]["type"] = "sentence_transformers.models.Asym"
        (tmp_path / "modules.json").write_text(json.dumps(listed))
        theirs = library.SentenceTransformer(str(tmp_path), device="cpu")
    ours = same_vectors(tmp_path, theirs)
    np.testing.assert_allclose(ours.encode_query(TEXTS), theirs.encode_query(TEXTS), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.encode_document(TEXTS), theirs.encode_document(TEXTS), rtol=1e-5, atol=1e-5)
    bridge = SentenceTransformer(tmp_path)
    np.testing.assert_allclose(bridge.encode_query(TEXTS), theirs.encode_query(TEXTS), rtol=1e-5, atol=1e-5)
    expected = theirs.encode(TEXTS, task="document")
    np.testing.assert_allclose(bridge.encode(TEXTS, task="document"), expected, rtol=1e-5, atol=1e-5)
    assert np.abs(ours.encode_query(TEXTS) - ours.encode_document(TEXTS)).max() > 0.1


@pytest.mark.parametrize("mode", [*MODES, ["cls", "mean"]])
@pytest.mark.parametrize("include_prompt", [True, False])
def test_words_with_weights(
    encoders: dict[Head, str], mode: Any, include_prompt: bool, vocab: Path, tmp_path: Path
) -> None:
    words = vocab.read_text(encoding="utf-8").splitlines()
    weights = {"film": 3.0, "no": 0.1, "[CLS]": 2, "the": 0.5}
    modules = [
        encoder(encoders[Head.NONE]),
        dense.WordWeights(words, weights, 0.75),
        dense.Pooling(32, mode, include_prompt=include_prompt),
    ]
    theirs = saved(library.SentenceTransformer, tmp_path, modules=modules, prompts={"query": "find this: "})
    ours = same_vectors(tmp_path, theirs)
    query = ours(TEXTS, prompt_name="query")
    np.testing.assert_allclose(query, theirs.encode(TEXTS, prompt_name="query"), atol=1e-5)
    edit(tmp_path / "1_WordWeights/config.json", vocab=words[:100])
    with pytest.raises(distilbert.InputError, match=r"has no weight: WordWeights lists 100 words"):
        distilbert.load(tmp_path)("film")
    edit(tmp_path / "1_WordWeights/config.json", unknown_word_weight="x")
    with pytest.raises(distilbert.ConfigError, match=r"1_WordWeights/config.json: must have a vocab, and word_weights"):
        distilbert.load(tmp_path)


def test_the_docs_name_every_key_that_a_module_writes() -> None:
    page = (Path(__file__).parents[2] / "docs/sentence_transformers.md").read_text(encoding="utf-8")
    kinds = [base.Transformer, base.Dense, base.Normalize, dense.Pooling, dense.LayerNorm, dense.Dropout]
    kinds += [sparse.SpladePooling, sparse.SparseStaticEmbedding, multi.MultiVectorMask, multi.HierarchicalTokenPooling]
    keys = {key for kind in kinds for key in (*kind.config_keys, *kind.config_key_renames)}
    assert len(keys) > 25
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []


@pytest.mark.parametrize(("file", "key", "value"), [
    ("sentence_bert_config.json", "modality_config", {"text": {"method": "forward", "method_output_name": "logits"}}),
    ("sentence_bert_config.json", "module_output_name", "sentence_embedding"),
    ("sentence_bert_config.json", "transformer_task", "text-generation"),
    ("sentence_bert_config.json", "processing_kwargs", {"text": {"add_special_tokens": False}}),
    ("sentence_bert_config.json", "tokenizer_args", {"do_lower_case": False}),
    ("sentence_bert_config.json", "config_args", {"n_layers": 1}),
    ("sentence_bert_config.json", "query_expansion", {"strategy": "other", "length": 3}),
])  # fmt: skip
def test_a_key_that_would_change_the_answer_is_refused(
    encoders: dict[Head, str], file: str, key: str, value: object, tmp_path: Path
) -> None:
    saved(library.SentenceTransformer, tmp_path, modules=DENSE["mean"](encoders[Head.NONE]))
    edit(tmp_path / file, **{key: value})
    with pytest.raises(distilbert.ConfigError, match=f"{file}: {key}"):
        distilbert.load(tmp_path)


def test_keys_without_effect(encoders: dict[Head, str], tmp_path: Path) -> None:
    saved(library.SentenceTransformer, tmp_path, modules=DENSE["Dropout"](encoders[Head.NONE]))
    expected = distilbert.load(tmp_path)(TEXTS)
    edit(tmp_path / "sentence_bert_config.json", model_args={"torch_dtype": "float16"}, unpad_inputs=True, other=3)
    edit(tmp_path / "config_sentence_transformers.json", __version__={}, requirements={"other": ">9"}, other=[])
    edit(tmp_path / "1_Pooling/config.json", embedding_dimension=5, other="x")
    edit(tmp_path / "2_Dropout/config.json", dropout=0.9)
    np.testing.assert_array_equal(distilbert.load(tmp_path)(TEXTS), expected)
