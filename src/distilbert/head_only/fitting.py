"""`fit_classifier`: an encoder and labelled texts -> a classifier whose head alone was fitted, as a model folder."""

import dataclasses
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from ..arguments import FinetuneArguments
from ..config import DistilBertConfig
from ..data.examples import Data
from ..data.summary import check_learnable, uneven_classes
from ..errors import CheckpointError, InputError, MissingExtraError, translated
from ..evaluation.intervals import Interval, bootstrap
from ..evaluation.scores import Scores, constant_numbers, never_predicted
from ..evaluation.scoring import score_task
from ..fetching import fetch
from ..files import check_new_folder, write_json, written_whole_folder
from ..folder.checkpoint import Head, key_table, save_checkpoint
from ..folder.layout import TRAINING
from ..folder.opened import ModelFolder, open_folder
from ..loading import load, open_engine, open_model
from ..model_card import write_card
from ..progress import run_console
from ..tasks.embedding import Embedder
from ..trained import Trained, command_of, facts_of
from ..training_data import ExampleReader, check_max_length
from .heads import as_classifier, fit_head, last_norm_names

_WEIGHTED = {
    None: "weights make all count the same; --class-weights none leaves them out",
    True: "weights make all count the same",
    False: "--class-weights balanced makes all count the same",
}


def fit_classifier(arguments: FinetuneArguments, *, quiet: bool = False) -> Trained:
    """Fit a linear head on the means of each text's states, which takes seconds, and write a classifier's folder.

    Raises:
        InputError: for another task than text-classification, for what is wrong in the data (naming file and line), and
            for a folder that is not empty.
        CheckpointError: where the folder cannot be written.
        MissingExtraError: for `report` without the extra that draws it.
        and what opening the model raises.
    """
    console = run_console(quiet=quiet)
    check_task(arguments, "--head-only")
    if arguments.report is not None:
        from ..report import check_place

        check_place(arguments.report)
    check_new_folder(Path(arguments.out))
    data, held_out, test = ExampleReader(arguments, console).read_all()
    check_learnable(data)
    source = open_folder(fetch(arguments.model))
    weights = {name: source.checkpoint.float_weight(name) for name in key_table(source.config, Head.NONE)}
    engine = open_engine(
        source.checkpoint,
        Head.NONE,
        all_rows=True,
        precision=None,
        threads=arguments.threads or None,
        device="cpu",
    )
    opened = dataclasses.replace(open_model(source, engine), sentence=None)
    if longest := arguments.max_length:
        check_max_length(longest, source.config.max_position_embeddings, source.tokenizer, "the model reads")
        opened = dataclasses.replace(opened, max_length=longest)
    facts = {"made": "Fitted", "command": command_of(["distilbert", "train"], arguments)}
    return fit_and_save(Embedder(opened), weights, source, arguments, (data, held_out, test), console, facts)


def check_task(arguments: FinetuneArguments, option: str) -> None:
    """Raises InputError for a task whose labels are not those of whole texts."""
    if arguments.task != "text-classification":
        raise InputError(f"{option} is for text-classification, not for {arguments.task}")


