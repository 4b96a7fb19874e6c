"""The models of a server: each under a name, with all the tasks that its one graph can do."""

import dataclasses
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Literal

import numpy as np

from ..batch import Batch
from ..engine.seam import CpuEngine
from ..errors import CheckpointError, InputError, short_repr
from ..folder.checkpoint import Head
from ..loading import load
from ..prompts import Prompts
from ..server_settings import Settings
from ..tasks.embedding import Embedder
from ..tasks.late_interaction import LateInteractionEncoder
from ..tasks.reranking import Reranker
from ..tasks.sparse import SparseEncoder
from ..tasks.task import FIRST, AnyTask, Model, Task
from ..tasks.text_classification import TextClassifier
from ..tasks.token_classification import TokenClassifier
from ..tasks.zero_shot import ZeroShotClassifier
from ..tasks.zero_shot_similarity import SimilarityClassifier
from .batcher import Batcher
from .errors import Fault, RequestError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


def open_models(
    models: Sequence[str],
    tasks: Sequence[str] = (),
    *,
    precision: Literal["float32", "int8"] | None = None,
    settings: Settings | None = None,
) -> dict[str, Task]:
    """Load what is to be served, by name.

    Args:
        models: each a folder or a name on the hub, or `NAME=` and that; by default the name is the last part.
        tasks: `TASK` for all of the models, or `NAME=TASK` for one; by default what each was trained for.
        precision: of computing; by default as each folder is stored.
        settings: for the cores and the token budget.

    Raises:
        InputError: for names that are not simple or given twice, and for a task of a model that is not there.
        DistilBertError: as `distilbert.load`.
    """
    settings = settings or Settings()
    places: dict[str, str] = {}
    for model in models:
        given, _, place = model.partition("=")
        if not place or "/" in given:
            given, place = PurePath(model).name, model
        if not _NAME.fullmatch(given):
            raise InputError(f"{short_repr(given)} cannot be a model's name; write NAME={place}, in letters and digits")
        if given in places:
            raise InputError(f"two models are called {given!r}; write NAME={place}")
        places[given] = place
    chosen: dict[str, str] = {}
    for task in tasks:
        name, _, kind = task.rpartition("=")
        if name and name not in places:
            raise InputError(f"--task {task}: no model is called {name!r}; there are {', '.join(places)}")
        chosen |= dict.fromkeys([name] if name else places, kind)
    return {
        name: load(
            place,
            chosen.get(name),
            precision=precision,
            threads=settings.threads or None,
            max_batch_tokens=settings.max_batch_tokens,
        )
        for name, place in places.items()
    }


def aliases_of(text: str, models: Collection[str]) -> dict[str, str]:
    """`ALIAS=NAME,ALIAS=NAME`. Raises InputError for names that are not simple, taken, or not there."""
    aliases: dict[str, str] = {}
    for pair in filter(None, (pair.strip() for pair in text.split(","))):
        alias, equals, name = pair.partition("=")
        if not equals:
            raise InputError(f"--aliases {pair}: write ALIAS=NAME, such as {pair}={next(iter(models), 'NAME')}")
        if not _NAME.fullmatch(alias) or alias in models or alias in aliases:
            raise InputError(f"--aliases: {short_repr(alias)} cannot be another name of a model, or is one already")
        if name not in models:
            raise InputError(f"--aliases {pair}: no model is called {name!r}; there are {', '.join(models)}")
        aliases[alias] = name
    return aliases


