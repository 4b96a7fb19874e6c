"""The distribution `distilbert-starter` in the repository: its models open, are small, and say what they are."""

import json
from pathlib import Path

import pytest

import distilbert
from distilbert.cli import main
from distilbert.cli.demo_command import _SECTIONS
from distilbert.folder.starters import starters

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "starter" / "src" / "distilbert_starter"
FOLDERS = sorted(path.parent.name for path in PACKAGE.glob("*/config.json"))


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(PACKAGE.parent)


def test_they_are_small_and_data_alone() -> None:
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= 95e6
    assert [path.relative_to(PACKAGE).as_posix() for path in files if path.suffix == ".py"] == ["__init__.py"]


@pytest.mark.parametrize("name", FOLDERS)
def test_a_card_says_what_it_is(name: str) -> None:
    card = (PACKAGE / name / "README.md").read_text(encoding="utf-8")
    for title in ("Made of", "Scores", "Limits", "For production"):
        assert f"\n## {title}\n" in card
    scores = json.loads((ROOT / "recipes" / "results" / f"starter-{name}.json").read_text(encoding="utf-8"))
    rows = [
        f"| {what} | {metric} | {found['value']:.3f} | {found['low']:.3f} to {found['high']:.3f} |"
        for what, metrics in scores.items()
        for metric, found in metrics.items()
    ]
    assert rows
    assert [row for row in rows if row not in card] == []
    assert f"starter/{name}`" in (ROOT / "starter" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FOLDERS)
def test_its_weights_are_int8(name: str) -> None:
    config = json.loads((PACKAGE / name / "config.json").read_text(encoding="utf-8"))
    assert config["quantization_config"]["word_bits"] == 4


def test_embed_knows_what_texts_are_about() -> None:
    embed = distilbert.load("starter/embed")
    near, far = embed.similarity("a moving love story", ["two hearts find each other", "the car needs new tyres"])
    assert near > far + 0.2


def test_sentiment_knows_good_from_bad() -> None:
    classify = distilbert.load("starter/sentiment")
    texts = ["a charming and often affecting journey", "a dull , lifeless and overlong mess"]
    assert [result.label for result in classify(texts)] == ["positive", "negative"]


def test_zero_shot_is_embed_with_labels_of_ones_own() -> None:
    zero = distilbert.load("starter/zero-shot")
    best, *_ = zero("the team won the match in the last minute", ["sport", "money", "medicine"])
    assert best.label == "sport"


def test_qa_knows_where_an_answer_stands() -> None:
    answer = distilbert.load("starter/qa")
    context = "The bridge was opened by Queen Victoria in 1859, and carries the railway over the river Tamar."
    assert answer("Who opened the bridge?", context).text == "Queen Victoria"
    assert answer("When was the bridge opened?", context).text == "1859"


def test_fill_mask_knows_what_is_opened() -> None:
    fills = distilbert.load("starter/fill-mask")("She opened the [MASK] and went into the garden.")
    assert fills[0].token == "door"


def test_ner_knows_persons_and_places() -> None:
    found = distilbert.load("starter/ner")("Angela Merkel met Emmanuel Macron in Paris.")
    assert [(entity.label, entity.text) for entity in found] == [
        ("PER", "Angela Merkel"),
        ("PER", "Emmanuel Macron"),
        ("LOC", "Paris"),
    ]


def test_the_demo_shows_each_in_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert list(_SECTIONS) == [name for name in _SECTIONS if any(line.endswith(name) for line in lines)]
    assert set(_SECTIONS) == set(starters())
