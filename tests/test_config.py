"""The config: every key and spelling is read, every activation is right, and what cannot be right is named."""

import copy
import dataclasses
import json
import math
import pickle
from pathlib import Path

import pytest

from distilbert import Activation, ConfigError, DistilBertConfig
from helpers.configs import BASE, HUGE

# distilbert-base-uncased's config.json as it was published, by Transformers 2.8
PUBLISHED = {
    "activation": "gelu",
    "architectures": ["DistilBertForMaskedLM"],
    "attention_dropout": 0.1,
    "dim": 768,
    "dropout": 0.1,
    "hidden_dim": 3072,
    "initializer_range": 0.02,
    "max_position_embeddings": 512,
    "model_type": "distilbert",
    "n_heads": 12,
    "n_layers": 6,
    "pad_token_id": 0,
    "qa_dropout": 0.1,
    "seq_classif_dropout": 0.2,
    "sinusoidal_pos_embds": False,
    "tie_weights_": True,
    "transformers_version": "4.10.0.dev0",
    "vocab_size": 30522,
}


def test_the_defaults_are_distilbert_base_uncased() -> None:
    assert DistilBertConfig.from_dict(PUBLISHED) == DistilBertConfig(architectures=("DistilBertForMaskedLM",))


# keys and spellings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("vocab_size", 7, "vocab_size", 7),
        ("max_position_embeddings", 9, "max_position_embeddings", 9),
        ("dim", 16, "dim", 16),
        ("hidden_size", 16, "dim", 16),
        ("d_model", 16, "dim", 16),
        ("n_layers", 3, "n_layers", 3),
        ("num_hidden_layers", 3, "n_layers", 3),
        ("n_heads", 2, "n_heads", 2),
        ("num_attention_heads", 2, "n_heads", 2),
        ("hidden_dim", 20, "hidden_dim", 20),
        ("intermediate_size", 20, "hidden_dim", 20),
        ("activation", "relu", "activation", Activation.relu),
        ("hidden_act", "relu", "activation", Activation.relu),
        ("dropout", 0.3, "dropout", 0.3),
        ("hidden_dropout_prob", 0.3, "dropout", 0.3),
        ("attention_dropout", 0, "attention_dropout", 0),
        ("attention_probs_dropout_prob", 0.4, "attention_dropout", 0.4),
        ("qa_dropout", 0.5, "qa_dropout", 0.5),
        ("seq_classif_dropout", 0.6, "seq_classif_dropout", 0.6),
        ("initializer_range", 0.05, "initializer_range", 0.05),
        ("sinusoidal_pos_embds", True, "sinusoidal_pos_embds", True),
        ("tie_word_embeddings", False, "tie_word_embeddings", False),
        ("tie_weights_", False, "tie_word_embeddings", False),
        ("pad_token_id", 5, "pad_token_id", 5),
        ("pad_token_id", None, "pad_token_id", None),
        ("output_hidden_states", True, "output_hidden_states", True),
        ("output_attentions", True, "output_attentions", True),
        ("problem_type", "regression", "problem_type", "regression"),
        ("architectures", ["DistilBertModel"], "architectures", ("DistilBertModel",)),
        ("architectures", "DistilBertModel", "architectures", ("DistilBertModel",)),
        ("num_labels", 3, "labels", ("LABEL_0", "LABEL_1", "LABEL_2")),
    ],
)
def test_every_key_and_spelling(key: str, value: object, field: str, expected: object) -> None:
    spellings = {"hidden_size": "dim", "d_model": "dim", "num_hidden_layers": "n_layers"}
    spellings |= {"num_attention_heads": "n_heads", "intermediate_size": "hidden_dim"}
    values = BASE | {key: value}
    if key in spellings:
        del values[spellings[key]]
    config = DistilBertConfig.from_dict(values)
    assert getattr(config, field) == expected
    # nothing else has changed
    assert dataclasses.replace(config, **{field: getattr(DistilBertConfig.from_dict(BASE), field)}) == (
        DistilBertConfig.from_dict(BASE)
    )


def test_both_spellings_may_stand_together_if_they_agree() -> None:
    assert DistilBertConfig.from_dict(BASE | {"hidden_size": 8}).dim == 8
    with pytest.raises(ConfigError, match=r"hidden_size=16 contradicts dim=8"):
        DistilBertConfig.from_dict(BASE | {"hidden_size": 16})


