"""Every recipe runs from its data to its results, on little text and a small model."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("accelerate")
pytest.importorskip("transformers")

import distilbert
from conftest import Maker
from distilbert.folder.checkpoint import Head
from helpers.scripts import ROOT, scripts

FAST = {"epochs": 1, "max_steps": 2, "batch_size": 4, "eval_steps": 0, "precision": "float32", "max_length": 64}
SMALL = {"layers": 1, "dim": 0, "hidden_dim": 0, "vocab_size": 0}
TITLES = tuple(f"article {number}" for number in range(19))  # of all three parts


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_data(folder: Path, sentences: list[str]) -> None:
    """A little of each data set, in the files that the recipes read."""
    for start, name in enumerate(("pos", "neg")):
        write(folder / f"sentence_polarity/rt-polarity.{name}", "\n".join(sentences[start:120:2]) + "\n")
    long = [" ".join(sentences[start : start + 4]) for start in range(0, 160, 4)]
    reviews = [{"id": text[:9], "text": text, "label": "pos" if n % 2 else "neg"} for n, text in enumerate(long)]
    write(folder / "movie_reviews/reviews.jsonl", "\n".join(map(json.dumps, reviews)))
    runs = [" ".join(sentences[n : n + size]) for n in range(300) for size in (3, 4, 5)]
    write(folder / "books/one.md", "# One\n\n" + "\n\n".join(runs))
    for part in ("valid", "test"):
        write(folder / f"wikitext2/{part}.txt", "\n".join(f" {text} <unk> @-@ " for text in long[:4]))
    write(folder / "speeches/one.txt", "\n".join(sentences[:20]))
    articles = []
    for number, title in enumerate(TITLES):
        few = [text.removesuffix(" .").capitalize() for text in sentences[4 * number : 4 * number + 4]]
        context = ". ".join([f"So {few[0]}", *few[1:]]) + "."
        answer = {"text": f"So {few[0].split()[0]}", "answer_start": 0}
        question = {"id": title, "question": "which word ?", "answers": [answer]}
        articles.append({"title": title, "paragraphs": [{"context": context, "qas": [question]}]})
    write(folder / "squad_dev/little-dev-v1.1.json", json.dumps({"version": "1.1", "data": articles}))
    for article in articles:
        (paragraph,) = article["paragraphs"]
        paragraph["qas"].append(
            {"id": article["title"] + "?", "question": "why ?", "answers": [], "is_impossible": True}
        )
    write(folder / "squad_dev/little-dev-v2.0.json", json.dumps({"version": "v2.0", "data": articles}))
    tagged = "\n\n".join(
        "\n".join([f"{text.split()[0]}\tB-person", f"{text.split()[1]}\tO"]) for text in sentences[:60]
    )
    write(folder / "wnut17/wnut17train.conll", tagged + "\n")
    for part in ("dev", "test"):
        write(folder / f"uner_english_ewt/en_ewt-ud-{part}.iob2", tagged.replace("person", "PER") + "\n")
    for part in ("train", "dev"):
        pairs = [f'"{one}","{two}",{n % 6}\n' for n, (one, two) in enumerate(zip(sentences[:20], sentences[20:40]))]
        write(folder / f"stsb/stsb-en-{part}.csv", "".join(pairs))


@pytest.fixture
def recipe(
    tmp_path: Path, sentences: list[str], make_checkpoint: Maker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a recipe that writes under `tmp_path`: results/ and work/."""
    write_data(tmp_path / "data", sentences)
    monkeypatch.setenv("DISTILBERT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DISTILBERT_WORK", str(tmp_path / "work"))
    make_checkpoint(Head.NONE, name="work/all-MiniLM-L6-v2")
    with scripts("recipes") as script:
        common = script("common")
        monkeypatch.setattr(common, "RESULTS", tmp_path / "results")

        def imported(name: str) -> ModuleType:
            module = script(name)
            if hasattr(module, "SETTINGS"):
                small = SMALL if name.startswith("distil") else {}
                monkeypatch.setattr(module, "SETTINGS", {**module.SETTINGS, **small, **FAST})
            return module

        yield imported


