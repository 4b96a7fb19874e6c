"""Folders of every kind, saved by sentence-transformers itself, give its own vectors and scores here.

One small encoder of each kind is made once. The folders differ in what stands around it, in the spelling of version 6
and, where the case says so, in that of versions before.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distilbert
from conftest import random_weights, small_config
from distilbert import Embedder, LateInteractionEncoder, Reranker, SparseEncoder, SparseVector
from distilbert.folder.checkpoint import Head, save_checkpoint
from distilbert.folder.sentence import read_sentence_folder
from distilbert.module_activations import ACTIVATIONS

library = pytest.importorskip("sentence_transformers")
torch = pytest.importorskip("torch")
from sentence_transformers.base import modules as base  # noqa: E402
from sentence_transformers.multi_vector_encoder import modules as multi  # noqa: E402
from sentence_transformers.sentence_transformer import modules as dense  # noqa: E402
from sentence_transformers.sparse_encoder import modules as sparse  # noqa: E402

import distilbert.convert  # noqa: E402
from distilbert.distill.teacher import open_teacher  # noqa: E402

nn = torch.nn
TEXTS = ["A charming and often affecting journey.", "no", "the film , the whole film , and nothing but the film"]
QUERY = "a moving story about love , and death !"
PROMPTS = {"query": "find this: ", "document": "read this: ", "other": "OTHER "}
MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the library: what is deprecated there is what is tested here
Modules = Callable[[str], list[Any]]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory, vocab: Path) -> dict[Head, str]:
    """One layer, 32 wide, with each head."""
    folders = {}
    for head in (Head.NONE, Head.MASKED_LM, Head.SEQUENCE_CLASSIFICATION):
        folder = tmp_path_factory.mktemp(head.name)
        config = small_config(head, n_layers=1, max_position_embeddings=64, num_labels=1)
        weights = random_weights(config, head)
        if config.tie_word_embeddings:
            weights.pop("vocab_projector.weight", None)
        save_checkpoint(folder, config, weights)
        shutil.copy(vocab, folder / "vocab.txt")
        settings = {"do_lower_case": True, "model_max_length": 64, "tokenizer_class": "DistilBertTokenizer"}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        folders[head] = str(folder)
    return folders


def edit(path: Path, /, **changes: object) -> None:
    path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | changes))


def randomized(*modules: Any) -> list[Any]:
    """Modules behind the encoder with weights that matter."""
    torch.manual_seed(0)
    with torch.no_grad():
        for module in modules[1:]:
            for weight in module.parameters():
                weight.add_(0.5 * torch.randn_like(weight))
    return list(modules)


def in_old_spelling(folder: Path) -> None:
    """Rewrites a folder as versions up to 5 wrote it."""
    modules = json.loads((folder / "modules.json").read_text())
    for module in modules:
        module["type"] = "sentence_transformers.models." + module["type"].rpartition(".")[2]
        path = folder / module["path"] / "config.json"
        if module["type"].endswith("Pooling"):
            pooling = json.loads(path.read_text())
            modes = pooling["pooling_mode"]
            names = {"cls": "cls_token", "lasttoken": "lasttoken"}
            flags = {
                f"pooling_mode_{names.get(mode, mode if 'len' in mode else mode + '_tokens')}": mode == modes
                or (mode in modes and not isinstance(modes, str))
                for mode in MODES
            }
            flags = {key.replace("cls_token_tokens", "cls_token"): value for key, value in flags.items()}
            path.write_text(json.dumps({"word_embedding_dimension": 32, "include_prompt": True} | flags))
        elif module["type"].endswith("Dense"):
            about = json.loads(path.read_text())
            path.write_text(json.dumps({key: about[key] for key in about if not key.startswith("module_")}))
        elif module["type"].endswith("Normalize") and path.exists():
            path.unlink()
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").unlink()
    edit(folder / "sentence_distilbert_config.json", max_seq_length=64, do_lower_case=False)
    (folder / "config_sentence_transformers.json").unlink()


# a vector a text --------------------------------------------------------------------------------------

DENSE: dict[str, Modules] = {
    f"{mode}": lambda path, mode=mode: [base.Transformer(path), dense.Pooling(32, mode)] for mode in MODES
}
DENSE |= {
    f"Dense {name}": lambda path, name=name: randomized(
        base.Transformer(path), dense.Pooling(32), base.Dense(32, 16, activation_function=getattr(nn, name)())
    )
    for name in ACTIVATIONS
}
DENSE |= {
    "several modes": lambda path: [base.Transformer(path), dense.Pooling(32, ("cls", "max", "mean"))],
    "all modes": lambda path: [base.Transformer(path), dense.Pooling(32, MODES)],
    "Normalize": lambda path: [base.Transformer(path), dense.Pooling(32), base.Normalize()],
    "Normalize first": lambda path: randomized(
        base.Transformer(path), dense.Pooling(32), base.Normalize(), base.Dense(32, 8)
    ),
    "no bias": lambda path: randomized(
        base.Transformer(path), dense.Pooling(32), base.Dense(32, 8, bias=False), base.Normalize()
    ),
    "two Dense": lambda path: randomized(
        base.Transformer(path), dense.Pooling(32, ("cls", "mean")), base.Dense(64, 8), base.Dense(8, 40)
    ),
    "residual": lambda path: randomized(
        base.Transformer(path), dense.Pooling(32), base.Dense(32, 32, use_residual=True)
    ),
    "projected residual": lambda path: randomized(
        base.Transformer(path), dense.Pooling(32), base.Dense(32, 8, use_residual=True)
    ),
    "LayerNorm": lambda path: randomized(base.Transformer(path), dense.Pooling(32), dense.LayerNorm(32)),
    "LayerNorm, Dense": lambda path: randomized(
        base.Transformer(path), dense.Pooling(32), dense.LayerNorm(32), base.Dense(32, 8), base.Normalize()
    ),
    "Dropout": lambda path: [base.Transformer(path), dense.Pooling(32), dense.Dropout(0.5)],
    "Dense on tokens": lambda path: randomized(
        base.Transformer(path), base.Dense(32, 16, module_input_name="token_embeddings"), dense.Pooling(16, "max")
    ),
    "Normalize on tokens": lambda path: [
        base.Transformer(path), base.Normalize(module_input_name="token_embeddings"), dense.Pooling(32)
    ],
    "Dense on tokens, cls": lambda path: randomized(
        base.Transformer(path), base.Dense(32, 16, module_input_name="token_embeddings"), dense.Pooling(16, "cls")
    ),
    "layers that are not there": lambda path: [
        base.Transformer(path), dense.WeightedLayerPooling(32, 1, 0), dense.Pooling(32)
    ],
}  # fmt: skip
OLD = ["mean", "cls", "lasttoken", "weightedmean", "several modes", "all modes", "Normalize", "two Dense", "LayerNorm"]


def same_vectors(folder: Path) -> Embedder:
    theirs, ours = library.SentenceTransformer(str(folder), device="cpu"), distilbert.load(folder)
    assert isinstance(ours, Embedder)
    np.testing.assert_allclose(ours(TEXTS), theirs.encode(TEXTS), rtol=1e-5, atol=1e-5)
    return ours


@pytest.mark.parametrize("name", DENSE)
def test_modules(encoders: dict[Head, str], name: str, tmp_path: Path) -> None:
    library.SentenceTransformer(modules=DENSE[name](encoders[Head.NONE]), device="cpu").save(str(tmp_path))
    same_vectors(tmp_path)


@pytest.mark.parametrize("name", OLD)
def test_modules_in_the_spelling_of_older_versions(encoders: dict[Head, str], name: str, tmp_path: Path) -> None:
    library.SentenceTransformer(modules=DENSE[name](encoders[Head.NONE]), device="cpu").save(str(tmp_path))
    expected = library.SentenceTransformer(str(tmp_path), device="cpu").encode(TEXTS)
    in_old_spelling(tmp_path)
    ours = same_vectors(tmp_path)
    np.testing.assert_allclose(ours(TEXTS), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("default", [None, "query"])
def test_prompts_that_are_not_pooled(encoders: dict[Head, str], mode: str, default: str | None, tmp_path: Path) -> None:
    modules = [base.Transformer(encoders[Head.NONE]), dense.Pooling(32, mode, include_prompt=False)]
    model = library.SentenceTransformer(modules=modules, device="cpu", prompts=PROMPTS, default_prompt_name=default)
    model.save(str(tmp_path))
    ours = same_vectors(tmp_path)
    for options in ({"prompt_name": "other"}, {"prompt": "Any OTHER: "}, {"prompt": ""}):
        np.testing.assert_allclose(ours(TEXTS, **options), model.encode(TEXTS, **options), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.encode_query(TEXTS), model.encode_query(TEXTS), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.encode_document(TEXTS), model.encode_document(TEXTS), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("settings", [
    {"max_seq_length": 9}, {"max_seq_length": None}, {"do_lower_case": True},
    {"max_seq_length": 9, "do_lower_case": True}, {"processing_kwargs": {"text": {"max_length": 7}}},
    {"tokenizer_args": {"model_max_length": 8}}, {"processor_kwargs": {"model_max_length": 8}, "max_seq_length": 12},
    {"model_args": {"attn_implementation": "eager"}}, {"unpad_inputs": True},
    {"config_args": {"attn_implementation": "eager"}},
])  # fmt: skip
def test_settings_of_the_encoder(encoders: dict[Head, str], settings: dict[str, object], tmp_path: Path) -> None:
    library.SentenceTransformer(modules=DENSE["mean"](encoders[Head.NONE]), device="cpu").save(str(tmp_path))
    edit(tmp_path / "tokenizer_config.json", do_lower_case=False)
    edit(tmp_path / "sentence_bert_config.json", **settings)
    theirs, ours = library.SentenceTransformer(str(tmp_path), device="cpu"), distilbert.load(tmp_path)
    texts = [*TEXTS, "The Film AND THE Story " * 3]
    np.testing.assert_allclose(ours(texts), theirs.encode(texts), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["LayerNorm", "Dense on tokens", "lasttoken", "several modes"])
def test_what_training_does_not_apply_is_refused(encoders: dict[Head, str], name: str, tmp_path: Path) -> None:
    library.SentenceTransformer(modules=DENSE[name](encoders[Head.NONE]), device="cpu").save(str(tmp_path))
    sentence = read_sentence_folder(tmp_path)
    assert sentence is not None
    named = {"lasttoken": "Pooling lasttoken", "several modes": "Pooling cls and max and mean"}.get(name, name)
    assert named in sentence.untrained_parts(dense=True)
    with pytest.raises(distilbert.InputError, match=f"has .*{named}.*; only teachers"):
        open_teacher(tmp_path, "feature-extraction")


# a Router before version 5 is called Asym -------------------------------------------------------------


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("default", ["query", "document"])
def test_routes_that_share_an_encoder(encoders: dict[Head, str], old: bool, default: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    router = base.Router(
        {"query": [base.Dense(32, 8), base.Dense(8, 8)], "document": [base.Dense(32, 8)]}, default_route=default
    )
    modules = [base.Transformer(encoders[Head.NONE]), dense.Pooling(32, "cls"), router, base.Normalize()]
    library.SentenceTransformer(modules=modules, device="cpu", prompts=PROMPTS).save(str(tmp_path))
    if old:
        (part,) = tmp_path.glob("2_*")
        about = json.loads((part / "router_config.json").read_text())
        about["parameters"] = {"default_route": default, "allow_empty_key": True}
        (part / "router_config.json").unlink()
        (part / "config.json").write_text(json.dumps(about))
        listed = json.loads((tmp_path / "modules.json").read_text())
        listed[2]["type"] = "sentence_transformers.models.Asym"
        (tmp_path / "modules.json").write_text(json.dumps(listed))
    ours, theirs = same_vectors(tmp_path), library.SentenceTransformer(str(tmp_path), device="cpu")
    np.testing.assert_allclose(ours.encode_query(TEXTS), theirs.encode_query(TEXTS), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.encode_document(TEXTS), theirs.encode_document(TEXTS), rtol=1e-5, atol=1e-5)
    assert np.abs(ours.encode_query(TEXTS) - ours.encode_document(TEXTS)).max() > 0.1


# sparse vectors ---------------------------------------------------------------------------------------


def spread(vectors: list[SparseVector], size: int) -> np.ndarray:
    rows = np.zeros((len(vectors), size), np.float32)
    for row, vector in zip(rows, vectors, strict=True):
        row[vector.indices] = vector.values
    return rows


def same_sparse(folder: Path) -> tuple[SparseEncoder, Any]:
    theirs, ours = library.SparseEncoder(str(folder), device="cpu"), distilbert.load(folder)
    assert isinstance(ours, SparseEncoder)
    for method, ours_of in ((theirs.encode, ours), (theirs.encode_query, ours.encode_query),
                        (theirs.encode_document, ours.encode_document)):  # fmt: skip
        expected = method(TEXTS).to_dense().numpy()
        np.testing.assert_allclose(spread(ours_of(TEXTS), expected.shape[1]), expected, rtol=1e-5, atol=1e-5)
    return ours, theirs


@pytest.mark.parametrize("strategy", ["max", "sum"])
@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
@pytest.mark.parametrize("measure", ["dot", "cosine", "euclidean", "manhattan"])
def test_splade(encoders: dict[Head, str], strategy: str, activation: str, measure: str, tmp_path: Path) -> None:
    modules = [sparse.MLMTransformer(encoders[Head.MASKED_LM]), sparse.SpladePooling(strategy, activation)]
    model = library.SparseEncoder(modules=modules, device="cpu", similarity_fn_name=measure, prompts=PROMPTS)
    model.save(str(tmp_path))
    ours, theirs = same_sparse(tmp_path)
    vectors = theirs.encode(TEXTS).to_dense()  # of sparse tensors it takes euclidean distances to two digits alone
    expected = theirs.similarity(vectors, vectors[:2]).numpy()
    np.testing.assert_allclose(ours.similarity(ours(TEXTS), ours(TEXTS[:2])), expected, rtol=1e-4, atol=1e-4)


def test_the_most_weights_of_a_sparse_vector(encoders: dict[Head, str], tmp_path: Path) -> None:
    modules = [base.Transformer(encoders[Head.MASKED_LM], transformer_task="fill-mask"), sparse.SpladePooling()]
    library.SparseEncoder(modules=modules, device="cpu", max_active_dims=7).save(str(tmp_path))
    ours, _ = same_sparse(tmp_path)
    assert len(ours(TEXTS[0]).indices) == 7


@pytest.mark.parametrize("default", ["query", "document"])
@pytest.mark.parametrize("mapped", [False, True])
def test_queries_without_inference(
    encoders: dict[Head, str], default: str, mapped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoTokenizer

    path = encoders[Head.MASKED_LM]
    weights = torch.rand(6000)
    weights[weights < 0.1] = 0
    static = sparse.SparseStaticEmbedding(AutoTokenizer.from_pretrained(path), weights)
    routes = {"query": [static], "document": [sparse.MLMTransformer(path), sparse.SpladePooling()]}
    mappings = {("query", "text"): "query", ("document", None): "document"} if mapped else None
    router = base.Router(routes, default_route=default, route_mappings=mappings)
    library.SparseEncoder(modules=[router], device="cpu", prompts={"query": "the "}).save(str(tmp_path))
    ours, _ = same_sparse(tmp_path)
    long = "the film and the story of it " * 30
    assert set(ours.encode_query(long, long_text="window").indices) >= set(ours.encode_query("story").indices)

    def none(*_: object) -> None:
        raise AssertionError("a query runs the model")

    monkeypatch.setattr(ours.model.engine, "run", none)
    assert len(ours.encode_query(QUERY).indices) > 3


@pytest.mark.parametrize("place", ["beside", "root"])
def test_weights_of_queries_in_a_json_file(encoders: dict[Head, str], place: str, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    path = encoders[Head.MASKED_LM]
    pieces = {"story": 1.5, "love": 3, "death": 0.25, "not a piece": 0.5, "[CLS]": 7.0}
    (tmp_path / "idf.json").write_text(json.dumps(pieces))
    static = sparse.SparseStaticEmbedding.from_json(str(tmp_path / "idf.json"), AutoTokenizer.from_pretrained(path))
    routes = {"query": [static], "document": [sparse.MLMTransformer(path), sparse.SpladePooling()]}
    theirs = library.SparseEncoder(modules=[base.Router(routes, default_route="document")], device="cpu")
    source = tmp_path / "source"
    theirs.save(str(source))
    part = source / "query_0_SparseStaticEmbedding"
    edit(part / "config.json", path="/home/somebody/idf.json")
    (part / "model.safetensors").unlink()
    shutil.copy(tmp_path / "idf.json", (part if place == "beside" else source) / "idf.json")
    distilbert.convert.convert(source, tmp_path / "converted")
    for folder in (source, tmp_path / "converted"):
        ours = distilbert.load(folder)
        assert isinstance(ours, SparseEncoder)
        texts = ["a story of love, and death", "unheard-of Ωmega", ""]
        found = spread(ours.encode_query(texts), ours.config.vocab_size)
        np.testing.assert_array_equal(found, theirs.encode_query(texts).to_dense().numpy())
    for wrong, message in (
        ({"a": "1"}, "must map pieces to numbers"),
        ({"a": 10**400}, "too large"),
        ([], "an object"),
    ):
        for file in source.rglob("idf.json"):
            file.write_text(json.dumps(wrong))
        with pytest.raises(distilbert.ConfigError, match=f"idf.json: .*{message}"):
            distilbert.load(source)
    for file in source.rglob("idf.json"):
        file.unlink()
    with pytest.raises(distilbert.ConfigError, match=r"path names 'idf.json', which is neither beside it nor in"):
        distilbert.load(source)


def test_a_router_goes_along_into_a_new_folder(encoders: dict[Head, str], tmp_path: Path) -> None:
    source, converted, small = tmp_path / "source", tmp_path / "converted", tmp_path / "int8"
    encoder = base.Transformer(encoders[Head.MASKED_LM], transformer_task="fill-mask")
    weight = torch.rand(len(encoder.tokenizer.get_vocab()))
    static = sparse.SparseStaticEmbedding(tokenizer=encoder.tokenizer, weight=weight, frozen=True)
    router = base.Router.for_query_document(query_modules=[static], document_modules=[encoder, sparse.SpladePooling()])
    library.SparseEncoder(modules=[router], device="cpu", prompts={"query": "the "}).save(str(source))
    before = distilbert.load(source)
    assert isinstance(before, SparseEncoder)
    distilbert.convert.convert(source, converted)
    same_sparse(converted)
    distilbert.convert.quantize(source, small, data=TEXTS)
    assert (small / "model.safetensors").exists()
    after = distilbert.load(small)
    assert isinstance(after, SparseEncoder)
    for one, other in zip(before.encode_query(TEXTS), after.encode_query(TEXTS), strict=True):
        np.testing.assert_array_equal(one.indices, other.indices)
        np.testing.assert_array_equal(one.values, other.values)
    size = before.config.vocab_size
    of_float, of_int8 = (spread(each.encode_document(TEXTS), size) for each in (before, after))
    cosines = (of_float * of_int8).sum(1) / np.linalg.norm(of_float, axis=1) / np.linalg.norm(of_int8, axis=1)
    assert cosines.min() > 0.98


# scores of pairs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["Sigmoid", "Identity", "Softplus", "LogSigmoid", "Hardtanh", "Mish"])
@pytest.mark.parametrize("default", [None, "query"])
@pytest.mark.parametrize("old", [False, True])
def test_cross_encoders(
    encoders: dict[Head, str], activation: str, default: str | None, old: bool, tmp_path: Path
) -> None:
    function = getattr(nn, activation)()
    path = encoders[Head.SEQUENCE_CLASSIFICATION]
    options = {} if old else {"prompts": PROMPTS, "default_prompt_name": default}
    library.CrossEncoder(path, device="cpu", activation_fn=function, **options).save(str(tmp_path))
    if old:
        for name in ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"):
            (tmp_path / name).unlink()
        named = f"torch.nn.{activation}" if default else f"{type(function).__module__}.{activation}"
        key = {"activation_fn": named, "version": "4.0.1"}
        edit(
            tmp_path / "config.json",
            **{"sentence_transformers": key} if default else {"sbert_ce_default_activation_function": named},
        )
    theirs, ours = library.CrossEncoder(str(tmp_path), device="cpu"), distilbert.load(tmp_path, "text-ranking")
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
    library.CrossEncoder(encoders[Head.SEQUENCE_CLASSIFICATION], device="cpu").save(str(tmp_path))
    edit(tmp_path / "tokenizer_config.json", do_lower_case=False)
    edit(tmp_path / "sentence_bert_config.json", **settings)
    theirs, ours = library.CrossEncoder(str(tmp_path), device="cpu"), distilbert.load(tmp_path, "text-ranking")
    documents = [*TEXTS, "The Film AND THE Story " * 3]
    expected = theirs.predict([(QUERY.title(), text) for text in documents])
    scores = [each.score for each in sorted(ours(QUERY.title(), documents), key=lambda each: each.index)]
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)


def test_a_cross_encoder_of_several_modules_is_refused(encoders: dict[Head, str], tmp_path: Path) -> None:
    library.CrossEncoder(encoders[Head.SEQUENCE_CLASSIFICATION], device="cpu").save(str(tmp_path))
    listed = json.loads((tmp_path / "modules.json").read_text())
    more = {"idx": 1, "name": "1", "path": "1_Dense", "type": "sentence_transformers.base.modules.dense.Dense"}
    (tmp_path / "modules.json").write_text(json.dumps([*listed, more]))
    with pytest.raises(distilbert.ConfigError, match=r"modules.json: a cross-encoder is one Transformer.*Dense"):
        distilbert.load(tmp_path, "text-ranking")


# a vector a token -------------------------------------------------------------------------------------

EXPANSIONS: dict[str, Any] = {
    "none": None,
    "fixed": {"strategy": "fixed", "length": 16},
    "attended": {"strategy": "fixed", "length": 16, "attend": True},
    "short": {"strategy": "fixed", "length": 6},
    "min": {"strategy": "min", "length": 12},
    "token": {"strategy": "min", "length": 20, "token": "film"},
}


def same_tokens(folder: Path) -> LateInteractionEncoder:
    theirs, ours = library.MultiVectorEncoder(str(folder), device="cpu"), distilbert.load(folder)
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
    library.MultiVectorEncoder(modules=modules, device="cpu", prompts=prompts).save(str(tmp_path))
    same_tokens(tmp_path)


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
    library.MultiVectorEncoder(modules=modules, device="cpu", similarity_fn_name=measure).save(str(tmp_path))
    same_tokens(tmp_path)


@pytest.mark.parametrize("attend", [True, False])
@pytest.mark.parametrize("prefixes", [("[unused1] ", "[unused2] "), ("[Q] ", "[D] ")])
@pytest.mark.parametrize("more", [{}, {"skiplist_words": ["film"], "query_length": 12, "document_length": 10},
                                  {"do_query_expansion": False, "prompts": {"query": "find: "}}])  # fmt: skip
def test_folders_of_pylate(
    encoders: dict[Head, str], attend: bool, prefixes: tuple[str, str], more: dict[str, object], tmp_path: Path
) -> None:
    modules = [base.Transformer(encoders[Head.NONE]), base.Dense(32, 8, bias=False, activation_function=nn.Identity())]
    torch.manual_seed(0)
    library.SentenceTransformer(modules=modules, device="cpu").save(str(tmp_path))
    listed = json.loads((tmp_path / "modules.json").read_text())
    listed[1]["type"] = "pylate.models.Dense.Dense"
    (tmp_path / "modules.json").write_text(json.dumps(listed))
    (tmp_path / "1_Dense/config.json").write_text(json.dumps(
        {"in_features": 32, "out_features": 8, "bias": False, "activation_function": "torch.nn.modules.linear.Identity"}
    ))  # fmt: skip
    about = {"query_prefix": prefixes[0], "document_prefix": prefixes[1], "attend_to_expansion_tokens": attend,
             "model_type": "ColBERT", "similarity_fn_name": "cosine"}  # fmt: skip
    edit(tmp_path / "config_sentence_transformers.json", **about | more)
    same_tokens(tmp_path)


@pytest.mark.parametrize("mode", [*MODES, ["cls", "mean"]])
@pytest.mark.parametrize("include_prompt", [True, False])
def test_words_with_weights(
    encoders: dict[Head, str], mode: Any, include_prompt: bool, vocab: Path, tmp_path: Path
) -> None:
    words = vocab.read_text(encoding="utf-8").splitlines()
    weights = {"film": 3.0, "no": 0.1, "[CLS]": 2, "the": 0.5}
    modules = [
        base.Transformer(encoders[Head.NONE]),
        dense.WordWeights(words, weights, 0.75),
        dense.Pooling(32, mode, include_prompt=include_prompt),
    ]
    library.SentenceTransformer(modules=modules, device="cpu", prompts={"query": "find this: "}).save(str(tmp_path))
    theirs = library.SentenceTransformer(str(tmp_path), device="cpu")
    ours: Any = distilbert.load(tmp_path)
    np.testing.assert_allclose(ours(TEXTS), theirs.encode(TEXTS), atol=1e-5)
    query = ours(TEXTS, prompt_name="query")
    np.testing.assert_allclose(query, theirs.encode(TEXTS, prompt_name="query"), atol=1e-5)
    edit(tmp_path / "1_WordWeights/config.json", vocab=words[:100])
    with pytest.raises(distilbert.InputError, match=r"has no weight: WordWeights lists 100 words"):
        distilbert.load(tmp_path)("film")
    edit(tmp_path / "1_WordWeights/config.json", unknown_word_weight="x")
    with pytest.raises(distilbert.ConfigError, match=r"1_WordWeights/config.json: must have a vocab, and word_weights"):
        distilbert.load(tmp_path)


def test_modules_with_a_network_of_their_own_are_refused_by_name(encoders: dict[Head, str], tmp_path: Path) -> None:
    auto = sparse.SparseAutoEncoder(input_dim=32, hidden_dim=8, k=2)
    modules = [base.Transformer(encoders[Head.NONE]), dense.Pooling(32), auto]
    library.SparseEncoder(modules=modules, device="cpu").save(str(tmp_path))
    with pytest.raises(distilbert.ConfigError, match="module 'SparseAutoEncoder' is not supported: it is a network of"):
        distilbert.load(tmp_path)


def test_vectors_that_are_merged_are_refused(encoders: dict[Head, str], tmp_path: Path) -> None:
    library.MultiVectorEncoder(encoders[Head.NONE], device="cpu").save(str(tmp_path))
    listed = json.loads((tmp_path / "modules.json").read_text())
    kind = "sentence_transformers.multi_vector_encoder.modules.HierarchicalTokenPooling"
    listed.append({"idx": len(listed), "name": str(len(listed)), "path": "9_Pooling", "type": kind})
    (tmp_path / "modules.json").write_text(json.dumps(listed))
    (tmp_path / "9_Pooling").mkdir()
    (tmp_path / "9_Pooling/config.json").write_text(json.dumps({"pool_factor": 2}))
    with pytest.raises(distilbert.ConfigError, match=r"9_Pooling/config.json: pool_factor=2 merges vectors, which is"):
        distilbert.load(tmp_path)


# the table of keys ------------------------------------------------------------------------------------


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
    library.SentenceTransformer(modules=DENSE["mean"](encoders[Head.NONE]), device="cpu").save(str(tmp_path))
    edit(tmp_path / file, **{key: value})
    with pytest.raises(distilbert.ConfigError, match=f"{file}: {key}"):
        distilbert.load(tmp_path)


def test_keys_without_effect(encoders: dict[Head, str], tmp_path: Path) -> None:
    library.SentenceTransformer(modules=DENSE["Dropout"](encoders[Head.NONE]), device="cpu").save(str(tmp_path))
    expected = distilbert.load(tmp_path)(TEXTS)
    edit(tmp_path / "sentence_bert_config.json", model_args={"torch_dtype": "float16"}, unpad_inputs=True, other=3)
    edit(tmp_path / "config_sentence_transformers.json", __version__={}, requirements={"other": ">9"}, other=[])
    edit(tmp_path / "1_Pooling/config.json", embedding_dimension=5, other="x")
    edit(tmp_path / "2_Dropout/config.json", dropout=0.9)
    np.testing.assert_array_equal(distilbert.load(tmp_path)(TEXTS), expected)