@pytest.mark.parametrize(
    "key", ["activation", "dropout", "tie_weights_", "output_attentions", "problem_type", "id2label"]
)
def test_null_is_not_set(key: str) -> None:
    """rust-bert writes null for options, and Transformers for a few."""
    assert DistilBertConfig.from_dict(BASE | {key: None}) == DistilBertConfig.from_dict(BASE)


def test_a_config_as_rust_bert_writes_it() -> None:
    nulls = ("id2label", "label2id", "is_decoder", "output_attentions", "output_hidden_states", "output_past")
    values = dict.fromkeys((*nulls, "torchscript", "use_bfloat16"))
    config = DistilBertConfig.from_dict(
        PUBLISHED | values | {"activation": "swish", "sinusoidal_pos_embds": True, "tie_weights_": False}
    )
    assert config.activation is Activation.silu
    assert (config.sinusoidal_pos_embds, config.tie_word_embeddings) == (True, False)
    # what it asks for to read a config of ours
    written = config.to_dict()
    rust = {"activation", "attention_dropout", "dim", "dropout", "hidden_dim", "initializer_range", "n_heads"}
    rust |= {"max_position_embeddings", "n_layers", "qa_dropout", "seq_classif_dropout", "sinusoidal_pos_embds"}
    assert rust | {"tie_weights_", "vocab_size"} <= written.keys()
    assert written["tie_weights_"] is False


def test_a_config_as_transformers_4_writes_it() -> None:
    """Version 4 leaves out what is its default, and knows `tie_weights_` no more."""
    values = PUBLISHED | {
        "_name_or_path": "distilbert-base-uncased",
        "architectures": ["DistilBertForSequenceClassification"],
        "finetuning_task": "sst-2",
        "id2label": {"0": "NEGATIVE", "1": "POSITIVE"},
        "label2id": {"NEGATIVE": 0, "POSITIVE": 1},
        "problem_type": "single_label_classification",
        "torch_dtype": "float32",
    }
    config = DistilBertConfig.from_dict(values)
    assert config.labels == ("NEGATIVE", "POSITIVE")
    assert config.num_labels == 2
    assert dict(config.extra)["finetuning_task"] == "sst-2"