def results(tmp_path: Path, name: str) -> Any:
    return json.loads((tmp_path / "results" / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.py")), ids=lambda path: path.stem)
def test_imports(path: Path, recipe: Callable[[str], ModuleType]) -> None:
    assert recipe(path.stem).__doc__


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("sentiment", "accuracy"),
        pytest.param("entities", "f1", marks=pytest.mark.slow),
        pytest.param("masked_lm", "top1_accuracy", marks=pytest.mark.slow),
        pytest.param("answers", "f1", marks=pytest.mark.slow),
    ],
)
def test_fine_tuning(name: str, score: str, recipe: Callable[[str], ModuleType], tmp_path: Path) -> None:
    recipe(name).main()
    for precision in ("float32", "int8"):
        assert 0 <= results(tmp_path, name)[precision]["scores"][score]["value"] <= 1
    log = (tmp_path / "results" / f"{name}.log.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in log
    assert (tmp_path / "results" / f"{name}.html").is_file()


@pytest.mark.slow
def test_which_sentence_answers(recipe: Callable[[str], ModuleType], tmp_path: Path) -> None:
    script = recipe("answer_sentences")
    script.SHARES = dict.fromkeys(script.SHARES, 1.0)
    questions = list(script.questions("train"))
    assert len(questions) > 5
    assert all(right.startswith("So ") and len(wrong) == 3 for _, right, wrong in questions)
    script.main()
    for name in ("reranker", "chooser"):
        for precision in ("float32", "int8"):
            assert 0 <= results(tmp_path, name)[precision]["scores"]["accuracy"]["value"] <= 1


@pytest.mark.parametrize(
    ("name", "starter", "task"),
    [
        ("starter_embed", "embed", "feature-extraction"),
        ("starter_sentiment", "sentiment", "text-classification"),
        pytest.param("starter_entities", "ner", "token-classification", marks=pytest.mark.slow),
        pytest.param("starter_answers", "qa", "question-answering", marks=pytest.mark.slow),
        pytest.param("starter_masked_lm", "fill-mask", "fill-mask", marks=pytest.mark.slow),
    ],
)
def test_starters(name: str, starter: str, task: str, recipe: Callable[[str], ModuleType], tmp_path: Path) -> None:
    recipe(name).main()
    folder = tmp_path / "work" / "distilbert_starter" / starter
    assert distilbert.load(folder).task == task
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f'model = distilbert.load("starter/{starter}")' in card
    for what, scores in results(tmp_path, f"starter-{starter}").items():
        for metric, found in scores.items():
            assert found["value"] is None or f"| {what} | {metric} | {found['value']:.3f} |" in card


def test_zero_shot(recipe: Callable[[str], ModuleType], tmp_path: Path) -> None:
    recipe("starter_zero_shot").main()
    found = results(tmp_path, "starter-zero-shot")
    assert all(0 <= scores["accuracy"]["value"] <= 1 for scores in found.values())
    assert len(found) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("teacher", "name"),
    [("sentiment", "distil_sentiment"), ("entities", "distil_entities"), (None, "distil_vectors")],
)
def test_distillation(
    teacher: str | None, name: str, recipe: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if teacher:
        script = recipe(teacher)
        monkeypatch.setitem(script.SETTINGS, "max_steps", 30)  # one of F1 0 has nothing to keep
        script.main()
    monkeypatch.setattr(recipe("teaching"), "SEEDS", (0,))
    recipe(name).main()
    found = results(tmp_path, name.replace("_", "-"))
    assert found["students"].keys() == {"seed 0, float32", "seed 0, int8"}
    assert found["speed"]["float32"]["student"] > 0


@pytest.mark.slow
def test_the_smallest_student(
    recipe: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe("sentiment").main()
    monkeypatch.setattr(recipe("teaching"), "SEEDS", (0,))
    smallest = recipe("distil_smallest")
    monkeypatch.setattr(smallest, "SHAPES", ("1x32x32", "1x16x32"))
    monkeypatch.setattr(smallest, "NEARLY", 0.0)
    without_steps = {name: value for name, value in smallest.SETTINGS.items() if name != "max_steps"}
    monkeypatch.setattr(smallest, "SETTINGS", without_steps)  # minutes say how many
    smallest.main(0.05)
    assert {each["name"] for each in results(tmp_path, "distil-search")["candidates"]} == {
        "teacher",
        "1x32x32",
        "1x16x32",
    }
    assert results(tmp_path, "distil-smallest")["students"]


@pytest.mark.slow
def test_the_losses_of_the_paper(recipe: Callable[[str], ModuleType], tmp_path: Path) -> None:
    recipe("masked_lm").main()
    recipe("distil_masked_lm").main()
    arms = results(tmp_path, "distil-masked-lm")["arms"]
    assert arms.keys() == {"teacher", "triple loss", "without cosine", "masked LM alone"}


@pytest.mark.slow
def test_transformers_trainer_on_the_same_files(recipe: Callable[[str], ModuleType], tmp_path: Path) -> None:
    names = ["sentiment", "entities", "masked_lm", "answers"]
    for name in names:
        recipe(name)
    (tmp_path / "results").mkdir()
    recipe("trainer").main(names)
    assert list(results(tmp_path, "trainer")) == names


@pytest.mark.slow
def test_seeds_beside_transformers_trainer(
    recipe: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["seeds.py", "--seeds", "2"])
    recipe("seeds").main()
    runs = results(tmp_path, "seeds")["runs"]
    assert {name: [run["seed"] for run in each] for name, each in runs.items()} == {
        "distilbert": [0, 1],
        "transformers Trainer": [0, 1],
    }
