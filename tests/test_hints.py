"""Names of other libraries lead to ours, in `load` and in every task."""

import contextlib
import copy
import dataclasses
import importlib
import importlib.metadata
import inspect
import json
import pickle
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import distilbert
from conftest import Maker
from distilbert import Classification, Entity, InputError, MaskFill, Ranked, UnknownOptionError, load
from distilbert import hint_arguments as arguments
from distilbert import hint_attributes as attributes
from distilbert import hint_options as options
from distilbert.arguments import FinetuneArguments
from distilbert.cli.main import COMMANDS
from distilbert.folder.checkpoint import Head
from distilbert.server_settings import Settings
from distilbert.tasks.by_name import TASKS

GOLDEN = Path(__file__).parent / "golden"
PEERS = json.loads((GOLDEN / "peer_names.json").read_text())
TABLES = {
    "transformers": (arguments.TRANSFORMERS_ARGUMENTS, attributes.TRANSFORMERS_ATTRIBUTES),
    "sentence-transformers": (arguments.SENTENCE_TRANSFORMERS_ARGUMENTS, attributes.SENTENCE_TRANSFORMERS_ATTRIBUTES),
    "fastembed": (arguments.FASTEMBED_ARGUMENTS, attributes.FASTEMBED_ATTRIBUTES),
    "setfit": (options.SETFIT_ARGUMENTS, attributes.SETFIT_ATTRIBUTES),
    "rust-bert": (options.RUST_BERT_ARGUMENTS, {**attributes.RUST_BERT_ATTRIBUTES, **attributes.RUST_BERT_NAMES}),
}
OPTIONS: dict[str, tuple[Mapping[str, str], Any]] = {
    "setfit": (options.SETFIT_OPTIONS, FinetuneArguments),
    "text-embeddings-inference": (options.TEI_OPTIONS, Settings),
}
# arguments that the peers' methods hand to each other, not people to them
INNER = {"_legacy", "all_outputs", "args_parser", "binary_output", "embeddings1", "embeddings2", "example", "modelcard"}
INNER |= {"model_outputs", "offset_mapping", "pairs", "sentence", "target_ids"}


def of_peer(peer: str, what: str) -> set[str]:
    return {name for key, names in PEERS.items() if key.rpartition(" ")[0] == peer for name in names.get(what, [])}


def our_arguments() -> set[str]:
    functions = [load, *(kind.__call__ for kind in TASKS.values())]
    return {name for function in functions for name in inspect.signature(function).parameters}


@pytest.mark.parametrize("peer", TABLES)
def test_the_tables_are_about_names_that_the_peers_have(peer: str) -> None:
    theirs, names = TABLES[peer]
    assert set(theirs) - of_peer(peer, "arguments") == set()
    assert set(names) - of_peer(peer, "attributes") == set()
    assert set(theirs) & our_arguments() <= {"top_k", "documents"}, "a hint for what some tasks have"


@pytest.mark.parametrize("peer", TABLES)
def test_every_argument_of_a_peer_works_here_or_has_its_hint(peer: str) -> None:
    assert of_peer(peer, "arguments") - set(arguments.ARGUMENTS) - our_arguments() - INNER == set()


@pytest.mark.parametrize("peer", OPTIONS)
def test_every_option_of_a_peer_works_here_or_has_its_hint(peer: str) -> None:
    table, settings = OPTIONS[peer]
    fields = {field.name for field in dataclasses.fields(settings)}
    theirs = of_peer(peer, "options")
    assert set(table) <= theirs - fields
    assert theirs - fields - set(table) <= set(arguments.ARGUMENTS) | our_arguments()
    named = {name for hint in table.values() for name in re.findall("([a-z_]+)=", hint)}
    assert named <= fields | {"precision"}  # which `serve` takes beside its settings
    for name, hint in table.items():
        with pytest.raises(UnknownOptionError) as raised:
            settings(**{name: 1})
        assert str(raised.value) == f"there is no argument {name}: {hint}"
    name = sorted(fields)[0]
    with pytest.raises(UnknownOptionError, match=rf"there is no argument {name}x \(did you mean {name}\?\); there are"):
        settings(**{f"{name}x": 1})


def hint_texts() -> list[str]:
    tables: list[Any] = [arguments.ARGUMENTS, attributes.ATTRIBUTES, attributes.RESULT_FIELDS, attributes.NAMES]
    tables += [arguments.VALUES, *options.COMMAND_OPTIONS.values()]
    return [text for table in tables for text in table.values()]


def test_what_hints_name_is_there() -> None:
    text = "\n".join(hint_texts())
    for name in sorted(set(re.findall(r"distilbert(?:\.\w+)+", text))):
        found: Any = distilbert
        with contextlib.suppress(distilbert.MissingExtraError):
            for part in name.split(".")[1:]:
                found = getattr(found, part, None) or importlib.import_module(f"{found.__name__}.{part}")
    assert set(re.findall(r"`distilbert ([\w-]+)", text)) <= {command.name for command in COMMANDS}