class ServedModel:
    """A model and its tasks.

    Attributes:
        tasks: the first is the one that it was loaded for.
        precision: of computing.
        engine: what runs it, and `reason` why: "onnx", "native" or "torch".

    Raises InputError where it has not the prompt that the settings name.
    """

    def __init__(self, name: str, task: Task, batcher: Batcher, settings: Settings) -> None:
        self.name = name
        engine = task.model.engine
        if isinstance(engine, CpuEngine):
            self.precision, self.engine, self.reason = engine.precision, engine.name, engine.reason
        else:
            self.precision, self.engine, self.reason = "float32", "torch", "the device is no CPU"
        self._files = engine.files if isinstance(engine, CpuEngine) else None
        model = _prompted(name, task, settings) if isinstance(task, Embedder | SparseEncoder) else task.model
        self.model = dataclasses.replace(model, engine=batcher.wrap(model.engine, name))
        self.tasks = _tasks(task, self)

    def find(self, kind: type[AnyTask]) -> AnyTask | None:
        return next((task for task in self.tasks if isinstance(task, kind)), None)

    def get(self, kind: type[AnyTask], what: str) -> AnyTask:
        """The task of this kind. Raises RequestError if the model is not `what`."""
        task = self.find(kind)
        if task is None:
            raise RequestError(
                Fault.WRONG_MODEL, f"model {self.name!r} is not {what}; its task is {self.tasks[0].task!r}"
            )
        return task

    def warm_up(self) -> None:
        """Run twice: once so that all memory is there, once to measure."""
        ids = np.zeros(min(32, self.model.max_length), np.int64)
        for _ in range(2):
            self.model.engine.run(Batch.pack([ids], [FIRST]))

    def changed(self) -> bool:
        """Whether the files of its weights were overwritten or cut off: one system call a file."""
        try:
            if self._files:
                self._files.check()
        except CheckpointError:
            return True
        return False

    def described(self) -> dict[str, Any]:
        """What it is, for people and programs that choose one."""
        task = self.tasks[0]
        facts: dict[str, Any] = {
            "name": self.name,
            "task": task.task,
            "tasks": [each.task for each in self.tasks],
            "precision": self.precision,
            "engine": self.engine,
            "max_length": self.model.max_length,
            "vocabulary": self.model.tokenizer.vocab_size,
        }
        if isinstance(task, TextClassifier | TokenClassifier | ZeroShotClassifier) and task.head is not Head.NONE:
            facts["labels"] = list(task.config.labels)
        if isinstance(task, Embedder | LateInteractionEncoder):
            facts["dimensions"] = task.dim
        return facts


def _prompted(name: str, task: Embedder | SparseEncoder, settings: Settings) -> Model:
    """The model with the default prompt of the settings, where they have one."""
    prompts, default = task.sentence.prompts, settings.default_prompt_name
    if settings.default_prompt:
        default = "default"
        prompts = Prompts({**prompts.by_name, default: settings.default_prompt})
    elif not default:
        return task.model
    if default not in prompts.by_name:
        have = ", ".join(prompts.by_name) or "none"
        raise InputError(f"--default-prompt-name: model {name!r} has no prompt called {default!r}; it has {have}")
    sentence = dataclasses.replace(task.sentence, prompts=dataclasses.replace(prompts, default=default))
    return dataclasses.replace(task.model, sentence=sentence)


def _tasks(task: Task, served: ServedModel) -> tuple[Task, ...]:
    """The tasks that one opened model can do: a sequence classifier may also rerank, or do zero-shot classification,
    and so may an encoder, by similarity.
    """
    model = served.model
    tasks: list[Task] = [type(task)(model)]
    if isinstance(task, Embedder):
        tasks.append(SimilarityClassifier(model))
    elif isinstance(task, TextClassifier | ZeroShotClassifier | Reranker) and task.head is not Head.NONE:
        kinds: Mapping[type[Task], bool] = {
            TextClassifier: True,
            ZeroShotClassifier: task.config.num_labels > 1,
            Reranker: task.config.num_labels == 1,
        }
        for kind, possible in kinds.items():
            if possible and not isinstance(task, kind):
                also = kind(model)
                if not isinstance(also, ZeroShotClassifier) or also.entailment is not None:  # its labels say which
                    tasks.append(also)
    return tuple(tasks)
