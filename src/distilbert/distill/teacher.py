"""Teachers: models whose outputs, hidden states and attention a student is trained to come close to.

`read_model` computes them with a model of `distilbert.nn`, the student as well as a teacher. `ForeignTeacher` does so
with a model of another family that Transformers loads.
"""

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ..config import DistilBertConfig
from ..convert import convert
from ..errors import CheckpointError, ConfigError, InputError, import_extra, name_list, translated
from ..fetching import fetch
from ..files import read_json
from ..folder.checkpoint import Head, open_checkpoint, outputs_of
from ..folder.companions import copy_companions, encoder_folder
from ..folder.hub import resolve
from ..folder.layout import CONFIG
from ..folder.opened import open_folder
from ..nn import Packed
from ..nn.heads import MODELS
from ..pooling import Dense
from ..tasks.by_name import TASKS
from ..tokenizer import BertTokenizer
from ..train.objective import AnyModel, Item, batch_of, device_of, pack, packed_on, pooled


@dataclass(frozen=True)
class RequestedOutputs:
    """What the losses need of a model besides its head's output.

    Attributes:
        states: which of its L + 1 hidden states, 0 for the embeddings.
        relations: whether the queries, keys and values of its last layer too.
        vectors: whether sentence vectors in place of the head's output.
    """

    states: tuple[int, ...] = ()
    relations: bool = False
    vectors: bool = False


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a model computes of a few items, their texts one after the other.

    Attributes:
        output: float [K, C], the head's output of the rows that it reads; or float [B, D], sentence vectors.
        states: float [N, D] of each that was requested.
        relations: the last layer's queries, keys and values, float [N, D]; none where they were not requested.
    """

    output: Tensor
    states: tuple[Tensor, ...] = ()
    relations: tuple[Tensor, ...] = ()


class Teacher(ABC):
    """A model that is not trained.

    Attributes:
        name: of its folder, for messages.
        config: its shape, labels and problem, as a DistilBERT's.
        max_length: the longest text in tokens.
        first_only: whether the vector of a sentence is read off its first token alone.
        lower_case: whether a sentence-transformers folder lower-cases texts before all else.
    """

    name: str
    model: Any
    tokenizer: BertTokenizer
    config: DistilBertConfig
    max_length: int
    first_only: bool
    lower_case: bool

    @abstractmethod
    def weights(self) -> dict[str, Tensor]:
        """Its weights by the names of the key table, as far as a DistilBERT has them."""

    @abstractmethod
    def width(self, requested: RequestedOutputs) -> int:
        """C, the width of its output for a row, or of its sentence vectors where these are requested."""

    @abstractmethod
    def compute(self, items: Sequence[Item], requested: RequestedOutputs) -> Outputs:
        """Its outputs for items in the ids of its own vocabulary."""

    def to(self, device: torch.device) -> Self:
        """Itself, on a device."""
        self.model.to(device)
        return self


def read_model(model: AnyModel, items: Sequence[Item], requested: RequestedOutputs) -> tuple[Outputs, Packed]:
    """The outputs of a model of `distilbert.nn` for items, and the batch that they were packed into."""
    if not requested.states and not requested.relations:  # the last layer is computed for the head's rows alone
        batch = pack(model, items)
        output = model.run(batch)
        return Outputs(pooled(output, batch) if requested.vectors else output), batch
    read = batch_of(items)
    batch = packed_on(device_of(model), replace(read, rows=None))
    encoder = model if model.head is Head.NONE else model.distilbert
    attention = encoder.transformer.layer[-1].attention
    states: list[Tensor] = []
    with _hooked([attention.q_lin, attention.k_lin, attention.v_lin]) as projected:
        last = encoder.transformer(encoder._embed(batch), batch, states)
    of_rows = last if read.rows is None else last[torch.from_numpy(read.rows).to(last.device)]
    if requested.vectors and read.rows is None:
        output = pooled(last, batch)
    else:
        output = of_rows if requested.vectors else model.score(of_rows)
    return Outputs(
        output,
        tuple(states[i] for i in requested.states),
        tuple(x[: len(last)] for x in projected) if requested.relations else (),
    ), batch


@contextmanager
def _hooked(modules: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """A list that after the block holds the output that each module had in it, in the order given."""
    found: dict[int, Tensor] = {}
    outputs: list[Tensor] = []

    def keep(place: int) -> Any:
        return lambda _module, _inputs, output: found.__setitem__(place, output)

    hooks = [module.register_forward_hook(keep(place)) for place, module in enumerate(modules)]
    try:
        yield outputs
        outputs += [found[place] for place in range(len(modules))]
    finally:
        for hook in hooks:
            hook.remove()


class NativeTeacher(Teacher):
    """A DistilBERT with the head of the task."""

    def __init__(self, folder: Path, task: str) -> None:
        kind = TASKS[task]
        opened = open_folder(folder, vectors=kind.makes_vectors)
        sentence = opened.sentence
        if kind.head not in (Head.NONE, opened.checkpoint.head):
            raise InputError(
                f"{folder}: has no head for {task}, and cannot teach it: train it first (distilbert train)"
            )
        self.name = str(folder)
        self.model: Any = MODELS[kind.head].from_checkpoint(opened.checkpoint).eval().requires_grad_(False)
        self.tokenizer = opened.tokenizer
        self.config = self.model.config
        if self.config.classifier_pooling != "cls":
            raise InputError(
                f"{folder}: its head reads the mean of all tokens (--few-shot, --head-only), and cannot teach; label "
                "texts with it (distilbert classify --out), and train on those"
            )
        self.max_length = opened.longest
        self.first_only = sentence is not None and sentence.first_only
        self.lower_case = sentence is not None and sentence.text.lower_case
        self._dense: list[Dense] = []
        if sentence:
            if parts := sentence.untrained_parts(dense=True):
                raise InputError(
                    f"{folder}: has {name_list(parts)}; only teachers that take the mean of the tokens, or the first "
                    "one, can teach"
                )
            self._dense = [layer for layer in sentence.layers if isinstance(layer, Dense)]

    def weights(self) -> dict[str, Tensor]:
        return {name: weight.cpu() for name, weight in self.model.by_table_name().items()}

    def width(self, requested: RequestedOutputs) -> int:
        if requested.vectors:
            return len(self._dense[-1].weight) if self._dense else self.config.dim
        return outputs_of(self.model.head, self.config)

    def compute(self, items: Sequence[Item], requested: RequestedOutputs) -> Outputs:
        with torch.no_grad():
            outputs, _ = read_model(self.model, items, requested)
        if not self._dense:
            return outputs
        vectors = outputs.output.float().cpu().numpy()
        for layer in self._dense:
            vectors = layer(vectors)
        return Outputs(torch.from_numpy(vectors).to(outputs.output.device), outputs.states, outputs.relations)


_FOREIGN = {
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "question-answering": "AutoModelForQuestionAnswering",
    "fill-mask": "AutoModelForMaskedLM",
}
# the settings of a config that a DistilBERT of the same size has too
_SHAPE = ("vocab_size", "max_position_embeddings", "hidden_size", "num_hidden_layers", "num_attention_heads",
          "intermediate_size", "hidden_act", "pad_token_id", "id2label", "problem_type")  # fmt: skip
_USUAL = 512  # tokens


class ForeignTeacher(Teacher):
    """A model of another family, with the head of the task, as Transformers loads it. None of its code is run."""

    def __init__(self, folder: Path, task: str) -> None:
        if task not in _FOREIGN:
            raise InputError(
                f"{folder}: is no DistilBERT; for {task}, `distilbert convert` makes one of a BERT, exactly"
            )
        why = "a teacher that is no DistilBERT needs Transformers: pip install 'distilbert[train]'"
        transformers = import_extra("transformers", why)
        self.name = str(folder)
        # of any kind, those of its file formats among them
        with translated(Exception, CheckpointError, f"{folder}: Transformers cannot open it as a teacher"):
            self.model, loading = getattr(transformers, _FOREIGN[task]).from_pretrained(
                folder, output_loading_info=True, local_files_only=True, dtype=torch.float32, trust_remote_code=False
            )
        if missing := sorted(loading["missing_keys"]):
            raise CheckpointError(f"{folder}: has no head for {task}: {missing[0]} is missing")
        self.model.eval().requires_grad_(False)
        self.tokenizer = BertTokenizer.from_folder(folder)
        config = self.model.config.to_dict()
        shape = {name: value for name, value in config.items() if name in _SHAPE} | {"model_type": "distilbert"}
        self.config = DistilBertConfig.from_dict(shape)
        self.max_length = min(self.tokenizer.max_length or _USUAL, self.config.max_position_embeddings, _USUAL)
        self.first_only = self.lower_case = False
        self._task = task
        self._pad = self.tokenizer.pad_token_id or 0
        self._typed = config.get("type_vocab_size", 0) > 1
        named_ends = ("query", "key", "value")
        self._projections = [m for name, m in self.model.named_modules() if name.rpartition(".")[2] in named_ends][-3:]

    def weights(self) -> dict[str, Tensor]:
        """The encoder's, folded into a DistilBERT's, where it is a BERT's; else none."""
        if self.model.config.model_type != "bert":
            return {}
        with tempfile.TemporaryDirectory() as temporary:
            bare, folded = Path(temporary) / "bert", Path(temporary) / "folded"
            self.model.base_model.save_pretrained(bare)
            copy_companions(Path(self.name), Path(self.name), bare, parts=False)
            convert(bare, folded)
            return {n: torch.from_numpy(np.array(t.read())) for n, t in open_checkpoint(folded).tensors.items()}

    def width(self, requested: RequestedOutputs) -> int:
        return outputs_of(TASKS[self._task].head, self.config)

    def compute(self, items: Sequence[Item], requested: RequestedOutputs) -> Outputs:
        if requested.relations and len(self._projections) != 3:
            raise InputError(f"{self.name}: its queries, keys and values are not found: leave out attention")
        batch, device = batch_of(items), self.model.device
        inside = batch.mask
        ids = np.full(inside.shape, self._pad)
        ids[inside] = batch.ids
        given = {"input_ids": ids, "attention_mask": inside.astype(np.int64)}
        if self._typed:  # the second of a pair is what stands behind the first [SEP]
            ends = ids == self.tokenizer.sep_token_id
            given["token_type_ids"] = ((ends.cumsum(1) - ends > 0) & inside).astype(np.int64)
        tokens = torch.from_numpy(np.flatnonzero(inside)).to(device)

        def packed(x: Tensor) -> Tensor:
            return x.flatten(0, 1).index_select(0, tokens)

        with torch.no_grad(), _hooked(self._projections if requested.relations else []) as projected:
            result = self.model(
                **{name: torch.from_numpy(array).to(device) for name, array in given.items()},
                output_hidden_states=bool(requested.states),
            )
        if self._task == "text-classification":
            output = result.logits
        elif self._task == "question-answering":
            output = packed(torch.stack([result.start_logits, result.end_logits], -1))
        else:
            output = packed(result.logits)
            output = output if batch.rows is None else output[torch.from_numpy(batch.rows).to(device)]
        states = tuple(packed(result.hidden_states[index]) for index in requested.states)
        return Outputs(output, states, tuple(map(packed, projected)))


def fetch_teacher(name: str | Path) -> Path:
    """The folder of the teacher called `name`: one of another family has its weights as the hub has them.

    Raises HubError for a name that leads nowhere, and what `fetch` raises.
    """
    folder = resolve(name, foreign=True)
    return fetch(name) if _is_distilbert(folder) else folder


def open_teacher(folder: Path, task: str) -> Teacher:
    """The teacher in a folder: a DistilBERT with the head of the task, or another model that Transformers loads.

    Raises ConfigError, CheckpointError, TokenizerError for what cannot be opened, InputError for a teacher that cannot
    teach the task, MissingExtraError for one of another family without Transformers.
    """
    return NativeTeacher(folder, task) if _is_distilbert(folder) else ForeignTeacher(folder, task)


def _is_distilbert(folder: Path) -> bool:
    kind: object = read_json(encoder_folder(folder) / CONFIG, ConfigError).get("model_type", "distilbert")
    return kind == "distilbert"
