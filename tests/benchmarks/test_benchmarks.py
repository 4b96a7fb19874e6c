"""Every benchmark runs to its table and its file, on a small model: what it measures is not looked at."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("accelerate")
pytest.importorskip("transformers")

import distilbert
from distilbert import DistilBertConfig
from distilbert.cli import main
from distilbert.folder.checkpoint import Head
from helpers.scripts import ROOT, scripts

SMALL = {"dim": 64, "n_layers": 2, "n_heads": 2, "hidden_dim": 128}


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch, minilm: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a benchmark, for which DistilBERT-base is a small model."""
    with scripts("benchmarks") as script:
        common = script("common")
        assert common.trained_model() == minilm
        monkeypatch.setattr(common, "DistilBertConfig", lambda: DistilBertConfig(**SMALL))
        # checkpoints are made in a process of their own, which would import PyTorch each time
        monkeypatch.setattr(script("growth"), "ProcessPoolExecutor", lambda count, context: ThreadPoolExecutor(count))
        yield script


@pytest.fixture
def measured(
    benchmark: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., dict[str, Any]]:
    """Runs a benchmark: what it saved."""

    def run(name: str, *arguments: object) -> dict[str, Any]:
        saved = tmp_path / f"{name}.json"
        monkeypatch.setattr("sys.argv", [f"{name}.py", *map(str, arguments), "--save", str(saved)])
        benchmark(name).main()
        return dict(json.loads(saved.read_text()))

    return run


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_imports(path: Path, benchmark: Callable[[str], ModuleType]) -> None:
    pytest.importorskip("fastapi")  # pipeline_server's
    assert benchmark(path.stem).__doc__


