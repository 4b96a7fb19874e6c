"""Every command that reads texts: what it prints for a person and for a program, and what it refuses."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distilbert
from conftest import Maker
from distilbert.cli import main, reading
from distilbert.folder.checkpoint import Head, save_checkpoint

Run = Callable[..., list[str]]

TEXT = "a charming and often affecting journey ."
OTHER = "it is dull ."
LONG = " ".join(["film"] * 200)

# the arguments behind a command's name, its model, and the keys of its JSON
COMMANDS: dict[str, tuple[list[str], Head, dict[str, Any], list[str]]] = {
    "classify": ([], Head.SEQUENCE_CLASSIFICATION, {}, ["text", "label", "score", "tokens", "truncated"]),
    "ner": (
        [],
        Head.TOKEN_CLASSIFICATION,
        {"id2label": {"0": "O", "1": "B-PER", "2": "I-PER", "3": "B-LOC", "4": "I-LOC"}},
        ["text", "entities"],
    ),
    "answer": (
        ["what is it ?"],
        Head.QUESTION_ANSWERING,
        {},
        ["question", "context", "text", "start", "end", "score"],
    ),
    "fill-mask": ([], Head.MASKED_LM, {}, ["text", "fills"]),
    "embed": ([], Head.NONE, {}, ["text", "embedding"]),
    "zero-shot": (
        [],
        Head.SEQUENCE_CLASSIFICATION,
        {"id2label": {"0": "contradiction", "1": "neutral", "2": "entailment"}},
        ["text", "labels"],
    ),
    "rerank": (
        ["a love story"],
        Head.SEQUENCE_CLASSIFICATION,
        {"num_labels": 1},
        ["index", "score", "text", "truncated"],
    ),
    "sparse": ([], Head.MASKED_LM, {}, ["text", "indices", "values", "tokens"]),
    "choose": ([], Head.MULTIPLE_CHOICE, {}, ["prompt", "labels"]),
}
STREAMS = [name for name in COMMANDS if name not in ("rerank", "choose")]


@pytest.fixture
def run(make_checkpoint: Maker, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run(command, *arguments)` gives the lines that the command prints, and fails unless all is well."""
    made: dict[str, Path] = {}

    def run(command: str, *arguments: object) -> list[str]:
        first, head, changes, _ = COMMANDS[command]
        if command not in made:
            made[command] = make_checkpoint(head, name=command, **changes)
        last = ["--labels", "good", "bad"] if command == "zero-shot" else []
        code = main([command, *first, *map(str, arguments), "-m", str(made[command]), *last])
        printed = capsys.readouterr()
        assert (code, printed.err) == (0, "")
        return printed.out.splitlines()

    return run


