"""Few examples: contrastive learning brings the vectors of a class together, then a linear head is fitted on them.

The recipe is that of Tunstall et al. 2022, Efficient Few-Shot Learning Without Prompts (SetFit),
https://arxiv.org/abs/2209.11055. SetFit draws pairs of texts and encodes both of each; here all pairs among a step's
texts are compared, so that a tenth of the encoder's runs does the same.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # as everyone calls it

from ..arguments import FinetuneArguments
from ..data.examples import Data, LabelledText, SentencePair
from ..errors import InputError, counted
from ..head_only.fitting import check_task, fit_and_save
from ..nn.packed import Packed
from ..tasks.embedding import Embedder
from ..tokenizer import BertTokenizer
from ..trained import Trained, command_of
from .defaults import epochs_for, rate_at
from .loop import run as run_loop
from .loop import step_count
from .objective import AnyModel, Item, TaskObjective, pooled
from .opened import open_trainable
from .precision import with_precision
from .run import Run

_RATE = 5e-5  # the learning rate, see `rate_at`
_TEXTS, _TEXTS_A_CLASS = 32, 4  # of a step at least, so that there are pairs of every class
_STEPS, _MOST_EPOCHS = 80, 20


class ContrastClasses(TaskObjective):
    """Pairs of texts of one class are alike, others are not: the squared error of their cosines to 1 and 0.

    Both kinds of pairs count the same, however many there are of each. Texts are drawn for each step so that all
    classes come as often; an item is only the place of one of them.
    """

    whole_steps = True

    def __init__(self, data: Data[LabelledText], tokenizer: BertTokenizer, max_length: int) -> None:
        texts = [example.text for example in data.examples]
        encodings = tokenizer.encode_batch([str(text) for text in texts], max_length=max_length)
        classes = [data.labels.index(str(example.label)) for example in data.examples]
        super().__init__([Item((each.ids,), None, label) for each, label in zip(encodings, classes, strict=True)])
        self._of_class = [[item for item in self.items if item.target == label] for label in sorted({*classes})]

    def draw(self, item: Item, rng: np.random.Generator) -> Item:
        """A text of any class, all classes as often."""
        members = self._of_class[rng.integers(len(self._of_class))]
        return members[rng.integers(len(members))]

    def loss_of(self, model: AnyModel, output: Tensor, batch: Packed, items: Sequence[Item]) -> Tensor:
        vectors = F.normalize(pooled(output, batch), dim=-1)
        targets = torch.tensor([item.target for item in items], device=vectors.device)
        same = (targets[:, None] == targets[None]).float()
        errors = (vectors @ vectors.T - same).square()
        others = torch.ones_like(errors).triu(1)  # each pair once, none with itself
        parts = [(errors * kind).sum() / kind.sum().clamp(min=1) for kind in (others * same, others * (1 - same))]
        return (parts[0] + parts[1]) / 2 * len(items)


def train_few_shot(arguments: FinetuneArguments, *, quiet: bool = False) -> Trained:
    """Train an encoder by contrast, fit a linear head on the means of its states, and write a classifier's folder.

    Raises what `finetune` raises, and InputError for another task than single labels of single texts.
    """
    check_task(arguments, "--few-shot")
    run = Run(arguments, quiet=quiet)
    data, held_out, test = run.reader.read_all()
    if data.problem != "single_label_classification":
        raise InputError(f"{data.source}: --few-shot is for texts with one label each; --head-only takes other kinds")
    classes = len({example.label for example in data.examples})
    if classes < 2:
        raise InputError(f"{data.source}: all labels are {data.examples[0].label!r}; there is nothing to tell apart")
    if not all(isinstance(example.text, str) for example in data.examples):
        raise InputError(f"{data.source}: has pairs of texts, and --few-shot is for single ones")
    plain: Data[SentencePair] = Data(data.source, [])
    opened = open_trainable(
        "sentence-similarity", arguments.model, plain, max_length=arguments.max_length, seed=arguments.seed
    )
    objective = ContrastClasses(data, opened.folder.tokenizer, opened.max_length)
    batch_size = arguments.batch_size or max(_TEXTS, _TEXTS_A_CLASS * classes)
    settled = dataclasses.replace(
        arguments,
        batch_size=batch_size,
        epochs=arguments.epochs or epochs_for(_STEPS, len(data.examples), batch_size, 1, _MOST_EPOCHS),
        learning_rate=arguments.learning_rate or rate_at(opened.model.config.dim, _RATE),
    )
    settled = with_precision(settled)
    texts = len(data.examples)
    steps = f"{counted(step_count(settled, texts), 'step')} of {counted(min(batch_size, texts), 'text')}"
    run.console.print(f"{steps} at a learning rate of {settled.learning_rate:g}, then a head")
    state = run_loop(opened.model, objective, settled, run.accelerator, quiet=quiet)
    embedder = Embedder(dataclasses.replace(opened.live.model, sentence=None))
    weights = {name: tensor.float().numpy(force=True) for name, tensor in opened.model.by_table_name().items()}
    facts = {
        "made": "Fine-tuned",
        "command": command_of(["distilbert", "train"], arguments),
        "steps": state.step,
        "tokens": state.tokens,
        "seconds": state.seconds,
    }
    parts = (data, held_out, test)
    return fit_and_save(embedder, weights, opened.folder, settled, parts, run.console, facts, state.losses)
