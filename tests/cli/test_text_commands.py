"""Every command that reads texts: what it prints for a person and for a program, and what it refuses."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import distilbert
from conftest import Maker
from distilbert.cli import main, reading
from distilbert.folder.checkpoint import Head, save_checkpoint
from helpers.text_commands import COMMANDS, LONG, OTHER, STREAMS, TEXT, Run, documented, refused, texts_of

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
        assert printed.err.startswith("distilbert: the ")
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
        (["serve", "-m", "x"], "unrecognized arguments: -m (without -m: distilbert serve MODEL)"),
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
