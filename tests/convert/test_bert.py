"""Folding a BERT: the same numbers as the BERT itself, and a reason where there can be none."""

import csv
import json
import random
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import distilbert
from distilbert import CheckpointError, ConfigError, DistilBertConfig, DistilBertError, Embedder
from distilbert.convert import Report, convert
from distilbert.convert.bert import bert_names
from distilbert.folder.checkpoint import Head, key_table, open_checkpoint
from helpers.berts import write_bert


@pytest.fixture(scope="module")
def folded(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    folder = tmp_path_factory.mktemp("folded") / "minilm"
    return folder, convert(minilm, folder)


@pytest.fixture(scope="module")
def minilm_embedder(folded: tuple[Path, Report]) -> Embedder:
    task = distilbert.load(folded[0], threads=1)  # tests run side by side
    assert isinstance(task, Embedder)
    return task


def test_hidden_states_are_those_of_the_bert(minilm: Path, minilm_embedder: Embedder, sentences: list[str]) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    bert = transformers.BertModel.from_pretrained(minilm).eval()
    for text, ours in zip(sentences[:40], minilm_embedder.logits(sentences[:40])):
        ids = torch.from_numpy(minilm_embedder.tokenizer.encode(text).ids)[None]
        with torch.no_grad():
            theirs = bert(input_ids=ids).last_hidden_state[0].numpy()
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_sentence_vectors_are_those_of_sentence_transformers(
    minilm: Path, folded: tuple[Path, Report], minilm_embedder: Embedder, sentences: list[str]
) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    texts = sentences[:30]
    ours = minilm_embedder(texts)
    for folder in (minilm, folded[0]):  # it reads what we wrote, too
        theirs = sentence_transformers.SentenceTransformer(str(folder), device="cpu").encode(texts)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_stsb_dev(minilm_embedder: Embedder, shared_data: Path) -> None:
    stats = pytest.importorskip("scipy.stats")
    with (shared_data / "stsb" / "stsb-en-dev.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    left, right = minilm_embedder([row[0] for row in rows]), minilm_embedder([row[1] for row in rows])
    spearman = stats.spearmanr((left * right).sum(-1), [float(row[2]) for row in rows]).statistic
    assert len(rows) == 1500
    assert 100 * spearman >= 86.65


def test_report_of_a_real_model(folded: tuple[Path, Report]) -> None:
    folder, report = folded
    assert [w.target for w in report.mapped] == list(load_header_order(folder))
    assert {w.source: w.reason for w in report.left_out} == {
        "embeddings.position_ids": "a buffer, not a weight",
        "embeddings.token_type_embeddings.weight": "row 0 is added to the positions; DistilBERT has no token types",
        "pooler.dense.weight": "DistilBERT has no pooler",
        "pooler.dense.bias": "DistilBERT has no pooler",
    }
    assert any("pair" in note and "token type 1" in note for note in report.notes)
    assert {"vocab.txt", "tokenizer.json", "modules.json", "1_Pooling/config.json"} < set(report.files)
    assert all((folder / name).is_file() for name in report.files)


def load_header_order(folder: Path) -> dict[str, object]:
    checkpoint = open_checkpoint(folder)
    return {name.removeprefix("distilbert."): tensor for name, tensor in checkpoint.tensors.items()}


def test_table_covers_both_sides() -> None:
    """Every weight of every DistilBERT head that a BERT can have, and every weight of BERT's that is kept."""
    heads = (Head.NONE, Head.MASKED_LM, Head.TOKEN_CLASSIFICATION, Head.QUESTION_ANSWERING)
    config = DistilBertConfig(n_layers=3)
    ours = {name for head in heads for name in key_table(config, head)}
    table = bert_names(3)
    assert set(table.values()) == ours
    assert len(table) == len(ours)


def test_table_has_the_names_of_transformers() -> None:
    table = bert_names(3)
    transformers = pytest.importorskip("transformers")
    settings = transformers.BertConfig(
        num_hidden_layers=3, hidden_size=8, num_attention_heads=2, intermediate_size=16, vocab_size=20
    )
    theirs = set()
    for name in ("BertForMaskedLM", "BertForTokenClassification", "BertForQuestionAnswering"):
        theirs |= set(getattr(transformers, name)(settings).state_dict())
    assert theirs - set(table) == {"bert.embeddings.token_type_embeddings.weight", "cls.predictions.decoder.bias"}
    assert set(table) <= theirs


@pytest.mark.parametrize(
    ("architecture", "output"),
    [
        ("BertModel", "last_hidden_state"),
        ("BertForMaskedLM", "logits"),
        ("BertForPreTraining", "prediction_logits"),
        ("BertForTokenClassification", "logits"),
        ("BertForQuestionAnswering", "start_logits"),
    ],
)
def test_every_head_equals_the_bert(architecture: str, output: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    source = write_bert(tmp_path / "bert", architecture)
    report = convert(source, tmp_path / "out")
    bert = getattr(transformers, architecture).from_pretrained(source).eval()
    ours = getattr(transformers, report.model).from_pretrained(tmp_path / "out").eval()
    ids = torch.tensor([[1, 5, 7, 9, 30], [4, 4, 59, 2, 0]])
    with torch.no_grad():
        theirs = bert(input_ids=ids)[output].numpy()
        folded = ours(input_ids=ids)["logits" if output == "prediction_logits" else output].numpy()
    assert np.ptp(theirs) > 0.1
    np.testing.assert_allclose(folded, theirs, rtol=0, atol=1e-5)


def test_masked_lm_tied_separate_or_repeated(tmp_path: Path) -> None:
    source = write_bert(tmp_path / "tied", "BertForMaskedLM")
    report = convert(source, tmp_path / "from_tied")
    assert report.model == "DistilBertForMaskedLM"
    assert DistilBertConfig.from_file(tmp_path / "from_tied").tie_word_embeddings
    assert "vocab_projector.weight" not in load_file(tmp_path / "from_tied" / "model.safetensors")

    weights = load_file(source / "model.safetensors")
    words = weights["bert.embeddings.word_embeddings.weight"]
    for name, projector in (("repeated", words), ("separate", words + 1)):
        folder = write_bert(tmp_path / name, "BertForMaskedLM")
        bias = weights["cls.predictions.bias"]
        extra = {"cls.predictions.decoder.weight": projector.copy(), "cls.predictions.decoder.bias": bias.copy()}
        save_file(weights | extra, folder / "model.safetensors")
        report = convert(folder, tmp_path / f"from_{name}")
        left_out = {w.source: w.reason for w in report.left_out}
        assert left_out["cls.predictions.decoder.bias"] == "the same as cls.predictions.bias"
        written = load_file(tmp_path / f"from_{name}" / "model.safetensors")
        config = DistilBertConfig.from_file(tmp_path / f"from_{name}")
        assert config.tie_word_embeddings == (name == "repeated")
        assert ("cls.predictions.decoder.weight" in left_out) == (name == "repeated")
        if name == "separate":
            np.testing.assert_array_equal(written["vocab_projector.weight"], projector)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"architectures": ["BertForSequenceClassification"]}, "pooler"),
        ({"architectures": ["BertForMultipleChoice"]}, "pooler"),
        ({"architectures": ["BertForNextSentencePrediction"]}, "pooler"),
        ({"architectures": ["BertLMHeadModel"]}, "decoder"),
        ({"is_decoder": True}, "decoder"),
        ({"add_cross_attention": True}, "decoder"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'"),
        ({"layer_norm_eps": 1e-5}, "layer_norm_eps is 1e-05"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps is nan"),
        ({"hidden_act": "snake"}, "activation must be one of .* not 'snake'"),
        ({"hidden_size": 9}, "dim=9 is not a multiple"),
        ({"num_hidden_layers": ...}, "n_layers missing"),
        ({"model_type": "roberta"}, "this is a 'roberta'"),
    ],
)
def test_config_that_cannot_be_folded(changes: dict[str, object], reason: str, tmp_path: Path) -> None:
    source = write_bert(tmp_path / "bert", **changes)
    with pytest.raises(ConfigError, match=reason) as caught:
        convert(source, tmp_path / "out")
    assert str(source) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bert"]


@pytest.mark.parametrize(
    ("architecture", "drop", "changes", "reason"),
    [
        ("BertForSequenceClassification", (), {"architectures": ...}, "pooler"),
        (
            "BertModel",
            ("bert.embeddings.token_type_embeddings.weight",),
            {},
            "type_vocab_size is 2",
        ),
        ("BertModel", ("bert.embeddings.position_embeddings.weight",), {}, "lack bert.embeddings.position"),
        ("BertModel", ("bert.encoder.layer.1.output.dense.bias",), {}, "lack bert.encoder.layer.1.output.dense.bias"),
        ("BertModel", (), {"type_vocab_size": 3}, r"has shape \[2, 8\], but config.json asks for \[3, 8\]"),
        ("BertModel", (), {"num_hidden_layers": 2}, "hold bert.encoder.layer.2"),
        ("BertModel", (), {"vocab_size": 61}, r"has shape \[60, 8\], but config.json asks for \[61, 8\]"),
    ],
)
def test_weights_that_cannot_be_folded(
    architecture: str, drop: tuple[str, ...], changes: dict[str, object], reason: str, tmp_path: Path
) -> None:
    source = write_bert(tmp_path / "bert", architecture, drop, **changes)
    with pytest.raises(CheckpointError, match=reason) as caught:
        convert(source, tmp_path / "out")
    assert str(source) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bert"]


def test_bert_without_token_types(tmp_path: Path) -> None:
    source = write_bert(tmp_path / "bert", drop=("bert.embeddings.token_type_embeddings.weight",), type_vocab_size=0)
    report = convert(source, tmp_path / "out")
    before, after = (load_file(folder / "model.safetensors") for folder in (source, tmp_path / "out"))
    name = "embeddings.position_embeddings.weight"
    np.testing.assert_array_equal(after[name], before[f"bert.{name}"])
    assert any("no token types" in note for note in report.notes)


def test_first_berts_name_no_model_type_and_use_old_names(tmp_path: Path) -> None:
    source = write_bert(tmp_path / "bert", model_type=..., architectures=...)
    weights = load_file(source / "model.safetensors")
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): array
        for name, array in weights.items()
    }
    assert old.keys() != weights.keys()
    save_file(old, source / "model.safetensors")
    assert convert(source, tmp_path / "out").model == "DistilBertModel"
    written = load_file(tmp_path / "out" / "model.safetensors")
    np.testing.assert_array_equal(written["embeddings.LayerNorm.bias"], weights["bert.embeddings.LayerNorm.bias"])


