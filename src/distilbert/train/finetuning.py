"""`finetune`: a model, files of examples and settings -> the model, trained, as a folder with its report."""

from pathlib import Path
from typing import Any

from ..arguments import ClassWeights, FinetuneArguments
from ..data.examples import Data
from ..data.summary import check_learnable
from ..errors import name_list
from ..head_only.fitting import fit_classifier
from ..trained import Trained, command_of
from .defaults import remarks, with_class_weights, with_defaults
from .evaluation_loss import with_known_labels
from .few_shot import train_few_shot
from .objective import Objective
from .objectives import ClassifyTexts, TagWords
from .opened import open_trainable
from .precision import with_precision
from .run import Run


def finetune(arguments: FinetuneArguments, *, quiet: bool = False) -> Trained:
    """Train a model and write it as a Transformers folder, with tokenizer, model card and report.html.

    Whatever is wrong in the settings or the data is found before anything is trained. With `resume` an
    interrupted run goes on where its last checkpoint was and ends in the same weights as one that was not.

    Raises:
        InputError: for settings, for what is wrong in the data (naming file and line), and for a folder that
            is not empty.
        CheckpointError: where a checkpoint or the model cannot be written.
        and what opening the model raises.
    """
    if arguments.head_only:
        return fit_classifier(arguments, quiet=quiet)
    if arguments.few_shot:
        return train_few_shot(arguments, quiet=quiet)
    run = Run(arguments, quiet=quiet)
    if done := run.done():
        return done
    data, held_out, test = run.reader.read_all()
    check_learnable(data)
    opened = open_trainable(arguments.task, arguments.model, data, max_length=arguments.max_length, seed=arguments.seed)
    if labels := opened.replaced_labels:
        run.console.print(
            f"a fresh head takes the place of the model's, whose labels are {name_list(labels)}", markup=False
        )
    run.reader.say_lengths(opened.folder.tokenizer, data, opened.max_length)
    settled = with_class_weights(arguments, data)
    objective = opened.objective(data, settled.class_weights)
    items, width = len(objective.items), opened.model.config.dim
    settled = with_precision(with_defaults(settled, arguments.task, items, width, fresh_head=opened.fresh_head))
    for remark in remarks(arguments, settled, data, items, width):
        run.console.print(remark, markup=False)
    run.arguments = settled

    parts = arguments.task == "sentence-similarity"
    opened.folder.check_companions(parts=parts)

    def save(out: Path) -> None:
        opened.save(out)
        opened.folder.copy_companions(out, parts=parts)

    scored = None if held_out is None else with_known_labels(held_out, data.labels)
    command = command_of(["distilbert", "train"], arguments)
    return run.train_and_save(
        opened.model,
        objective,
        live=lambda: opened.live,
        save=save,
        data=data,
        held_out=held_out,
        held_out_objective=opened.objective(scored, _weights(objective, data)) if scored else None,
        test=test,
        facts={"from": str(arguments.model), "made": "Fine-tuned", "command": command},
    )


def _weights(objective: Objective, data: Data[Any]) -> ClassWeights | None:
    """The weights of the labels in an objective, which "balanced" computes from the training examples."""
    if not isinstance(objective, ClassifyTexts | TagWords) or objective.weights is None:
        return None
    return dict(zip(data.labels, objective.weights.tolist(), strict=True))