def fit_and_save(
    embedder: Embedder,
    weights: Mapping[str, np.ndarray],
    source: ModelFolder,
    arguments: FinetuneArguments,
    parts: tuple[Data[Any], Data[Any] | None, Data[Any] | None],
    console: Console,
    facts: Mapping[str, Any],
    losses: Sequence[tuple[int, float]] = (),
) -> Trained:
    """Fit the head of an encoder that runs in `embedder` and has these weights by the names of the key table, score it
    and write it.

    Args:
        source: the folder that the encoder comes from.
        parts: the examples to fit on, those of `eval` and those of `test`.
        facts: how the encoder was made, for the report, the model card and training.json: "made", "command", ….
        losses: of its training, by step.
    """
    started = time.perf_counter()
    data, held_out, test = parts
    out = Path(arguments.out)
    balanced = _balanced(arguments, data)
    vectors = mean_states(embedder, data)
    if uneven := uneven_classes(data):
        console.print(f"{uneven}: {_WEIGHTED[balanced]}", markup=False)
    head = fit_head(vectors, data, balanced=balanced, seed=arguments.seed)
    gain, bias = (weights[name] for name in last_norm_names(source.config.n_layers))
    config = classifier_config(source.config, data)
    with translated(OSError, CheckpointError, f"{out}: cannot be written"), written_whole_folder(out) as temporary:
        save_checkpoint(temporary, config, {**weights, **as_classifier(head, (gain, bias))})
        source.copy_companions(temporary, parts=False)
        with warnings.catch_warnings(action="ignore"):  # what is odd was said of `source`
            classifier = load(temporary, "text-classification", precision="float32", threads=arguments.threads or None)
        found = [None if part is None else score_task(classifier, part) for part in (held_out, test)]
        scores = [bootstrap(each.metrics, each.examples) if each else {} for each in found]
        if line := never_predicted(found[0] or found[1]) or constant_numbers(found[0] or found[1]):
            console.print(line, markup=False)
        about = facts_of(arguments, data, held_out) | {"from": str(arguments.model), **facts}
        about["seconds"] = round(facts.get("seconds", 0) + time.perf_counter() - started, 1)
        write_card(temporary, about, scores[0], name=out.name)
        about["losses"] = losses
        reported = _write_report([temporary / "report.html", arguments.report], about, parts, found[0], scores)
        for name, intervals in zip(("scores", "test_scores"), scores, strict=True):
            about[name] = {metric: score.to_dict() for metric, score in intervals.items()}
        write_json(temporary / TRAINING, about)
    console.print(
        f"{out}: saved, {reported}; its config.json has classifier_pooling mean, which Transformers does not read",
        markup=False,
    )
    return Trained(out, *scores)


def mean_states(embedder: Embedder, data: Data[Any]) -> np.ndarray:
    """float32 [n, D]: the mean of each text's last hidden states. Raises InputError for pairs of texts."""
    texts = [example.text for example in data.examples]
    if not all(isinstance(text, str) for text in texts):
        raise InputError(f"{data.source}: has pairs of texts, and a head alone is fitted on single texts")
    return np.stack([states.mean(0) for states in embedder.logits(texts)])


def classifier_config(config: DistilBertConfig, data: Data[Any]) -> DistilBertConfig:
    """The config of a classifier of the data's labels that reads the mean of all tokens."""
    return dataclasses.replace(
        config.unquantized(),
        labels=data.labels,
        problem_type=data.problem,
        classifier_pooling="mean",
        architectures=(Head.SEQUENCE_CLASSIFICATION.value,),
    )


def _balanced(arguments: FinetuneArguments, data: Data[Any]) -> bool | None:
    """What is said of class weights. Raises InputError for weights of what has no classes."""
    if arguments.class_weights is None:
        return None
    if arguments.class_weights == "balanced" and data.problem != "single_label_classification":
        raise InputError("class_weights are for single labels")
    return arguments.class_weights == "balanced"


def _write_report(
    places: Sequence[str | Path | None],
    facts: Mapping[str, Any],
    parts: tuple[Data[Any], Data[Any] | None, Data[Any] | None],
    details: Scores | None,
    scores: Sequence[Mapping[str, Interval]],
) -> str:
    """Write the report where it can be drawn; in words whether it was."""
    try:
        from ..report import Training, write_training
    except MissingExtraError:
        return "without a report.html, which pip install 'distilbert[report]' draws"
    named = [
        (name, part) for name, part in zip(("train", "evaluation", "test"), parts, strict=True) if part is not None
    ]
    made = Training(facts, named, facts["losses"], [], details, scores[0], scores[1])
    write_training([place for place in places if place is not None], made)
    return "with report.html"
