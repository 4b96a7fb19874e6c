"""Code on pages that no other test runs: every command is understood, and every Python block does what it says."""

import dataclasses
import inspect
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import Maker
from distilbert.cli.main import parse
from distilbert.folder.checkpoint import Head

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "recipes" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^(?:\$ )?|\| )distilbert ([a-z].*?)(?= \| | &$| > |$)", re.MULTILINE)
TEXTS = ["a moving story", "the plot is thin", "good actors", "a dull mess"] * 4
CLASSES = ["positive", "negative"] * 8


def commands() -> Iterator[tuple[str, str]]:
    """(page, arguments) of each command in a block; those with an ellipsis are examples of a part."""
    for page in PAGES:
        for language, block in FENCED.findall(page.read_text(encoding="utf-8")):
            if language in ("", "console"):
                for found in COMMAND.findall(re.sub(r"\$\(.*\)", "SOURCE", block.replace("\\\n", " "))):
                    if "…" not in found and not found.startswith(("train: ", "classify: ", "convert: ")):  # messages
                        yield str(page.relative_to(ROOT)), found


def test_every_command_on_a_page_is_understood() -> None:
    found = list(commands())
    assert len(found) > 80
    assert len({page for page, _ in found}) > 20
    for page, arguments in found:
        try:
            parse(shlex.split(arguments, comments=True))
        except SystemExit as stopped:
            pytest.fail(f"{page}: distilbert {arguments}: exit {stopped.code}")


def blocks(page: str) -> list[str]:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    return [block for language, block in FENCED.findall(text) if language == "python"]


def run(code: str, **names: object) -> dict[str, Any]:
    exec(compile(code, "a page", "exec"), names)
    return names


def checked(function: Callable[..., object], result: object) -> Callable[..., object]:
    """Stands for a function that takes minutes: its arguments must be the right ones."""

    def called(*args: object, **keywords: object) -> object:
        inspect.signature(function).bind(*args, **keywords)
        return result

    return called


def stub(method: Callable[..., object]) -> Callable[..., object]:
    """Stands for a method that trains: it gives the object back."""

    def called(self: object, *args: object, **keywords: object) -> object:
        return checked(method, self)(self, *args, **keywords)

    return called


@pytest.fixture
def place(make_checkpoint: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the models that pages name, and a table."""
    labels = {"0": "negative", "1": "positive"}
    for name, head in {"reviews": Head.SEQUENCE_CLASSIFICATION, "sst2": Head.SEQUENCE_CLASSIFICATION}.items():
        make_checkpoint(head, name=name, id2label=labels)
    for name in ("minilm", "distilbert-base-uncased"):
        make_checkpoint(Head.NONE, name=name)
    shutil.copytree(tmp_path / "minilm", tmp_path / "path" / "to" / "model")
    rows = "".join(f"{text},{label}\n" for text, label in zip(TEXTS, CLASSES))
    (tmp_path / "dev.csv").write_text(f"text,label\n{rows}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_migration() -> None:
    (code,) = blocks("migration")
    assert {"pipeline", "SentenceTransformer", "CrossEncoder", "util", "TextEmbedding"} <= run(code).keys()


def test_search(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("search")
    names = run(code, texts=TEXTS[:4], queries=["the actors are wonderful"])
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert names["hits"][0][0].score >= names["hits"][0][1].score
    assert names["pairs"][0].first != names["pairs"][0].second


def test_explain(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("explain")
    if find_spec("torch") is None:
        code = re.sub(r"^.*integrated-gradients.*\n", "", code, flags=re.MULTILINE)
    page = run(code, text="a dull mess")["page"]
    assert len(capsys.readouterr().out.splitlines()) == 10
    assert "<html" in page


def test_report(place: Path) -> None:
    pytest.importorskip("matplotlib")
    (code,) = blocks("report")
    run(code)
    assert "accuracy" in (place / "reviews.html").read_text(encoding="utf-8")


def test_bulk(place: Path) -> None:
    pyarrow, polars, pandas, duckdb = map(pytest.importorskip, ("pyarrow", "polars", "pandas", "duckdb"))
    (code,) = blocks("bulk")
    head, lines = code.split("\n\n")
    annotate, *lines = lines.splitlines()
    columns = {"text": TEXTS[:3]}
    frames = {"Polars": polars.DataFrame(columns), "pandas": pandas.DataFrame(columns)}
    for line in lines:
        library = line.rpartition("# ")[2]
        if library in ("Ray Data", "Spark"):  # tests/bulk has them, in `make test-slow`
            continue
        names = {"pyarrow": pyarrow, "polars": polars, "duckdb": duckdb, "frame": frames.get(library)}
        table = pyarrow.table(columns)
        result = run(f"{head}\n{annotate}\nresult = {line}", table=table, reviews=table, **names)["result"]
        assert len(result) == 3
        assert "label" in (getattr(result, "column_names", None) or list(result.columns))


def test_training(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("torch", "accelerate", "sklearn"):
        pytest.importorskip(module)
    import distilbert.train

    tuned, estimated, embedded = blocks("training")
    scores = SimpleNamespace(scores={"accuracy": None})
    with monkeypatch.context() as patched:
        patched.setattr(distilbert.train, "finetune", checked(distilbert.train.finetune, scores))
        run(tuned)
        for method in ("fit", "predict", "save"):
            of_class = getattr(distilbert.train.DistilBertClassifier, method)
            patched.setattr(distilbert.train.DistilBertClassifier, method, stub(of_class))
        run(estimated, texts=TEXTS, classes=CLASSES, more_texts=TEXTS[:2])
    run(embedded, texts=TEXTS, classes=CLASSES)


def test_distillation(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("torch", "accelerate"):
        pytest.importorskip(module)
    import distilbert.distill
    from distilbert.distill.smallest import SmallestStudent

    whole, smallest = blocks("distillation")
    scores = SimpleNamespace(scores={"accuracy": None})
    monkeypatch.setattr(distilbert.distill, "distill", checked(distilbert.distill.distill, scores))
    run(whole)
    share = SimpleNamespace(value=0.98, least=0.97)
    found = SimpleNamespace(shape=None, share=share, certified=True)
    assert vars(found).keys() <= {field.name for field in dataclasses.fields(SmallestStudent)}
    monkeypatch.setattr(distilbert.distill, "find_smallest", checked(distilbert.distill.find_smallest, found))
    run(smallest, arguments=None)
