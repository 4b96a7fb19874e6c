"""Code on pages that no other test runs: every Python block does what it says, and others can be read."""

import dataclasses
import inspect
import json
import re
import shutil
import tomllib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import Maker
from distilbert import UnknownOptionError, load
from distilbert.folder.checkpoint import Head
from helpers import pages
from helpers.pages import PAGES, ROOT, Block

# the test that runs the Python of a page
PYTHON = {
    "README.md": "tests/test_readme.py",
    "docs/index.md": "tests/test_readme.py",
    "docs/integrations.md": "tests/adapters/test_integrations_page.py",
    "docs/nn.md": "tests/nn/test_docs.py",
    "docs/quick_start.md": "tests/test_repository.py",
    "docs/serving.md": "tests/serve/test_serving_page.py",
    **{page: "tests/test_task_pages.py" for page in PAGES if page.startswith("docs/tasks/")},
    **{
        f"docs/{name}.md": "tests/test_page_blocks.py"
        for name in [
            "bulk",
            "convert",
            "distillation",
            "explain",
            "migration",
            "models",
            "report",
            "search",
            "training",
        ]
    },
}


def is_json(block: Block) -> bool:
    """An object, lines of objects, or a member of one."""
    text = block.code if block.code.startswith(("{", "[")) else f"{{{block.code.strip()}}}"
    return all(isinstance(json.loads(line), dict) for line in text.splitlines())


def is_yaml(block: Block) -> bool:
    yaml = pytest.importorskip("yaml")
    return isinstance(yaml.safe_load(block.code), dict)


def is_output(block: Block) -> bool:
    """Of the Python above it, which the page's test compares, or the tree of the sources."""
    return block.page in ("docs/nn.md", "docs/convert.md") or block.page == "docs/design.md"


# how a block of each language is held to what it says; nginx, haproxy and caddy are not at hand
LANGUAGES: dict[str, Callable[[Block], object]] = {
    "python": lambda block: block.page in PYTHON,
    "pycon": lambda block: block.page == "docs/migration.md",
    "console": lambda block: block.code.startswith("$ "),  # tests/test_console_blocks.py
    "text": is_output,
    "json": is_json,
    "yaml": is_yaml,
    "toml": lambda block: tomllib.loads(block.code),
    "nginx": lambda block: block.code.count("{") == block.code.count("}"),
    "caddyfile": lambda block: block.code.count("{") == block.code.count("}"),
    "haproxy": lambda block: "backend " in block.code,
}

TEXTS = ["a moving story", "the plot is thin", "good actors", "a dull mess"] * 4
CLASSES = ["positive", "negative"] * 8


def blocks(page: str) -> list[str]:
    return [block.code for block in pages.blocks(f"docs/{page}.md", "python")]


def test_every_block_is_of_a_language_that_is_checked() -> None:
    found = [block for page in PAGES for block in pages.blocks(page)]
    assert len(found) > 130
    for block in found:
        assert block.language in LANGUAGES, f"{block.page}:{block.line}: {block.language!r}: how is it checked?"
        assert LANGUAGES[block.language](block), f"{block.page}:{block.line}"
    assert {block.page for block in found if block.language == "python"} == PYTHON.keys()
    for page, test in PYTHON.items():
        code = (ROOT / test).read_text(encoding="utf-8")
        assert Path(page).name in code or Path(page).stem in code or "glob" in code, (page, test)


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


def test_the_hint_that_the_page_on_migration_shows(make_checkpoint: Maker) -> None:
    (block,) = pages.blocks("docs/migration.md", "pycon")
    call, message = block.code.splitlines()
    with pytest.raises(UnknownOptionError) as raised:
        run(call.removeprefix(">>> "), task=load(make_checkpoint()), texts=TEXTS)
    assert f"UnknownOptionError: {raised.value}" == message


def test_models(make_checkpoint: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = blocks("models")
    ((name,),) = [re.findall(r'load\("(.+?)"\)', code)]
    shutil.copytree(make_checkpoint(), tmp_path / "hub" / name)
    monkeypatch.chdir(tmp_path / "hub")
    run(code)


def test_convert(
    minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(minilm, "all-MiniLM-L6-v2")
    (code,) = blocks("convert")
    run(code)
    assert capsys.readouterr().out == pages.blocks("docs/convert.md", "text")[0].code


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