def test_configs_as_the_installed_transformers_writes_them(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.DistilBertConfig(
        vocab_size=77, dim=24, n_heads=3, n_layers=5, hidden_dim=10, activation="gelu_new", dropout=0.25,
        max_position_embeddings=33, num_labels=3, problem_type="multi_label_classification", pad_token_id=None,
        tie_word_embeddings=False,
    )  # fmt: skip
    theirs.architectures = ["DistilBertForTokenClassification"]
    theirs.save_pretrained(tmp_path)
    ours = DistilBertConfig.from_file(tmp_path)
    assert ours.labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    assert ours.activation is Activation.gelu_new
    for name in ("vocab_size", "dim", "n_heads", "n_layers", "hidden_dim", "dropout", "pad_token_id", "problem_type"):
        assert getattr(ours, name) == getattr(theirs, name), name
    # and Transformers reads ours as it was
    (tmp_path / "config.json").write_text(json.dumps(ours.to_dict()))
    again = transformers.DistilBertConfig.from_pretrained(tmp_path)
    both = theirs.to_dict().keys() & again.to_dict().keys() - {"transformers_version"}
    assert {key: again.to_dict()[key] for key in both} == {key: theirs.to_dict()[key] for key in both}


@pytest.mark.parametrize("name", list(Activation.__members__))
def test_transformers_has_every_activation_as_we_write_it(name: str) -> None:
    activations = pytest.importorskip("transformers.activations")
    written = DistilBertConfig.from_dict(BASE | {"activation": name}).to_dict()["activation"]
    assert written in activations.ACT2FN


def test_round_trip_through_a_dict_and_a_file(tmp_path: Path) -> None:
    config = DistilBertConfig.from_dict(
        BASE
        | {
            "activation": "mish",
            "id2label": {"1": "nein ⚡", "0": 'a "b"\n'},
            "problem_type": "regression",
            "tie_weights_": False,
            "pad_token_id": None,
            "architectures": ["DistilBertForSequenceClassification"],
            "something_new": {"deep": [1, None]},
        }
    )
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    for again in (
        DistilBertConfig.from_dict(config.to_dict()),
        DistilBertConfig.from_file(tmp_path / "config.json"),
        DistilBertConfig.from_file(str(tmp_path)),
        pickle.loads(pickle.dumps(config)),
        copy.deepcopy(config),
    ):
        assert again == config
        assert hash(again) == hash(config)
        assert again.to_dict() == config.to_dict()
        assert again.extra == {"something_new": {"deep": [1, None]}}


def test_a_config_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DistilBertConfig().dim = 4  # type: ignore[misc]


# labels -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ({}, ("LABEL_0", "LABEL_1")),
        ({"id2label": {}}, ("LABEL_0", "LABEL_1")),
        ({"id2label": {"0": "a"}}, ("a",)),
        ({"id2label": {"1": "b", "0": "a"}}, ("a", "b")),
        ({"id2label": {1: "b", 0: "a"}}, ("a", "b")),
        ({"id2label": {str(i): f"l{i}" for i in range(11)}}, tuple(f"l{i}" for i in range(11))),
        ({"id2label": {"0": 5, "1": 1}}, ("5", "1")),  # ratings written as numbers
        ({"id2label": {"0": False, "1": True}}, ("False", "True")),
        ({"id2label": {"0": 1.0, "1": 2.5, "2": None}}, ("1.0", "2.5", "None")),
        ({"id2label": ["a", "b", 3]}, ("a", "b", "3")),
        ({"id2label": {"0": "same", "1": "same"}}, ("same", "same")),
        ({"id2label": {"0": "", "1": "\0 \u202e✗"}}, ("", "\0 \u202e✗")),
        ({"label2id": {"b": 1, "a": 0}}, ("a", "b")),
        ({"label2id": {"b": "1", "a": "0"}}, ("a", "b")),
        ({"id2label": {"0": "a"}, "label2id": {"of another model": 3}}, ("a",)),
        ({"num_labels": 1}, ("LABEL_0",)),
        ({"num_labels": 2, "id2label": {"0": "a", "1": "b"}}, ("a", "b")),
        ({"labels": ["our own field is no key"]}, ("LABEL_0", "LABEL_1")),
    ],
)
def test_labels_in_every_form(values: dict[str, object], labels: tuple[str, ...]) -> None:
    config = DistilBertConfig.from_dict(BASE | values)
    assert config.labels == labels
    assert DistilBertConfig.from_dict(config.to_dict()).labels == labels


# what only training reads ------------------------------------------------------------------------------

UNREAD = [
    *[(key, value) for key in ("dropout", "attention_dropout", "qa_dropout", "seq_classif_dropout")
      for value in (-0.1, 1, math.nan, math.inf, "0.1", True, [])],
    *[("initializer_range", value) for value in (-1, math.nan, math.inf, "0.02", 10**400)],
    *[(key, value) for key in ("sinusoidal_pos_embds", "output_hidden_states", "output_attentions")
      for value in (0, 1, "true", [])],
    *[("pad_token_id", value) for value in (-2, HUGE, 0.0, "0", False)],
    ("hidden_dropout_prob", 7), ("attention_probs_dropout_prob", "none"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), UNREAD, ids=lambda value: str(value)[:20])
def test_what_only_training_reads_stops_only_training(key: str, value: object) -> None:
    config = DistilBertConfig.from_dict(BASE | {key: value})
    assert config == DistilBertConfig.from_dict(BASE)
    name = {"hidden_dropout_prob": "dropout", "attention_probs_dropout_prob": "attention_dropout"}.get(key, key)
    with pytest.raises(ConfigError, match=rf"^model.config\.json: {name} must be "):
        config.for_training(Path("model"))
    assert DistilBertConfig.from_dict(BASE).for_training(Path("model")) == DistilBertConfig.from_dict(BASE)