@pytest.mark.parametrize("peer", ["transformers", "sentence-transformers", "fastembed", "setfit"])
def test_the_names_were_read_from_the_version_that_is_installed(peer: str) -> None:
    """Else run golden/make_peer_names.py."""
    try:
        installed = importlib.metadata.version(peer)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{peer} is not installed")
    assert f"{peer} {installed}" in PEERS


@pytest.mark.slow
def test_the_names_are_those_of_the_peers_that_are_installed() -> None:
    pytest.importorskip("sentence_transformers")
    # in a process of its own: what other tests import adds attributes to the peers' classes
    code = "import json, make_peer_names; print(json.dumps(make_peer_names.installed()))"
    run = subprocess.run([sys.executable, "-c", code], cwd=GOLDEN, capture_output=True, text=True, check=True)
    for name, found in json.loads(run.stdout.splitlines()[-1]).items():
        assert PEERS[name] == found


def test_there_are_more_than_sixty_hints_of_one_line() -> None:
    texts = hint_texts()
    assert len(texts) > 200
    assert all(text and text.isprintable() and len(text) < 200 for text in texts)
    assert set(arguments.TASK_ALIASES.values()) <= set(TASKS)
    assert not set(arguments.TASK_ALIASES) & set(TASKS)


HEADS = {
    "text-classification": Head.SEQUENCE_CLASSIFICATION,
    "token-classification": Head.TOKEN_CLASSIFICATION,
    "question-answering": Head.QUESTION_ANSWERING,
    "fill-mask": Head.MASKED_LM,
    "multiple-choice": Head.MULTIPLE_CHOICE,
    "feature-extraction": Head.NONE,
    "zero-shot-classification": Head.SEQUENCE_CLASSIFICATION,
    "text-ranking": Head.SEQUENCE_CLASSIFICATION,
    "sparse-encoding": Head.MASKED_LM,
}


@pytest.mark.parametrize("name", HEADS)
def test_every_call_of_every_task_tells_of_every_argument(make_checkpoint: Maker, name: str) -> None:
    labels = {"id2label": {"0": "contradiction", "1": "entailment"}} if "zero" in name else {"num_labels": 1}
    task = load(make_checkpoint(HEADS[name], **labels), name)
    for call in (task.__call__, task.stream, task.logits):
        given = inspect.signature(call).parameters
        texts = [["a text [MASK]"] for each in given.values() if each.kind is each.POSITIONAL_OR_KEYWORD]
        for argument in set(arguments.ARGUMENTS) - set(given) - {"top_k"}:
            with pytest.raises(UnknownOptionError) as raised:
                call(*texts, **{argument: 1})
            assert str(raised.value) == f"there is no argument {argument}: {arguments.ARGUMENTS[argument]}"
    for attribute in set(attributes.ATTRIBUTES) - set(dir(task)):
        with pytest.raises(AttributeError) as missing:
            getattr(task, attribute)
        assert attributes.ATTRIBUTES[attribute] in str(missing.value)
        with pytest.raises(AttributeError, match=f"has no {attribute}: "):
            setattr(task, attribute, 1)
    for inner in (task.tokenizer, task.tokenizer.encode("a text"), task.config):
        assert inner.elsewhere
        for attribute, hint in inner.elsewhere.items():
            with pytest.raises(AttributeError) as missing:
                getattr(inner, attribute)
            assert str(missing.value) == f"{type(inner).__name__} has no {attribute}: {hint}"
    with pytest.raises(AttributeError, match="has no batch_size: texts are batched"):
        _ = task.batch_size
    assert not hasattr(task, "encode")


def test_a_slip_of_the_pen_is_told_with_the_name_it_is_like(make_checkpoint: Maker) -> None:
    classify = load(make_checkpoint())
    with pytest.raises(UnknownOptionError, match=r"treshold \(did you mean threshold\?\); there are texts, "):
        classify("a text", treshold=0.5)
    with pytest.raises(TypeError, match=r"no argument tok_p \(did you mean top_k\?\)"):
        classify.stream(["a text"], tok_p=1)
    with pytest.raises(InputError, match=r"did you mean threads\?"):
        load("anything", thread=1)  # type: ignore[call-overload]
    with pytest.raises(AttributeError, match=r"TextClassifier has no logit \(did you mean logits\?\)"):
        classify.logit("a text")


def test_other_type_errors_stay_what_they_are(make_checkpoint: Maker) -> None:
    classify = load(make_checkpoint())
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'texts'") as raised:
        classify()
    assert not isinstance(raised.value, InputError)


