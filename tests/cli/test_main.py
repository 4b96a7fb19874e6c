import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from conftest import Maker
from distilbert.cli import main
from distilbert.cli.command_examples import EXAMPLES
from distilbert.cli.main import COMMANDS, parse
from distilbert.convert import convert
from distilbert.folder.checkpoint import Head

Printed = pytest.CaptureFixture[str]


def facts(folder: Path, capsys: Printed) -> dict[str, Any]:
    assert main(["info", str(folder), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    return dict(json.loads(line))


@pytest.mark.parametrize(
    ("head", "task", "labels"),
    [
        (Head.NONE, "feature-extraction", None),
        (Head.MASKED_LM, "fill-mask", None),
        (Head.SEQUENCE_CLASSIFICATION, "text-classification", ["bad", "good"]),
        (Head.TOKEN_CLASSIFICATION, "token-classification", ["bad", "good"]),
        (Head.QUESTION_ANSWERING, "question-answering", None),
        (Head.MULTIPLE_CHOICE, "multiple-choice", None),
    ],
)
def test_info_of_every_head(
    make_checkpoint: Maker, capsys: Printed, head: Head, task: str, labels: list[str] | None
) -> None:
    folder = make_checkpoint(head, id2label={"0": "bad", "1": "good"})
    found = facts(folder, capsys)
    assert (found["architecture"], found["task"], found.get("labels")) == (head.value, task, labels)
    assert (found["layers"], found["heads"], found["width"], found["feed_forward_width"]) == (2, 4, 32, 64)
    assert (found["vocabulary"], found["longest_text_in_tokens"], found["stored_as"]) == (6000, 128, ["F32"])
    assert found["bytes"] == 4 * found["parameters"]
    assert ("pooling" in found) == (head is Head.NONE)

    assert main(["info", str(folder)]) == 0
    title, *lines = capsys.readouterr().out.splitlines()
    assert title == str(folder)
    printed_values = {name.strip(): value for name, value in (line.split("  ", 2)[1:] for line in lines)}
    assert printed_values["architecture"].strip() == head.value
    assert printed_values["parameters"].strip() == f"{found['parameters']:,}"
    assert len({len(line) - len(line.split("  ")[-1].strip()) for line in lines}) == 1  # one column


def test_info_of_a_sentence_folder(make_checkpoint: Maker, capsys: Printed) -> None:
    folder = make_checkpoint(Head.NONE)
    package = "sentence_transformers.models"
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    listed = [
        {"idx": i, "name": str(i), "path": path, "type": f"{package}.{kind}"} for i, (path, kind) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text('{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}')
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 64}')
    (folder / "config_sentence_transformers.json").write_text(
        '{"prompts": {"query": "q: ", "passage": "p: "}, "similarity_fn_name": "dot"}'
    )
    found = facts(folder, capsys)
    assert (found["pooling"], found["embedding_width"], found["normalized"]) == (["cls", "mean"], 64, True)
    assert (found["similarity"], found["prompts"]) == ("dot", ["query", "passage"])
    assert found["longest_text_in_tokens"] == 64
    assert main(["embed", "film " * 70, "-m", str(folder)]) == 0
    assert "longer than 64 tokens" in capsys.readouterr().err


def test_info_of_what_is_no_model(tmp_path: Path, capsys: Printed) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    for place, message in (
        (tmp_path, "config.json: this is a BERT, not a DistilBERT"),
        (tmp_path / "nowhere", "nowhere: no such folder"),
        (tmp_path / "config.json", "is a file; give the model's folder"),
    ):
        assert main(["info", str(place)]) == 1
        printed = capsys.readouterr()
        assert (printed.out, len(printed.err.splitlines())) == ("", 1)
        assert message in printed.err


def test_a_converted_model_says_the_same(make_checkpoint: Maker, tmp_path: Path, capsys: Printed) -> None:
    folder = make_checkpoint()
    convert(folder, tmp_path / "again")
    assert facts(tmp_path / "again", capsys) == facts(folder, capsys)


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_explains_itself(command: str, capsys: Printed) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: distilbert {command} [-h]")


def test_the_list_of_commands(capsys: Printed) -> None:
    for arguments in (["--help"], []):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 0
        printed = capsys.readouterr().out
        assert all(command.help in printed for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["clasify", "a text"], "classify"),
        (["fillmask"], "fill-mask"),
        (["classify", "a text", "-m", "x", "--treshold", "1"], "--threshold"),
        (["embed", "a text", "-m", "x", "--normalise"], "--normalize"),
        (["qa"], "answer"),
        (["sentiment-analysis"], "classify"),
        (["feature-extraction"], "embed"),
        (["zero-shot-classification"], "zero-shot"),
        (["embed", "a text", "-m", "x", "--input", "y"], "--file"),
        (["embed", "a text", "-m", "x", "--output", "y.csv"], "--out"),
        (["classify", "a text", "-m", "x", "-b", "8"], "--max-batch-tokens"),
        (["evaluate", "x", "y", "--out", "z.csv"], "--predictions"),
        (["bench", "x", "--data", "y"], "--file"),
        (["train", "--data", "x"], "--train"),
        (["train", "--task=text-classification", "--train=x", "--out=y", "--model=z", "--lr", "1"], "--learning-rate"),
        (["train", "--task", "ner"], "token-classification"),
        (["bulk", "sentiment", "x", "y", "-m", "z"], "text-classification"),
    ],
)
def test_a_slip_of_the_pen_is_told_with_what_was_meant(arguments: list[str], meant: str, capsys: Printed) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.endswith(f" (did you mean {meant}?)\n")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["evaluate", "x", "--data", "y"], "without --data: distilbert evaluate MODEL DATA"),
        (["evaluate", "--data", "y"], "without --data: distilbert evaluate MODEL DATA"),
        (["evaluate", "--model=x", "y"], "without --model: distilbert evaluate MODEL DATA"),
        (
            ["evaluate", "--model", "x", "--data", "y", "--batch", "8"],
            "without --model, --data: distilbert evaluate MODEL DATA; --batch: did you mean --max-batch-tokens?",
        ),
        (["quantize", "x", "--output", "y"], "without --output: distilbert quantize MODEL OUT"),
        (["convert", "--input", "x", "--out", "y"], "without --input, --out: distilbert convert SOURCE OUT"),
        (["search", "x", "--query", "y", "-m", "z"], "without --query: distilbert search FILE QUERY"),
        (["classify", "--text", "x", "-m", "z"], "without --text: distilbert classify TEXT"),
        (["train", "--learning-rate", "auto"], "without --learning-rate it is chosen"),
        (["train", "--data=x", "--output=y"], "--data: did you mean --train?; --output: did you mean --out?"),
    ],
)
def test_an_option_that_a_command_has_not_is_told_with_what_it_has(
    arguments: list[str], hint: str, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISTILBERT_MODEL", raising=False)
    with pytest.raises(SystemExit):
        main(arguments)
    assert capsys.readouterr().err.endswith(f" ({hint})\n")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["serve", "x", "--max-client-batch-size", "8"], "--max-texts …"),
        (["serve", "--model-id", "x"], "the first argument: distilbert serve MODEL"),
        (["train", "--task=text-classification", "--train=x", "--out=y", "--model=z", "--num-epochs=3"], "--epochs …"),
    ],
)
def test_another_librarys_option_is_told_with_ours(arguments: list[str], hint: str, capsys: Printed) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert capsys.readouterr().err.endswith(f" ({hint})\n")


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_has_an_example_that_it_understands(command: str, capsys: Printed) -> None:
    program, *arguments = shlex.split(EXAMPLES[command].partition(" > ")[0])
    assert (program, parse(arguments).command) == ("distilbert", command)
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"Example: distilbert {command} " in " ".join(capsys.readouterr().out.split()) + " "


@pytest.mark.parametrize(
    ("command", "groups"),
    [
        ("classify", ["texts in:", "the model:", "results out:", "the task:"]),
        ("search", ["texts in:", "search:", "the model:", "results out:"]),
        ("train", ["training:", "reading examples:"]),
        ("evaluate", ["reading examples:"]),
        ("explain", ["the model:", "what is explained:", "results out:"]),
        ("serve", ["access:", "what a request means:", "limits:", "computing:"]),
        ("bulk", ["reading:", "running:", "writing:"]),
    ],
)
def test_options_stand_in_groups(command: str, groups: list[str], capsys: Printed) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line in groups] == groups
    assert lines[-1].startswith("Example: ")  # on a line of its own