@pytest.mark.parametrize(
    ("leftover", "value", "key", "right"),
    [
        ("hidden_dropout_prob", 0.3, "dropout", 0.1),
        ("attention_probs_dropout_prob", 0.3, "attention_dropout", 0.1),
        ("intermediate_size", 99, "hidden_dim", 12),
        ("intermediate_size", "broken", "hidden_dim", 12),
        ("hidden_act", "relu", "activation", Activation.gelu),
        ("hidden_act", "no_such", "activation", Activation.gelu),
        ("d_model", 99, "dim", 8),
        ("tie_weights_", True, "tie_word_embeddings", False),
        ("tie_weights_", "broken", "tie_word_embeddings", False),
    ],
)
def test_another_models_spelling_does_not_count_beside_our_own(
    leftover: str, value: object, key: str, right: object
) -> None:
    """As in Transformers: its DistilBertConfig takes them as keys without a meaning, and saves them."""
    stored = {key: right.value if isinstance(right, Activation) else right}
    for values in (stored | {leftover: value}, {leftover: value} | stored):
        assert getattr(DistilBertConfig.from_dict(BASE | values), key) == right


@pytest.mark.parametrize("value", ["classification", 1, ["regression"], {}])
def test_an_unknown_problem_type_waits_for_who_reads_it(value: object) -> None:
    config = DistilBertConfig.from_dict(BASE | {"problem_type": value})
    assert config.problem_type is None
    with pytest.raises(
        ConfigError, match=r"model.config\.json: problem_type must be one of regression, .* or null, not "
    ):
        config.check_problem_type(Path("model"))
    assert config.to_dict()["problem_type"] == value  # written as it was read


@pytest.mark.parametrize(
    "values",
    [
        *[{"id2label": given} for given in (
            "ab", 5, {"x": "a"}, {"0": "a", "2": "b"}, {"1": "a"}, {"0": "a", "00": "b"}, {"0": ["a"]},
            {"0": {"a": 1}}, {"0": "\ud800"}, {"-1": "a"}, {"0.0": "a"}, {str(10**30): "a"})],
        {"num_labels": 4, "id2label": {"0": "a", "1": "b"}},
        {"id2label": {"0": "a", "1": "b"}},
    ],
)  # fmt: skip
def test_labels_that_cannot_be_stop_only_a_head_with_labels(values: dict[str, object]) -> None:
    config = DistilBertConfig.from_dict(BASE | values)
    with pytest.raises(ConfigError, match="id2label"):
        config.for_head(3)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ({"num_labels": 3, "id2label": {"0": "LABEL_0", "1": "LABEL_1"}}, ("LABEL_0", "LABEL_1", "LABEL_2")),
        ({"num_labels": 3, "id2label": {"0": "a", "1": "b"}}, ("LABEL_0", "LABEL_1", "LABEL_2")),  # as Transformers
        ({"num_labels": 2, "id2label": {"0": "a", "1": "b", "2": "c"}}, ("a", "b", "c")),
        ({"num_labels": 5, "id2label": {"0": "a", "1": "b", "2": "c"}}, ("a", "b", "c")),
        ({}, ("LABEL_0", "LABEL_1", "LABEL_2")),
        ({"num_labels": 2}, ("LABEL_0", "LABEL_1", "LABEL_2")),
        *[({"num_labels": number}, ("LABEL_0", "LABEL_1", "LABEL_2")) for number in (0, -1, 3.0, "3", True, 10**7, [])],
        *[({"label2id": given}, ("LABEL_0", "LABEL_1", "LABEL_2"))  # which Transformers never reads
          for given in (["a"], {"a": 1}, {"a": "x"}, {"a": [0]}, {"a": math.nan}, {"a": math.inf}, {"a": 0, "b": 0})],
        ({"label2id": {"a": 0, "b": 1, "c": 2}}, ("a", "b", "c")),
        ({"id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": "odd", "b": None}}, ("a", "b", "c")),
    ],
)  # fmt: skip
def test_the_shape_of_the_head_decides(values: dict[str, object], labels: tuple[str, ...]) -> None:
    config = DistilBertConfig.from_dict(BASE | values).for_head(3)
    assert config.labels == labels
    assert "num_labels" not in config.to_dict()
    assert DistilBertConfig.from_dict(config.to_dict()).labels == labels


def test_the_page_lists_every_key_and_what_reads_it() -> None:
    from distilbert.config_keys import KEYS

    page = (Path(__file__).parents[1] / "docs" / "model_folders.md").read_text(encoding="utf-8")
    section = page.partition("## The keys of config.json")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "| `" in line]
    assert {cell[0].strip("`"): (cell[1].replace("`", ""), cell[2]) for cell in cells} == {
        name: (", ".join((*key.same_as, *key.also)), key.read_by) for name, key in KEYS.items()
    }
