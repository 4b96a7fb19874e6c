"""Fresh weights, and weights from and to model folders: what the encoder and its heads share."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from ..config import DistilBertConfig
from ..errors import CheckpointError, InputError, check_whole
from ..fetching import fetch
from ..folder.checkpoint import Checkpoint, Head, key_table, open_checkpoint, save_checkpoint
from ..folder.companions import encoder_folder
from ..folder.weight_names import PREFIX, PROJECTOR, WORDS


class Pretrained(nn.Module):
    """Base of `DistilBertModel` and of the heads on it.

    A subclass of one of them loads in the same way; parameters that it adds keep their fresh values.
    """

    head: ClassVar[Head]

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__()
        self.config = config

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path,
        *,
        config: DistilBertConfig | None = None,
        new_head: bool = False,
        revision: str | None = None,
    ) -> Self:
        """Weights from a folder, or a name on the hub. The model evaluates: call `train()` for dropout.

        It computes in float32. Of a quantised folder the weights are what its integers stand for.

        Args:
            model: where they are; the hub's local cache is asked before the hub. A repository that has none in
                safetensors is converted once, with a warning.
            config: in place of the checkpoint's own: with other labels, say, or another dropout.
            new_head: take the encoder alone, and start the head afresh from torch's seed.
            revision: a branch, tag or commit on the hub.

        Raises:
            HubError, ConfigError, CheckpointError: naming the folder and what is missing or does not fit.
            InputError: under `torch.device("meta")`, where there is no memory for weights.
        """
        checkpoint = open_checkpoint(encoder_folder(fetch(model, revision)))
        return cls.from_checkpoint(checkpoint, config=config, new_head=new_head)

    @classmethod
    def from_checkpoint(
        cls, checkpoint: Checkpoint, *, config: DistilBertConfig | None = None, new_head: bool = False
    ) -> Self:
        """The same from a checkpoint that is open already."""
        if cls.head not in (checkpoint.head, Head.NONE) and not new_head:
            raise CheckpointError(
                f"{checkpoint.folder}: is a {checkpoint.head.value}, not a {cls.head.value}; "
                "new_head=True takes its encoder and starts the head afresh"
            )
        config = (config or checkpoint.config).uncalibrated().unquantized()  # it may be trained from here on
        wanted = key_table(config, Head.NONE if new_head else cls.head)
        if PROJECTOR in wanted and _has_own_projector(checkpoint):
            config = dataclasses.replace(config, tie_word_embeddings=False)
        elif config.tie_word_embeddings:
            wanted.pop(PROJECTOR, None)
        model = cls(config)
        parameters = model.by_table_name()
        for name, shape in wanted.items():
            weight = checkpoint.float_weight(name)
            if weight.shape != shape:
                raise CheckpointError(
                    f"{checkpoint.folder}: {name} has shape {list(weight.shape)}, but the config asks for {list(shape)}"
                )
            if parameters[name].is_meta:
                raise InputError("a model on the device 'meta' has no weights to read into; build it on another device")
            parameters[name].copy_(torch.from_numpy(np.array(weight)))
        return model.eval()

    def gradient_checkpointing_enable(self, enabled: bool = True) -> None:
        """Train with less memory and some more time (Chen et al. 2016, https://arxiv.org/abs/1604.06174).

        Each block keeps its input alone, and computes the rest again for its gradients.
        """
        blocks: Any = self.get_submodule("transformer" if self.head is Head.NONE else "distilbert.transformer")
        blocks.gradient_checkpointing = enabled

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors in float32, whole or not at all; Transformers reads them too.

        The tokenizer's files are the caller's to copy. Raises CheckpointError for parameters that a
        DistilBERT of this kind does not have.
        """
        weights = {name: tensor.float().numpy(force=True) for name, tensor in self.by_table_name().items()}
        if self.config.tie_word_embeddings:
            weights.pop(PROJECTOR, None)
        save_checkpoint(folder, dataclasses.replace(self.config, architectures=(self.head.value,)), weights)

    def resize_token_embeddings(self, vocab_size: int) -> None:
        """Make room for `vocab_size` tokens, or for fewer: rows [V, D] are added or cut off at the end, in place.

        New rows are the mean of the old ones, so that a new token changes predictions little (Hewitt 2021,
        "Initializing new word embeddings for pretrained language models"); so are new rows and biases of a masked-LM
        projector. Raises InputError for less than one token.
        """
        check_whole("vocab_size", vocab_size)
        modules = dict(self.named_modules())
        words = modules[WORDS.removeprefix("" if self.head is not Head.NONE else PREFIX).removesuffix(".weight")]
        projector = modules.get(PROJECTOR.removesuffix(".weight"))
        tied = projector is not None and projector.weight is words.weight
        words.weight = _resized(words.weight, vocab_size)
        words.num_embeddings = vocab_size
        if words.padding_idx is not None and words.padding_idx >= vocab_size:
            words.padding_idx = None
        if projector is not None:
            projector.weight = words.weight if tied else _resized(projector.weight, vocab_size)
            projector.bias = _resized(projector.bias, vocab_size)
            projector.out_features = vocab_size
        for module in modules.values():
            if isinstance(module, Pretrained):
                module.config = dataclasses.replace(module.config, vocab_size=vocab_size)

    def by_table_name(self) -> dict[str, Tensor]:
        """The parameters by the names of the key table, where the encoder's always have its prefix."""
        prefix = PREFIX if self.head is Head.NONE else ""
        return {prefix + name: tensor for name, tensor in self.state_dict().items()}


def initialise(config: DistilBertConfig, *modules: nn.Module) -> None:
    """Fresh weights as in Transformers: normal of `initializer_range`, biases and the padding token's row zero."""
    for part in (part for module in modules for part in module.modules()):
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=config.initializer_range)
            nn.init.zeros_(part.bias)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=config.initializer_range)
            if part.padding_idx is not None:
                nn.init.zeros_(part.weight[part.padding_idx])


def _resized(weight: nn.Parameter, rows: int) -> nn.Parameter:
    """The first `rows` rows; those that are missing are the mean of all."""
    kept = weight.detach()[:rows]
    added = weight.detach().mean(0, keepdim=True).expand(max(0, rows - len(weight)), *weight.shape[1:])
    return nn.Parameter(torch.cat([kept, added]), requires_grad=weight.requires_grad)


def _has_own_projector(checkpoint: Checkpoint) -> bool:
    """Whether a masked-LM checkpoint has a projector that is not just a copy of its word embeddings."""
    projector = checkpoint.tensors.get(PROJECTOR)
    return projector is not None and not np.array_equal(projector.read(), checkpoint.tensors[WORDS].read())
