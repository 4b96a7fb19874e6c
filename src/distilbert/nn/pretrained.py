"""Fresh weights, and weights from and to model folders: what the encoder and its heads share."""

import dataclasses
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from ..config import DistilBertConfig
from ..errors import CheckpointError
from ..folder.checkpoint import PREFIX, Checkpoint, Head, key_table, open_checkpoint, save_checkpoint
from ..folder.hub import resolve

_PROJECTOR = "vocab_projector.weight"
_WORDS = f"{PREFIX}embeddings.word_embeddings.weight"


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
        """Weights in safetensors from a folder, `starter/NAME`, or a name on the hub.

        Args:
            model: where they are; the hub's local cache is asked before the hub.
            config: in place of the checkpoint's own: with other labels, say, or another dropout.
            new_head: take the encoder alone, and start the head afresh from torch's seed.
            revision: a branch, tag or commit on the hub.

        Raises:
            HubError, ConfigError, CheckpointError: naming the folder and what is missing or does not fit.
        """
        return cls.from_checkpoint(open_checkpoint(resolve(model, revision)), config=config, new_head=new_head)

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
        if checkpoint.bits:
            raise CheckpointError(f"{checkpoint.folder}: holds int8 weights; load the folder that it was made from")
        config = config or checkpoint.config
        wanted = key_table(config, Head.NONE if new_head else cls.head)
        if _PROJECTOR in wanted and _has_own_projector(checkpoint):
            config = dataclasses.replace(config, tie_word_embeddings=False)
        elif config.tie_word_embeddings:
            wanted.pop(_PROJECTOR, None)
        model = cls(config)
        parameters = model.by_table_name()
        for name, shape in wanted.items():
            tensor = checkpoint.tensors[name]
            if tensor.shape != shape:
                raise CheckpointError(
                    f"{checkpoint.folder}: {name} has shape {list(tensor.shape)}, but the config asks for {list(shape)}"
                )
            parameters[name].copy_(torch.from_numpy(np.array(tensor.read())))
        return model

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors in float32, whole or not at all; Transformers reads them too.

        The tokenizer's files are the caller's to copy. Raises CheckpointError for parameters that a
        DistilBERT of this kind does not have.
        """
        weights = {name: tensor.float().numpy(force=True) for name, tensor in self.by_table_name().items()}
        if self.config.tie_word_embeddings:
            weights.pop(_PROJECTOR, None)
        # the checkpoint that the config came from may have been stored in another precision
        extra = {key: value for key, value in self.config.extra.items() if key not in ("dtype", "torch_dtype")}
        config = dataclasses.replace(self.config, architectures=(self.head.value,), extra=extra)
        save_checkpoint(folder, config, weights)

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


def _has_own_projector(checkpoint: Checkpoint) -> bool:
    """Whether a masked-LM checkpoint has a projector that is not just a copy of its word embeddings."""
    own = checkpoint.tensors.get(_PROJECTOR)
    return own is not None and not np.array_equal(own.read(), checkpoint.tensors[_WORDS].read())
