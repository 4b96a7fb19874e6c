"""A config that cannot be right is refused with its file and field, and one of another model with what it is."""

import json
import math
import os
from pathlib import Path

import pytest

from distilbert import ConfigError, DistilBertConfig
from helpers.configs import BASE, HUGE

WRONG = [
    *[(key, value) for key in BASE for value in (0, -1, HUGE, 8.0, "8", True, [8], {}, math.nan, 10**4000)],
    ("n_layers", 1025),
    *[("tie_word_embeddings", value) for value in (0, 1, "true", [])],
    *[("activation", value) for value in ("gelu_10", 1, ["gelu"], {"gelu": 1})],
    *[("architectures", value) for value in (5, [1], {"a": 1}, ["\ud800"])],
    ("model_type", 7),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG, ids=lambda value: str(value)[:20])
def test_a_wrong_value_is_named_with_file_and_field(key: str, value: object, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(BASE | {key: value}))
    with pytest.raises(ConfigError) as caught:
        DistilBertConfig.from_file(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert key in message
    assert message.isprintable()  # one line
    assert len(message) < len(str(path)) + 300


@pytest.mark.parametrize("key", list(BASE))
@pytest.mark.parametrize("value", ["missing", "null"])
def test_a_missing_key_is_named(key: str, value: str, tmp_path: Path) -> None:
    values: dict[str, object] = BASE | {key: None}
    if value == "missing":
        del values[key]
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(ConfigError, match=rf"config\.json: {key} missing"):
        DistilBertConfig.from_file(tmp_path)


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ConfigError, match="dim=8 is not a multiple of n_heads=3"):
        DistilBertConfig.from_dict(BASE | {"n_heads": 3})


@pytest.mark.parametrize(
    "values",
    [
        {"model_type": "bert"},
        {"architectures": ["BertForMaskedLM"]},  # files older than the key model_type
        {"type_vocab_size": 2},
    ],
)
def test_a_bert_is_told_how_to_become_a_distilbert(values: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(BASE | values))
    with pytest.raises(ConfigError, match=r"config\.json: this is a BERT, not a DistilBERT; `distilbert convert"):
        DistilBertConfig.from_file(tmp_path)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"model_type": "roberta"}, "roberta"),
        ({"model_type": "modernbert", "architectures": ["ModernBertModel"]}, "modernbert"),
        ({"architectures": ["XLNetLMHeadModel"]}, "XLNetLMHeadModel"),
        ({"model_type": "x" * 10_000}, "xxx"),
        ({"model_type": {"deep": {"deep": {}}}}, "deep"),
    ],
)
def test_another_architecture_is_called_by_its_name(values: dict[str, object], name: str) -> None:
    with pytest.raises(ConfigError, match=f"this is a .*{name}.*; only a DistilBERT runs here") as caught:
        DistilBertConfig.from_dict(values)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"dim": 1e}', "not valid JSON"),
        (b"\xff\xfe{}", "not UTF-8 text"),
        (b"[]", r"must hold an object, not \[\]"),
        (b"null", "must hold an object, not None"),
        (b"[" * 200_000 + b"]" * 200_000, "not valid JSON"),
        (b'{"a":' * 100_000, "not valid JSON"),
        (b'{"dim": ' + b"9" * 10_000 + b"}", "not valid JSON"),
        (b"[" + b'"x",' * 10_000 + b'"x"]', "must hold an object"),
        (b'{"dim": "' + b"x" * 100_000 + b'"}', "dim must be a whole number"),
    ],
    ids=["empty", "cut", "syntax", "encoding", "list", "null", "deep", "deep and cut", "digits", "long", "long string"],
)
def test_a_broken_file_is_named_in_one_short_line(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=reason) as caught:
        DistilBertConfig.from_file(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 300


@pytest.mark.parametrize("depth", [50, 900, 5_000, 50_000])
@pytest.mark.parametrize("key", ["dim", "id2label", "model_type", "architectures", "extra"])
def test_nested_values_of_any_depth(key: str, depth: int, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    deep = "[" * depth + "]" * depth
    given = {name: value for name, value in BASE.items() if name != key}
    path.write_text(json.dumps(given)[:-1] + f', "{key}": {deep}, "hidden_size": {deep if key == "dim" else 8}}}')
    message = _refusal(path)
    assert message or key in ("extra", "id2label")  # kept as it is
    assert len(message) < len(str(path)) + 300


def _refusal(path: Path) -> str:
    try:
        DistilBertConfig.from_file(path)
    except ConfigError as error:
        return str(error)
    return ""


def test_a_key_that_stands_twice_counts_as_in_every_json_reader(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(BASE)[:-1] + ', "dim": 16}')
    assert DistilBertConfig.from_file(tmp_path).dim == 16


def test_no_file_no_folder_a_folder_a_pipe_and_a_name_too_long(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "device").symlink_to("/dev/zero")
    places = ["nowhere", "pipe", "loop", "device", "x" * 5000, "nul\0", ""]
    for name in places:
        message = _refusal(tmp_path / name)
        reasons = ("no such file", "not a file", "cannot be read", "is a link to 'loop', where there is nothing")
        assert any(reason in message for reason in reasons), name


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a sparse file: a terabyte of zeros on no disk space
    with pytest.raises(ConfigError, match="has more than 256 MB"):
        DistilBertConfig.from_file(path)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text("{}")

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(ConfigError, match=r"config\.json: cannot be read \(Permission denied\)"):
        DistilBertConfig.from_file(tmp_path)


def test_the_constructor_checks_as_well() -> None:
    with pytest.raises(ConfigError, match="dim must be"):
        DistilBertConfig(dim=0)
    with pytest.raises(ConfigError, match=r"activation must be an Activation, not 'gelu'"):
        DistilBertConfig(activation="gelu")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="labels must be a tuple of strings"):
        DistilBertConfig(labels=["a"])  # type: ignore[arg-type]
