"""Memory does not ratchet up: over many calls with texts of every length, and over a long stream."""

import itertools
from pathlib import Path

import pytest

import distilbert
from conftest import Maker

pytestmark = pytest.mark.slow


def resident() -> float:
    """MB that this process holds now."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("this system does not tell")
    return int(status.read_text().partition("VmRSS:")[2].split()[0]) / 1024


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_ten_thousand_calls(make_checkpoint: Maker, sentences: list[str], precision: str) -> None:
    classifier = distilbert.load(make_checkpoint(dim=64, hidden_dim=256), precision=precision)
    texts = itertools.cycle([*sentences, " ".join(sentences)])
    for _ in range(1000):
        classifier(next(texts))
    warm = resident()
    for _ in range(10_000):
        classifier(next(texts))
    assert resident() <= 1.05 * warm


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_stream_of_a_hundred_thousand_texts(make_checkpoint: Maker, sentences: list[str], precision: str) -> None:
    classifier = distilbert.load(make_checkpoint(dim=64, hidden_dim=256), precision=precision)
    results = classifier.stream(" ".join(text.split()[:4]) for text in itertools.cycle(sentences))
    for _ in itertools.islice(results, 20_000):
        pass
    warm = resident()
    for _ in itertools.islice(results, 100_000):
        pass
    assert resident() <= 1.05 * warm