def texts_of(command: str) -> list[str]:
    """Two texts that the command can read."""
    return [f"{text} [MASK]" for text in (TEXT, OTHER)] if command == "fill-mask" else [TEXT, OTHER]


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a command complains of: one line, with its name, and nothing on standard output."""
    assert main([str(argument) for argument in arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith(f"distilbert {arguments[0]}: ")
    return line


# texts in -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", STREAMS)
def test_arguments_file_and_standard_input_are_the_same(
    run: Run, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(texts_of(command)), encoding="utf-8")
    for more in ([], ["--json"]):
        given = run(command, *texts_of(command), *more)
        assert len(given) >= 2
        assert run(command, "--file", path, *more) == given
        with path.open() as file:
            monkeypatch.setattr(sys, "stdin", file)
            assert run(command, *more) == given


@pytest.mark.parametrize("command", STREAMS)
def test_json_is_one_object_a_text_with_the_keys_of_the_page(run: Run, command: str) -> None:
    lines = [json.loads(line) for line in run(command, *texts_of(command), "--json")]
    assert [list(line) for line in lines] == [COMMANDS[command][3]] * 2
    assert [line["context" if command == "answer" else "text"] for line in lines] == texts_of(command)
    documented(command, COMMANDS[command][3])


def documented(command: str, keys: list[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "command_line.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{command}` |")]
    assert [key for key in keys if f"`{key}`" not in row] == []


def test_options_may_stand_anywhere(make_checkpoint: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(make_checkpoint(Head.QUESTION_ANSWERING))
    orders = [
        ["answer", "what ?", TEXT, OTHER, "-m", folder, "--json"],
        ["answer", "-m", folder, "--json", "what ?", TEXT, OTHER],
        ["answer", "what ?", "-m", folder, TEXT, "--json", OTHER],
        ["answer", "-m", folder, "--json", "--", "what ?", TEXT, OTHER],
    ]
    printed = set()
    for order in orders:
        assert main(order) == 0
        printed.add(capsys.readouterr().out)
    assert len(printed) == 1


def test_a_text_that_looks_like_an_option(run: Run, make_checkpoint: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "-m", str(make_checkpoint()), "--", "-v", "--json"]) == 0
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["-v", "--json"]


def test_a_file_that_is_no_text(
    make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "image.bin"
    path.write_bytes(b"one\n" + b"x" * (1 << 18))
    assert main(["classify", "-m", str(make_checkpoint()), "--file", str(path)]) == 0
    capsys.readouterr()
    monkeypatch.setattr(reading, "_LONGEST", 1 << 20)
    path.write_bytes(b"one\n" + b"x" * (1 << 21))
    message = refused(capsys, "classify", "-m", tmp_path / "model", "--file", path)
    assert message.endswith("image.bin: has a line of more than 1 MB; give one text a line")


# each command ---------------------------------------------------------------------------------------


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
    assert run("classify", TEXT, "--threshold", 1.5) == [f"{TEXT} (no label)"]
    assert json.loads(run("classify", TEXT, "--threshold", 1.5, "--json")[0])["labels"] == []
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
    assert header == f"{TEXT} ({len(given['indices'])} tokens)"
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
    assert {each.name for each in tmp_path.iterdir()} == {"model", "vectors.npy"}


# long texts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [*STREAMS, "rerank", "choose"])
def test_long_texts_are_never_cut_in_silence(
    make_checkpoint: Maker, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    first, head, changes, _ = COMMANDS[command]
    arguments = [
        command,
        *first,
        {"fill-mask": f"[MASK] {LONG}"}.get(command, LONG),
        "-m",
        str(make_checkpoint(head, **changes)),
    ]
    arguments += {"zero-shot": ["--labels", "good", "bad"], "choose": ["the end"]}.get(command, [])

    assert main([*arguments, "--long-text", "truncate"]) == 0
    printed = capsys.readouterr()
    if command in ("classify", "zero-shot", "rerank", "choose"):
        assert " (cut)" in printed.out
    else:
        assert printed.err.startswith("distilbert: 1 of 1 ")
        assert "cut; see --long-text" in printed.err

    assert main([*arguments, "--long-text", "window"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "(cut)" not in printed.out

    assert main([*arguments, "--long-text", "error"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert 'choose --long-text="' in printed.err


# what goes wrong ------------------------------------------------------------------------------------


def test_what_cannot_be_is_one_line(make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classifier, masked = make_checkpoint(), make_checkpoint(Head.MASKED_LM, name="masked")
    for arguments, reason in (
        (["classify", TEXT, "-m", tmp_path / "nowhere"], "nowhere: no such folder"),
        (
            ["classify", TEXT, "-m", masked],
            "needs a DistilBertForSequenceClassification, and this is a DistilBertForMaskedLM",
        ),
        (["classify", TEXT, "-m", classifier, "--file", "x"], "give texts or --file, not both"),
        (["classify", "--file", tmp_path / "none.txt", "-m", classifier], "none.txt: cannot be read (No such file"),
        (["classify", "--file", tmp_path, "-m", classifier], "cannot be read (Is a directory)"),
        (["classify", TEXT, "-m", classifier, "--top-k", "-1"], "--top-k must be"),
        (["classify", TEXT, "-m", classifier, "--threads", "99999"], "threads must be a whole number from 1 to 1024"),
        (["classify", TEXT, "-m", classifier, "--max-batch-tokens", "0"], "--max-batch-tokens must be"),
        (["fill-mask", TEXT, "-m", masked], "text 0 has no mask"),
        (["zero-shot", TEXT, "-m", classifier, "--labels", "a"], "needs a model of inference"),
        (["answer", "", TEXT, "-m", make_checkpoint(Head.QUESTION_ANSWERING, name="qa")], "question 0 is empty"),
        (["choose", TEXT, "-m", make_checkpoint(Head.MULTIPLE_CHOICE, name="mc")], "prompt 0 has no choices"),
        (["choose", TEXT, "-m", tmp_path / "mc", "--file", "x"], "give a prompt or --file, not both"),
    ):
        assert reason in refused(capsys, *arguments)


def test_numbers_that_are_none_are_no_json(
    make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_checkpoint(Head.NONE)
    checkpoint = distilbert.folder.checkpoint.open_checkpoint(folder)
    weights = {name: np.array(tensor.read()) for name, tensor in checkpoint.tensors.items()}
    weights["distilbert.embeddings.LayerNorm.bias"][0] = np.nan
    save_checkpoint(folder, checkpoint.config, weights)
    assert "its weights are damaged" in refused(capsys, "embed", TEXT, "-m", folder, "--json")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["translate"], "invalid choice: 'translate'"),
        (["classify", "--top-k", "many", "-m", "x"], "argument --top-k: invalid int value: 'many'"),
        (["classify", "--long-text", "cut", "-m", "x"], "argument --long-text: invalid choice: 'cut'"),
        (["classify", "a", "--quietly", "-m", "x"], "unrecognized arguments: --quietly"),
        (["zero-shot", "a", "-m", "x"], "the following arguments are required: --labels"),
    ],
)
def test_arguments_that_cannot_be_understood(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_the_model_may_come_from_the_environment(
    make_checkpoint: Maker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["classify", TEXT])
    monkeypatch.setenv("DISTILBERT_MODEL", str(make_checkpoint()))
    assert main(["classify", TEXT]) == 0
    assert capsys.readouterr().out.endswith(f"{TEXT}\n")


# what must not reach the terminal -------------------------------------------------------------------

WILD = "\x1b[31mred\x1b]0;title\x07 \x9b31m \r\n\x00\u202eevil\u2066 \ud800 a\u200db\u00a0\x7f"


def safe(printed: str) -> bool:
    return all(character.isprintable() or character in "\n\u200d" for character in printed)


@pytest.mark.parametrize("command", [*STREAMS, "rerank", "choose"])
def test_nothing_that_a_text_says_drives_the_terminal(run: Run, command: str) -> None:
    wild = f"{WILD} [MASK]" if command == "fill-mask" else WILD
    for more in ([], ["--json"]):
        lines = run(command, wild, *(["the end"] if command == "choose" else []), *more)
        assert safe("\n".join(lines))
        assert more or "\ufffd" in "\n".join(lines)
        if more and command != "rerank":
            given = json.loads(lines[0])
            assert given["prompt" if command == "choose" else "context" if command == "answer" else "text"] == wild


def test_nothing_that_a_model_says_drives_the_terminal(
    make_checkpoint: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_checkpoint(id2label={"0": "\x1b[2J", "1": "[/bold]\x9b2J"})
    for arguments in (["classify", TEXT, "-m", folder], ["classify", TEXT, "-m", folder, "--json"], ["info", folder]):
        assert main([str(argument) for argument in arguments]) == 0
        assert safe(capsys.readouterr().out)
    (folder / "config.json").write_text('{"model_type": "\\u001b[2J"}')
    assert main(["classify", TEXT, "-m", str(folder)]) == 1
    assert safe(capsys.readouterr().err)