@pytest.mark.parametrize("name", attributes.RESULT_FIELDS)
def test_fields_of_results_of_other_libraries(name: str) -> None:
    results = (
        Entity("PER", "Anna", 0, 4, 0.9),
        MaskFill("good", 7, 0.5, "a good film"),
        Classification("positive", 0.9, 5, False),
        Ranked(0, 0.5, "a film", False),
    )
    hint = attributes.RESULT_FIELDS[name]
    told = [result for result in results if not hint.isidentifier() or hasattr(result, hint)]
    assert told
    for result in results:
        message = f"{type(result).__name__} has no {name}: {hint}"
        with pytest.raises(AttributeError) as missing:
            getattr(result, name)
        with pytest.raises(KeyError) as lacking:
            result[name]
        assert [str(missing.value) == message, lacking.value.args == (message,)] == [result in told] * 2
    with pytest.raises(KeyError, match=r"one text gives one Entity, not a list: result\['label'\]"):
        results[0][0]  # type: ignore[index]


def test_a_result_tells_of_a_field_like_its_own_and_travels() -> None:
    fill = MaskFill("good", 7, 0.5, "a good film")
    with pytest.raises(AttributeError, match=r"MaskFill has no token_ids \(did you mean token_id\?\)"):
        _ = fill.token_ids  # type: ignore[attr-defined]
    assert not hasattr(fill, "nothing")
    assert pickle.loads(pickle.dumps(fill)) == copy.deepcopy(fill) == fill


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"device": 0}, "(device=0: device='cuda')"),
        ({"device": -1}, "(device=-1: device='cpu')"),
        ({"device": "cuda:0"}, "(device='cuda:0': device='cuda')"),
        ({"precision": "fp16"}, "the CPU runs float32 or int8"),
        ({"precision": "binary"}, "output='binary', at the call"),
        ({"device": "gpu"}, "(device='gpu': device='cuda')"),
        ({"device": "cuda:1"}, "CUDA_VISIBLE_DEVICES"),
        ({"device": 2}, "CUDA_VISIBLE_DEVICES"),
        ({"device": None}, "device=None: leave it out"),
        ({"threads": -1}, "leave it out for all cores"),
        ({"precision": "q8"}, "precision='int8'"),
        ({"task": "summarization"}, "DistilBERT reads text and writes none"),
        ({"task": "image-classification"}, "DistilBERT reads text alone"),
        ({"task": "sentiment-analisys"}, "did you mean sentiment-analysis?"),
    ],
)
def test_values_of_peers_at_load(make_checkpoint: Maker, options: dict[str, Any], hint: str) -> None:
    with pytest.raises(InputError) as raised:
        load(make_checkpoint(), **options)
    assert hint in str(raised.value)


def test_values_of_peers_at_the_call(make_checkpoint: Maker) -> None:
    classify = load(make_checkpoint())
    with pytest.raises(InputError, match=r"function='SOFTMAX': function='softmax'"):
        classify("a text", function="SOFTMAX")
    with pytest.raises(InputError, match=r"not dict \(a pair is a tuple: \(text, other\)\)"):
        classify({"text": "a text", "text_pair": "another"})
    with pytest.raises(InputError, match="long_text=True: long_text='truncate'"):
        classify.stream(["a text"], long_text=True)
    with pytest.raises(InputError, match="top_k=-1: top_k=None for all"):
        classify("a text", top_k=-1)
    with pytest.raises(InputError, match="long_text='longest_first': long_text='truncate'"):
        classify("a text", long_text="longest_first")
    embed = load(make_checkpoint(Head.NONE, name="embedder"))
    with pytest.raises(InputError, match="output='token_embeddings': logits"):
        embed("a text", output="token_embeddings")
    tag = load(make_checkpoint(Head.TOKEN_CLASSIFICATION, name="tagger"))
    for value in ("FIRST", True, "mean"):
        with pytest.raises(InputError, match=f"aggregation={value!r}: aggregation="):
            tag("a text", aggregation=value)


@pytest.mark.parametrize(("alias", "task"), [pair for pair in arguments.TASK_ALIASES.items() if pair[1] in HEADS])
def test_other_names_of_tasks(make_checkpoint: Maker, alias: str, task: str) -> None:
    labels = {"id2label": {"0": "contradiction", "1": "entailment"}} if "zero" in task else {"num_labels": 1}
    opened = load(make_checkpoint(HEADS[task], **labels), alias)
    assert type(opened) is TASKS[task]
    assert type(pickle.loads(pickle.dumps(opened))) is TASKS[task]


def test_names_of_the_package() -> None:
    for name, hint in attributes.NAMES.items():
        with pytest.raises(AttributeError, match="has no attribute") as raised:
            getattr(distilbert, name)
        assert hint in str(raised.value)
    with pytest.raises(AttributeError, match=r"did you mean Embedder\?"):
        _ = distilbert.Embeder  # type: ignore[attr-defined]
    code = "import distilbert; distilbert.evaluation"  # in a process that has not imported it
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "has no attribute 'evaluation': import distilbert.evaluation\n" in run.stderr


def test_a_task_is_not_made_of_a_name() -> None:
    with pytest.raises(InputError, match=r"made by distilbert.load\('some/model', 'text-classification'\)"):
        distilbert.TextClassifier("some/model")  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match=r"TextClassifier has no from_pretrained: distilbert\.load\(model\)"):
        distilbert.TextClassifier.from_pretrained("some/model")
