"""The classic example: the words that it shows are those that the model has learnt, and Transformers sees the same."""

import re
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from conftest import Maker  # noqa: E402
from distilbert import HubError  # noqa: E402
from distilbert.folder.checkpoint import Head  # noqa: E402

EXAMPLE = Path(__file__).parents[2] / "examples" / "masked_lm.py"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(EXAMPLE.parent)
    import masked_lm

    return masked_lm


def predictions(printed: str) -> list[list[tuple[str, float]]]:
    """The words and probabilities printed under each sentence."""
    blocks = re.split(r"^\S.*\n", printed, flags=re.MULTILINE)[1:]
    return [[(word, float(p)) for word, p in re.findall(r"^    (\S+) +([\d.]+)$", b, re.MULTILINE)] for b in blocks]


def test_offline_it_trains_a_model_and_shows_real_words(example: Any, capsys: pytest.CaptureFixture[str]) -> None:
    example.main()
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if not line.startswith(" ")] == [
        "looks like one [MASK] is missing",
        "it ' s like comparing [MASK]s to apples",
    ]
    first, second = predictions(printed)
    assert [word for word, _ in first] == ["person", "thing", "piece"]
    assert [word for word, _ in second] == ["pear", "orange", "plum"]
    for words in (first, second):  # three, two and one of six sentences hold them
        assert [p for _, p in words] == pytest.approx([3 / 6, 2 / 6, 1 / 6], abs=0.05)


def test_transformers_finds_the_same_words(example: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example.make_small_model(tmp_path, steps=20)
    example.print_missing_words(tmp_path)
    model = transformers.DistilBertForMaskedLM.from_pretrained(tmp_path).eval()
    tokenizer = transformers.BertTokenizerFast(str(tmp_path / "vocab.txt"))
    ids = tokenizer(
        list(example.SENTENCES), max_length=128, truncation=True, padding=True, return_tensors="pt"
    ).input_ids
    assert ids.shape == (2, 11)
    assert ids[0, 8:].tolist() == [0, 0, 0]
    ids[0, 4] = ids[1, 6] = 103
    with torch.no_grad():
        logits = model(ids).logits
    for words, scores in zip(predictions(capsys.readouterr().out), (logits[0, 4], logits[1, 6]), strict=True):
        best = scores.softmax(-1).topk(3)
        assert [word for word, _ in words] == tokenizer.convert_ids_to_tokens(best.indices)
        assert [p for _, p in words] == pytest.approx(best.values.tolist(), abs=6e-4)


def test_it_runs_on_any_folder(example: Any, make_checkpoint: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    example.main(str(make_checkpoint(Head.MASKED_LM)))
    assert [len(words) for words in predictions(capsys.readouterr().out)] == [3, 3]
    with pytest.raises(HubError, match="no such folder"):
        example.main("./nowhere")
