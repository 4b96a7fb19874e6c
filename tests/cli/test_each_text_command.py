"""What each command for texts prints for a person and as JSON, and vectors in a file."""

import json
from pathlib import Path

import numpy as np
import pytest

from conftest import Maker
from distilbert.folder.checkpoint import Head
from helpers.text_commands import COMMANDS, LONG, OTHER, TEXT, Run, documented, refused


def test_classify(run: Run) -> None:
    first, second = run("classify", TEXT, OTHER)
    score, label, text = first.split(maxsplit=2)
    assert (label in ("LABEL_0", "LABEL_1"), text) == (True, TEXT)
    (given,) = map(json.loads, run("classify", TEXT, "--json"))
    assert float(score) == pytest.approx(given["score"], abs=1e-4)
    assert second.endswith(OTHER)
    header, best, worst = run("classify", TEXT, "--top-k", 0)
    assert header == TEXT
    assert best.split()[0] > worst.split()[0]
    assert best.count("█") > worst.count("█")
    assert best.index("LABEL") == worst.index("LABEL")
    (several,) = map(json.loads, run("classify", TEXT, "--top-k", 2, "--json"))
    assert [list(each) for each in several["labels"]] == [["label", "score", "tokens", "truncated"]] * 2
    assert run("classify", TEXT, "--threshold", 1.0) == [f"{TEXT} (no label)"]
    assert json.loads(run("classify", TEXT, "--threshold", 1.0, "--json")[0])["labels"] == []
    (raw,) = map(json.loads, run("classify", TEXT, "--function", "none", "--top-k", 0, "--json"))
    assert not all(0 <= each["score"] <= 1 for each in raw["labels"])
    assert "█" not in "".join(run("classify", TEXT, "--function", "none", "--top-k", 0))


