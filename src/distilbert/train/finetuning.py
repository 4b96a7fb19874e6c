"""`finetune`: a model, files of examples and settings -> the model, trained, as a folder with its report."""

from pathlib import Path

from ..arguments import FinetuneArguments
from .objectives import make_objective
from .opened import open_trainable
from .run import Run, Trained


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
    run = Run(arguments, quiet=quiet)
    if done := run.done():
        return done
    data, held_out, test = run.read_all()
    opened = open_trainable(arguments.task, arguments.model, data, max_length=arguments.max_length, seed=arguments.seed)
    run.say_lengths(opened.tokenizer, data, opened.max_length)
    objective = make_objective(
        arguments.task,
        data,
        opened.tokenizer,
        opened.max_length,
        class_weights=arguments.class_weights,
        first_only=opened.first_only,
    )

    parts = arguments.task == "sentence-similarity"
    opened.folder.check_companions(parts=parts)

    def save(out: Path) -> None:
        opened.model.save_pretrained(out)
        opened.folder.copy_companions(out, parts=parts)

    return run.train_and_save(
        opened.model,
        objective,
        live=lambda: opened.live,
        save=save,
        data=[data],
        held_out=held_out,
        test=test,
        facts={"from": str(arguments.model), "made": "Fine-tuned", "command": "distilbert train"},
    )