# values that a config may hold by mistake or on purpose
ODD_VALUES = (
    None,
    True,
    -1,
    0,
    3,
    2**40,
    10**400,
    0.5,
    float("nan"),
    "",
    "absolute",
    [],
    [["BertModel"]],
    {},
    {"a": 1},
)
ODD_DTYPES = (np.int64, np.uint8, np.bool_, np.float16, np.float64)


@pytest.mark.parametrize("count", [120, pytest.param(3000, marks=pytest.mark.slow)])
def test_damaged_berts(count: int, tmp_path: Path) -> None:
    """A folder with something changed is folded or refused in one line, and nothing is left of what was refused."""
    rng = random.Random(7)
    outcomes = set()
    for index in range(count):
        folder = tmp_path / str(index)
        folder.mkdir()
        source = write_bert(folder / "bert", rng.choice(("BertModel", "BertForMaskedLM", "BertForTokenClassification")))
        values, weights = json.loads((source / "config.json").read_text()), load_file(source / "model.safetensors")
        what = rng.randrange(5)
        name = rng.choice(sorted(weights))
        if what == 0:
            values[rng.choice(sorted(values))] = rng.choice(ODD_VALUES)
        elif what == 1:
            values[rng.choice(("architectures", "layer_norm_eps", "position_embedding_type"))] = rng.choice(ODD_VALUES)
        elif what == 2:
            weights[name] = weights[name].astype(rng.choice(ODD_DTYPES))
        elif what == 3:
            weights[name] = weights[name][..., 1:]
        else:
            weights[rng.choice(("bert.pooler.extra", "cls.predictions.decoder.bias", "x"))] = weights.pop(name)
        (source / "config.json").write_text(json.dumps(values))
        save_file(weights, source / "model.safetensors")
        message = ""
        try:
            convert(source, folder / "out")
            open_checkpoint(folder / "out")
        except DistilBertError as error:
            message = str(error)
        outcomes.add(bool(message))
        assert len(message.splitlines()) <= 1
        assert len(message) < 1000
        assert (folder / "out").exists() == (not message)
        assert len(list(folder.iterdir())) == (1 if message else 2)
    assert outcomes == {True, False}