def test_classify_pairs(run: Run, make_checkpoint: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = run("classify", "--pairs", f"{TEXT}\t{OTHER}")
    assert line.endswith(f"{TEXT} | {OTHER}")
    (pair,) = map(json.loads, run("classify", "--pairs", f"{TEXT}\t{OTHER}", "--json"))
    assert list(pair) == ["text", "pair", *COMMANDS["classify"][3][1:]]
    assert (pair["text"], pair["pair"], pair["tokens"]) == (TEXT, OTHER, 3 + 15 + 5)
    documented("classify", list(pair))
    message = refused(capsys, "classify", "--pairs", "-m", make_checkpoint(), "no tab")
    assert "each text must be a text and its pair, with tabs between, not 'no tab'" in message


def test_ner(run: Run) -> None:
    (for_a_person,) = run("ner", TEXT)
    (given,) = map(json.loads, run("ner", TEXT, "--json"))
    assert given["entities"]
    marked = for_a_person
    for entity in given["entities"]:
        assert list(entity) == ["label", "text", "start", "end", "score"]
        assert TEXT[entity["start"] : entity["end"]] == entity["text"]
        mark = f"[{entity['text']}]({entity['label']} {entity['score']:.2f})"
        assert mark in for_a_person
        marked = marked.replace(mark, entity["text"], 1)
    assert marked == TEXT
    documented("ner", list(given["entities"][0]))
    (every,) = map(json.loads, run("ner", TEXT, "--aggregation", "none", "--json"))
    assert len(every["entities"]) > len(given["entities"])
    (fewer,) = map(json.loads, run("ner", TEXT, "--json", "--ignore-labels", "PER", "LOC"))
    assert {entity["label"] for entity in fewer["entities"]} <= {"O"}
    assert run("ner", TEXT, "--valid-sequences", "--stride", 3)


def test_answer(run: Run) -> None:
    best, context = run("answer", TEXT)
    (given,) = map(json.loads, run("answer", TEXT, "--json"))
    assert best.split(maxsplit=1)[1] == given["text"] == TEXT[given["start"] : given["end"]]
    assert context.strip() == TEXT[: given["start"]] + f"[{given['text']}]" + TEXT[given["end"] :]
    (several,) = map(json.loads, run("answer", TEXT, "--top-k", 3, "--json"))
    assert list(several) == ["question", "context", "answers"]
    documented("answer", [*several, *given])
    assert len(run("answer", TEXT, "--top-k", 3)) == 4
    (none,) = [
        line for line in run("answer", TEXT, "--top-k", 99, "--no-answer") if "(no answer in the context)" in line
    ]
    assert float(none.split()[0]) < 1
    (short,) = map(json.loads, run("answer", TEXT, "--max-answer-len", 1, "--no-align-to-words", "--json"))
    assert len(short["text"].split()) == 1


def test_answer_marks_its_place_in_a_long_context(run: Run) -> None:
    context = " ".join(f"the film number {number} is a war film ." for number in range(60))
    _, for_a_person = run("answer", context)
    (given,) = map(json.loads, run("answer", context, "--json"))
    assert f"[{given['text']}]" in for_a_person
    assert len(for_a_person) < len(given["text"]) + 270
    before, after = for_a_person.strip().split(f"[{given['text']}]")
    assert before.removeprefix("…") in context
    assert after.removesuffix("…") in context


def test_a_whole_file_as_one_context(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "article.txt"
    path.write_text(f"{TEXT}\n{OTHER}\n")
    (given,) = map(json.loads, run("answer", "--file", path, "--whole-file", "--json"))
    assert given["context"] == f"{TEXT}\n{OTHER}"
    assert len(run("answer", "--file", path, "--json")) == 2


def test_fill_mask(run: Run) -> None:
    text = "the [MASK] is good ."
    header, *lines = run("fill-mask", text)
    assert header == text
    assert len(lines) == 5
    (given,) = map(json.loads, run("fill-mask", text, "--json"))
    assert [line.split()[-1] for line in lines] == [fill["token"] for fill in given["fills"]]
    documented("fill-mask", list(given["fills"][0]))
    assert len(run("fill-mask", text, "--top-k", 2)) == 3
    targets = run("fill-mask", text, "--targets", "film", "love story")
    assert {line.split(maxsplit=1)[1].strip("▏▎▍▌▋▊▉█ ") for line in targets[1:]} == {"film", "love story"}
    assert any("e-" in line for line in targets[1:])  # a small probability is not 0.0000
    several = run("fill-mask", "the [MASK] of [MASK]", "--top-k", 1)
    assert [line.strip() for line in several if line.startswith("  mask")] == ["mask 1", "mask 2"]
    (both,) = map(json.loads, run("fill-mask", "the [MASK] of [MASK]", "--json"))
    assert [len(fills) for fills in both["fills"]] == [5, 5]


def test_choose(run: Run, tmp_path: Path) -> None:
    header, best, worst = run("choose", TEXT, "the end", "a beginning")
    assert header == TEXT
    assert {best[31:], worst[31:]} == {"the end", "a beginning"}
    (given,) = map(json.loads, run("choose", TEXT, "the end", "a beginning", "--json"))
    assert list(given) == COMMANDS["choose"][3]
    documented("choose", list(given))
    path = tmp_path / "questions.tsv"
    path.write_text(f"{TEXT}\tthe end\ta beginning\n{OTHER}\tyes\n")
    first, second = map(json.loads, run("choose", "--file", path, "--json"))
    assert first == given
    assert [each["label"] for each in second["labels"]] == ["yes"]


def test_embed(run: Run) -> None:
    (line,) = run("embed", TEXT)
    assert line.endswith(f" …] 32 float32  {TEXT}")
    (given,) = map(json.loads, run("embed", TEXT, "--json"))
    assert np.linalg.norm(given["embedding"]) == pytest.approx(1, abs=1e-5)
    (raw,) = map(json.loads, run("embed", TEXT, "--no-normalize", "--json"))
    assert np.linalg.norm(raw["embedding"]) > 1.5
    (other,) = map(json.loads, run("embed", TEXT, "--prompt", "query : ", "--truncate-dim", 8, "--json"))
    assert len(other["embedding"]) == 8
    assert other["embedding"] != given["embedding"][:8]
    for output in ("int8", "uint8", "binary", "ubinary"):
        assert (
            f" {output.replace('ubinary', 'uint8').replace('binary', 'int8')}  {TEXT}"
            in run("embed", TEXT, "--output", output)[0]
        )
        (given,) = map(json.loads, run("embed", TEXT, "--output", output, "--json"))
        assert all(isinstance(value, int) for value in given["embedding"])


def test_zero_shot(run: Run) -> None:
    header, best, worst = run("zero-shot", TEXT)
    assert header == TEXT
    assert {best[31:], worst[31:]} == {"good", "bad"}
    (given,) = map(json.loads, run("zero-shot", TEXT, "--multi-label", "--template", "It is {}.", "--json"))
    assert sum(each["score"] for each in given["labels"]) != pytest.approx(1, abs=1e-3)


def test_rerank(run: Run, tmp_path: Path) -> None:
    first, second = map(json.loads, run("rerank", TEXT, OTHER, "--json"))
    assert list(first) == COMMANDS["rerank"][3]
    documented("rerank", list(first))
    assert first["score"] >= second["score"]
    assert {first["text"], second["text"]} == {TEXT, OTHER}
    for_a_person = run("rerank", TEXT, OTHER)
    assert [line.split()[1] for line in for_a_person] == ["#1", "#2"]
    assert len(run("rerank", *["a film"] * 30)) == 10
    assert len(run("rerank", *["a film"] * 30, "--top-k", 0)) == 30
    path = tmp_path / "documents.txt"
    path.write_text(f"{TEXT}\n{OTHER}\n")
    assert run("rerank", "--file", path) == for_a_person


def test_sparse(run: Run) -> None:
    header, *lines = run("sparse", TEXT)
    (given,) = map(json.loads, run("sparse", TEXT, "--json"))
    assert header == f"{TEXT} ({len(given['indices']):,} tokens)"
    assert len(lines) == 20
    assert len(given["indices"]) == len(given["values"]) == len(given["tokens"])
    by_weight = sorted(zip(given["values"], given["tokens"], strict=True), key=lambda each: -each[0])
    assert [line.split()[0] for line in lines[:3]] == [f"{weight:.4f}" for weight, _ in by_weight[:3]]
    assert lines[0].endswith(by_weight[0][1])
    assert len(run("sparse", TEXT, "--top-k", 3)) == 4
    assert len(json.loads(run("sparse", TEXT, "--top-k", 3, "--json")[0])["indices"]) == 3


# vectors into a file --------------------------------------------------------------------------------


@pytest.mark.parametrize("output", ["float32", "int8", "ubinary"])
def test_saved_vectors(run: Run, tmp_path: Path, sentences: list[str], output: str) -> None:
    source, path = tmp_path / "texts.txt", tmp_path / "vectors.npy"
    source.write_text("\n".join(sentences), encoding="utf-8")
    printed = run("embed", "--file", source, "--save", path, "--output", output, "--truncate-dim", 24)
    assert printed == [f"{path}: 400 vectors"]
    saved = np.load(path)
    for_a_person = [
        json.loads(line)["embedding"]
        for line in run("embed", "--file", source, "--output", output, "--truncate-dim", 24, "--json")
    ]
    assert saved.dtype == {"float32": np.float32, "int8": np.int8, "ubinary": np.uint8}[output]
    np.testing.assert_array_equal(saved, np.array(for_a_person, saved.dtype))
    source.write_text("")
    run("embed", "--file", source, "--save", path, "--output", output, "--truncate-dim", 24)
    assert np.load(path).shape == (0, saved.shape[1])
    assert {each.name for each in tmp_path.iterdir()} == {"texts.txt", "vectors.npy", "embed"}


def test_how_many_results_are_shown(make_checkpoint: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    message = refused(capsys, "classify", TEXT, "-m", make_checkpoint(), "--top-k", -1)
    assert message == "distilbert classify: --top-k must be at least 1, or 0 for all, not -1"


def test_vectors_are_saved_whole_or_not_at_all(
    make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, path = make_checkpoint(Head.NONE), tmp_path / "vectors.npy"
    path.write_text("what was there before")
    message = refused(capsys, "embed", TEXT, LONG, "-m", folder, "--save", path, "--long-text", "error")
    assert "text 1 is longer than the 128 tokens" in message
    assert path.read_text() == "what was there before"
    message = refused(capsys, "embed", TEXT, "-m", folder, "--save", tmp_path / "no" / "folder.npy")
    assert "folder.npy: cannot be written (No such file or directory)" in message
    message = refused(capsys, "embed", TEXT, "-m", folder, "--save", tmp_path / "vectors.csv")
    assert f"--save writes a NumPy file, .npy; a table is written with --out {tmp_path / 'vectors.csv'}" in message
    assert {each.name for each in tmp_path.iterdir()} == {"model", "vectors.npy"}