def test_operators(measured: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTILBERT_ENGINE", "onnx")  # as the benchmark sets it, and put back
    found = measured("operators", "--rounds", 1)
    assert len(found["float32"]["matrix products"]) == len(found["columns"]) == 4


def test_quantization(
    benchmark: Callable[[str], ModuleType],
    measured: Callable[..., dict[str, Any]],
    make_checkpoint: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quantization = benchmark("quantization")
    small = make_checkpoint(Head.NONE)
    monkeypatch.setattr(quantization.common, "trained_model", lambda: small)
    monkeypatch.setattr(quantization, "IN_FLOAT32", (1,))
    found = measured("quantization", "--texts", 5, "--rounds", 1)["mixtures"]
    assert [*found] == ["float32", *quantization.MIXTURES, *list(found)[-1:]]
    assert found["float32"]["times float32's speed"] == 1
    assert 0.9 < found["int8, the default"]["cosine"] < 1.0001


def test_explain(measured: Callable[..., dict[str, Any]], make_checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    model = make_checkpoint()
    shares = []
    for share in (1, 2):
        found = measured("explain", "--model", model, "--count", 3, "--share", f"{share}/2")
        assert found["texts"] == 3 - share
        shares.append((tmp_path / "explain.json").rename(tmp_path / f"{share}.json"))
    found = measured("explain", "--join", *shares)
    assert found["texts"] == 3
    for method in ("leave-one-out", "integrated-gradients"):
        for mean, low, high in found[method].values():
            assert low <= mean <= high


@pytest.mark.slow
def test_bulk(measured: Callable[..., dict[str, Any]], make_checkpoint: Callable[..., Path]) -> None:
    pytest.importorskip("pyarrow")
    model = make_checkpoint()
    assert [run["run"] for run in measured("bulk", model, "--rows", 300)["runs"]] == [
        "stream",
        "bulk, parquet",
        "bulk, csv",
    ]
    runs = measured("bulk", model, "--memory", "--rows", 100, 200, "--words", 3, "--formats", "csv")["runs"]
    assert [run["rows"] for run in runs[3:]] == [100, 200]


@pytest.mark.slow
def test_inference(
    benchmark: Callable[[str], ModuleType], measured: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark("inference"), "SPIN", 0)
    found = measured("inference", "--rounds", 1, "--texts", 8)
    assert {"ragged", "one", "windows", "entities", "fill-mask"} <= found.keys()


@pytest.mark.slow
def test_gpu(measured: Callable[..., dict[str, Any]]) -> None:
    found = measured("gpu", "--device", "cpu", "--rounds", 1, "--texts", 8)
    assert len(found["texts_per_second"]) == 10


@pytest.mark.slow
def test_growth(
    measured: Callable[..., dict[str, Any]], benchmark: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    growth = benchmark("growth")
    monkeypatch.setattr(growth, "ROUNDS", 1)
    plain = growth.checkpoint
    monkeypatch.setattr(growth, "checkpoint", lambda folder, **sizes: plain(folder, **{**SMALL, **sizes}))
    found = measured("growth", "--texts", 50)
    assert found["texts of a stream"]["texts"] == [5.0 * n for n in range(1, 11)]


@pytest.mark.slow
def test_training(measured: Callable[..., dict[str, Any]]) -> None:
    found = measured("training", "--rounds", 1, "--texts", 40)
    assert found["apart"] < 1e-4
    assert len(found["tokens_per_second"]) == 3
    assert all(0 < share < 1 for share in found["matrix_share"].values())


@pytest.mark.slow
def test_convert(measured: Callable[..., dict[str, Any]]) -> None:
    assert "Transformers" in measured("convert", "--rounds", 1)["figures"]


@pytest.mark.slow
def test_search(
    measured: Callable[..., dict[str, Any]],
    benchmark: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    sentences: list[str],
) -> None:
    search = benchmark("search")
    monkeypatch.setattr(search, "MILLION", 1000)
    monkeypatch.setattr(search, "QUERIES", 10)
    (tmp_path / "texts.txt").write_text("\n\n".join(sentences[:100]))
    found = measured("search", tmp_path, "--rounds", 1, "--vectors", tmp_path / "vectors.npy")
    assert found["binary"]["exact, float32"]["recall"] == 1
    assert len(found["exact"]) == 3
    assert found["sentences"] == measured("search", tmp_path, "--vectors", tmp_path / "vectors.npy")["sentences"]


@pytest.mark.slow
def test_cold_start(measured: Callable[..., dict[str, Any]]) -> None:
    assert len(measured("cold_start", "--rounds", 1)["seconds"]) == 5


@pytest.mark.slow
def test_distilled(
    measured: Callable[..., dict[str, Any]], benchmark: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    student = benchmark("common").base_checkpoint(tmp_path / "student")
    assert len(measured("distilled", student, "--rounds", 1)["texts_per_second"]) == 3


@pytest.mark.slow
def test_serving(measured: Callable[..., dict[str, Any]]) -> None:
    pytest.importorskip("fastapi")
    found = measured("serving", "--seconds", 0.2, "--clients", 2)
    assert set(found) > {"machine"}


@pytest.mark.slow
def test_training_defaults(
    benchmark: Callable[[str], ModuleType], folded_minilm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = benchmark("training_defaults")
    for model, kept in (("2x384", 2), ("6x768", 6)):
        script.build(folded_minilm, model, tmp_path / model)
        assert distilbert.load(tmp_path / model).config.n_layers == kept
    same, wide = (distilbert.load(folder)(["a text", "another"]) for folder in (folded_minilm, tmp_path / "6x768"))
    np.testing.assert_allclose(wide @ wide.T, same @ same.T, atol=1e-5)
    assert len({*script.grid(0)}) == 3 * 48 + 8
    first = next(iter(script.grid(0)))
    rows = [
        {"job": dataclasses.asdict(first) | {"seed": seed}, "metric": "f1", "scores": {"f1": 0.5}} for seed in (0, 1)
    ]
    (tmp_path / "found.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    script.table(tmp_path / "found.jsonl")
    assert "| 2 | 0.500 ± 0.000 | +0.000 |" in capsys.readouterr().out


def test_tables(
    benchmark: Callable[[str], ModuleType],
    measured: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tables = benchmark("tables")
    for name in ("FEW", "REPORTED"):
        monkeypatch.setattr(tables, name, 40)
    # the command in this process: its imports would be most of the test
    monkeypatch.setattr(tables.common, "process_cost", lambda command: (float(main(command[3:])), 1.0))
    found = measured("tables", "--rows", 60, "--resamples", 5)
    assert set(found["memory"]["costs"]) == {"40", "60"}
    seconds, share = found["reading"]["seconds"], found["reading"]["reading_share"]
    assert share == pytest.approx(seconds["reading"] / seconds["evaluating"])
    assert 0.02 < found["report"]["mb"] < 2
    assert "| 60 rows |" in capsys.readouterr().out


def test_few_shot(
    benchmark: Callable[[str], ModuleType],
    folded_minilm: Path,
    tmp_path: Path,
    sentences: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = benchmark("few_shot")
    (tmp_path / "encoder").symlink_to(folded_minilm)
    rows = [{"text": text, "label": ("no", "yes")["the" in text.split()]} for text in sentences[:30]]
    for task in script.TASKS:
        for part, chosen in {"train": rows[:20], "test": rows[20:]}.items():
            (tmp_path / f"{task}.{part}.jsonl").write_text("\n".join(map(json.dumps, chosen)) + "\n")
    out = tmp_path / "found.jsonl"
    for _ in range(2):  # what is there is not run again
        script.run(tmp_path, out, [3], [0, 1], ["head-only"], list(script.TASKS))
    assert len(out.read_text().splitlines()) == 4
    assert len(script.drawn(tmp_path / "topics.train.jsonl", 3, 0)) == 6
    script.run(tmp_path, out, [3], [0], ["few-shot"], ["topics"], max_steps=1)
    script.table(out)
    printed = capsys.readouterr().out
    assert "| topics, 3 a class, head-only | 2 | 0." in printed
    assert "| topics, 3 a class, few-shot, max_steps 1 | 1 | 0." in printed


def test_operations_of_a_step(benchmark: Callable[[str], ModuleType]) -> None:
    import transformers

    model = transformers.DistilBertForSequenceClassification(
        transformers.DistilBertConfig(dim=8, n_layers=2, n_heads=2, hidden_dim=16, vocab_size=30)
    )
    # two layers of four products of 8 by 8 and two of 8 by 16, forward and twice backward; attention of 3 by 3 tokens
    assert benchmark("training").step_operations(model, [3]) == 3 * (2 * 2 * (4 * 64 + 2 * 128) * 3 + 4 * 2 * 8 * 9)
