"""The whole of DistilBERT (Sanh, Debut, Chaumond, Wolf 2019, https://arxiv.org/abs/1910.01108), bottom-up.

A BERT of half the layers, without token types and without a pooler. Parameters are named as in
Transformers. The heads that stand on it are in heads.py, loading and saving in pretrained.py.

Shapes: B texts, T longest, N tokens of all texts (packed, without padding: see packed.py), K rows that
the head reads, D width, H heads, L layers, V vocabulary.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # as everyone calls it
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint

from ..activations import Activation
from ..config import DistilBertConfig
from ..errors import InputError
from ..folder.checkpoint import Head
from .dropout import Dropout
from .packed import Packed, Part
from .pretrained import Pretrained, initialise

EPSILON = 1e-12  # of every LayerNorm

# of attention on CUDA: all but cuDNN's, which prepares itself for each new shape, for some 0.1 s
_CUDA_KERNELS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]

_gelu_tanh = partial(F.gelu, approximate="tanh")
_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    Activation.gelu: F.gelu,
    Activation.gelu_new: _gelu_tanh,
    Activation.gelu_pytorch_tanh: _gelu_tanh,
    Activation.gelu_fast: _gelu_tanh,
    Activation.quick_gelu: lambda x: x * torch.sigmoid(1.702 * x),
    Activation.relu: F.relu,
    Activation.silu: F.silu,
    Activation.mish: F.mish,
    Activation.tanh: torch.tanh,
    Activation.identity: lambda x: x,
}


def activation_function(activation: Activation) -> Callable[[Tensor], Tensor]:
    """The function of an `Activation`, on tensors of any shape."""
    return _ACTIVATIONS[activation]


class Embeddings(nn.Module):
    """Word + position embeddings, normalised."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__()
        pad = config.pad_token_id
        padding_idx = pad if pad is not None and 0 <= pad < config.vocab_size else None  # its row is never trained
        self.word_embeddings = nn.Embedding(config.vocab_size, config.dim, padding_idx)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.dim)
        self.LayerNorm = nn.LayerNorm(config.dim, EPSILON)
        self.dropout = Dropout(config.dropout)

    def forward(self, words: Tensor, positions: Tensor) -> Tensor:
        """Ids int64 [N], or embeddings [N, D] in their place, and positions int64 [N] -> [N, D]."""
        x = words if words.is_floating_point() else self.word_embeddings(words)
        return self.dropout(self.LayerNorm(x + self.position_embeddings(positions)))


class SelfAttention(nn.Module):
    """softmax(q · kᵀ / √(D/H)) · v in H heads, each text for itself: the one place that sees a padded view."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.q_lin = nn.Linear(config.dim, config.dim)
        self.k_lin = nn.Linear(config.dim, config.dim)
        self.v_lin = nn.Linear(config.dim, config.dim)
        self.out_lin = nn.Linear(config.dim, config.dim)
        self.dropout = Dropout(config.attention_dropout)

    def forward(self, x: Tensor, queries: Tensor, batch: Packed, weigh: bool) -> tuple[Tensor, Tensor | None]:
        """Each query attends to the tokens `x` [N, D] of its own text: [K, D] -> [K, D]. All tokens are queries where
        `queries` is `x`.

        With `weigh` the attention weights come along, [B, H, T, T], zero for padding: the very tensor that the values
        are weighed with, so that gradients go through it. All tokens must be queries then.
        """
        q, k, v = self.q_lin(queries), self.k_lin(x), self.v_lin(x)
        row_view = batch.view if queries is x else batch.row_view
        if batch.parts is None:
            context, weights = self._attend(q, k, v, Part(batch.view, batch.mask, row_view), weigh)
            return self.out_lin(context), weights
        parts = [part if queries is not x else Part(part.view, part.mask, part.view) for part in batch.parts]
        sizes, row_sizes = [part.view.rows for part in parts], [part.row_view.rows for part in parts]
        sizes.append(len(x) - sum(sizes))
        row_sizes.append(len(queries) - sum(row_sizes))
        # what is behind the last part belongs to no text: it only makes the rows up to a round number
        pieces = zip(q.split(row_sizes), k.split(sizes), v.split(sizes), parts, strict=False)
        contexts = [self._attend(*piece, weigh)[0] for piece in pieces]
        return self.out_lin(torch.cat([*contexts, q.new_zeros(row_sizes[-1], q.shape[1])])), None

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, part: Part, weigh: bool) -> tuple[Tensor, Tensor | None]:
        """[K, D], and [N, D] twice -> [K, D], of the texts of a part."""
        q = self._split(part.row_view.pad(q))  # [B, H, T, D/H]
        k, v = self._split(part.view.pad(k)), self._split(part.view.pad(v))
        mask = None if part.mask is None else part.mask[:, None, None, :]
        weights, dropout = None, self.dropout.p if self.training else 0.0
        # on a CPU PyTorch's own kernel takes longer backwards in bfloat16 than all else together, and has no dropout
        learns = q.device.type == "cpu" and torch.is_grad_enabled() and (q.dtype == torch.bfloat16 or dropout > 0)
        if weigh or learns:
            scores = q @ k.mT / k.shape[-1] ** 0.5
            weights = (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(-1)
            if weigh and mask is not None:
                weights = weights.masked_fill(~mask.mT, 0.0)
            weights = self.dropout(weights)
            context = weights @ v
        else:
            with sdpa_kernel(_CUDA_KERNELS) if q.device.type == "cuda" else nullcontext():
                context = F.scaled_dot_product_attention(q, k, v, mask, dropout)
        return part.row_view.unpad(context.transpose(1, 2).flatten(2)), weights if weigh else None

    def _split(self, x: Tensor) -> Tensor:
        """[B, T, D] -> [B, H, T, D/H]."""
        return x.view(*x.shape[:2], self.n_heads, x.shape[-1] // self.n_heads).transpose(1, 2)


class FeedForward(nn.Module):
    """Two layers with a non-linearity between them, each token for itself."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__()
        self.lin1 = nn.Linear(config.dim, config.hidden_dim)
        self.lin2 = nn.Linear(config.hidden_dim, config.dim)
        self.activation = activation_function(config.activation)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[N, D] -> [N, D]."""
        return self.dropout(self.lin2(self.activation(self.lin1(x))))


class TransformerBlock(nn.Module):
    """Attention, then feed-forward; each is added to its input and normalised afterwards (post-norm)."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__()
        self.attention = SelfAttention(config)
        self.sa_layer_norm = nn.LayerNorm(config.dim, EPSILON)
        self.ffn = FeedForward(config)
        self.output_layer_norm = nn.LayerNorm(config.dim, EPSILON)

    def forward(self, x: Tensor, batch: Packed, rows: Tensor | None, weigh: bool) -> tuple[Tensor, Tensor | None]:
        """[N, D] -> [N, D], or [K, D] where only `rows` are wanted; and the attention weights."""
        queries = x if rows is None else batch.rounded(x.index_select(0, rows))
        attended, weights = self.attention(x, queries, batch, weigh)
        x = self.sa_layer_norm(attended + queries)
        return self.output_layer_norm(self.ffn(x) + x), weights


class Transformer(nn.Module):
    """L blocks. The last one computes, for the keys and values apart, only the rows that the head reads.

    Attributes:
        gradient_checkpointing: in training a block keeps its input alone and is computed again for its gradients.
    """

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__()
        self.gradient_checkpointing = False
        self.layer = nn.ModuleList(TransformerBlock(config) for _ in range(config.n_layers))

    def forward(
        self,
        x: Tensor,
        batch: Packed,
        states: list[Tensor] | None = None,
        weights: list[Tensor] | None = None,
        *,
        padded: bool = False,
    ) -> Tensor:
        """[N, D] -> [K, D]. Appends to `states` L + 1 tensors [N, D], to `weights` L [B, H, T, T], where given.

        With `padded` the states are [B, T, D], for a batch that reads all its tokens. In either form each is what the
        next block is computed from, so that gradients go through it.
        """

        def keep(x: Tensor) -> Tensor:
            if states is None:
                return x
            states.append(batch.padded(x) if padded else x if batch.parts is None else x[: batch.view.rows])
            return batch.view.unpad(states[-1]) if padded else x

        x = batch.rounded(x)
        for block in self.layer:
            x = keep(x)
            rows = batch.rows if block is self.layer[-1] else None
            if self.gradient_checkpointing and self.training:
                x, weighed = checkpoint(block, x, batch, rows, weights is not None, use_reentrant=False)
            else:
                x, weighed = block(x, batch, rows, weights is not None)
            if weights is not None:
                weights.append(weighed)
        x = keep(x)
        return x if batch.parts is None else x[: batch.row_view.rows]


@dataclass(frozen=True, eq=False)
class EncoderOutput:
    """What `DistilBertModel` gives; zero at padding. Gradients go through all of it.

    Attributes:
        last_hidden_state: float [B, T, D].
        hidden_states: L + 1 of the same, the embeddings first; None unless asked for.
        attentions: L of [B, H, T, T], the weights of each query (third axis); None unless asked for.
    """

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...] | None
    attentions: tuple[Tensor, ...] | None


torch.export.register_dataclass(EncoderOutput)  # so that torch.export may return it


class DistilBertModel(Pretrained):
    """The encoder without a head."""

    head = Head.NONE

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.embeddings = Embeddings(config)
        self.transformer = Transformer(config)
        initialise(config, self)
        if config.sinusoidal_pos_embds:  # a beginning only: training moves them, and a checkpoint's weights win
            with torch.no_grad():
                self.embeddings.position_embeddings.weight.copy_(sinusoids(config.max_position_embeddings, config.dim))

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        position_ids: Tensor | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
    ) -> EncoderOutput:
        """Padded tensors in, padded tensors out, as in Transformers.

        Args:
            input_ids: int64 [B, T], or `inputs_embeds`: float [B, T, D] in place of the word embeddings.
            attention_mask: [B, T], 1 = token, 0 = padding. None attends to everything given, padding included.
            position_ids: int64 [B, T], by default 0 to T - 1.
            output_hidden_states, output_attentions: by default as the config says.

        Raises InputError for shapes that do not fit and for texts longer than the model reads.
        """
        batch = Packed.from_padded(input_ids, attention_mask, inputs_embeds, position_ids)
        x, hidden_states, attentions = self.trace(batch, output_hidden_states, output_attentions)
        return EncoderOutput(batch.padded(x), hidden_states, attentions)

    def run(self, batch: Packed) -> Tensor:
        """The last hidden states of the rows that the batch reads, [K, D]: for training loops and the engine."""
        return self.transformer(self._embed(batch), batch)

    def trace(
        self, batch: Packed, output_hidden_states: bool | None, output_attentions: bool | None
    ) -> tuple[Tensor, tuple[Tensor, ...] | None, tuple[Tensor, ...] | None]:
        """`run` on a batch that reads all its tokens, [N, D], and what was asked for of `EncoderOutput`, padded."""
        keep_states = self.config.output_hidden_states if output_hidden_states is None else output_hidden_states
        keep_weights = self.config.output_attentions if output_attentions is None else output_attentions
        states: list[Tensor] = []
        weights: list[Tensor] = []
        x = self.transformer(
            self._embed(batch), batch, states if keep_states else None, weights if keep_weights else None, padded=True
        )
        return x, tuple(states) if keep_states else None, tuple(weights) if keep_weights else None

    def _embed(self, batch: Packed) -> Tensor:
        if batch.view.longest > self.config.max_position_embeddings:
            raise InputError(
                f"a text has {batch.view.longest} tokens; the model reads {self.config.max_position_embeddings} at most"
            )
        return self.embeddings(batch.words, batch.positions)


def sinusoids(positions: int, width: int) -> Tensor:
    """float32 [positions, D]: sin(p / 10000^(i/D)) in the even columns i, cos of the same in the next, odd one.

    Vaswani et al. 2017 (https://arxiv.org/abs/1706.03762), section 3.5.
    """
    angles = np.arange(positions)[:, None] / 10000 ** (np.arange(0, width, 2) / width)
    table = np.empty((positions, width), np.float32)
    table[:, 0::2] = np.sin(angles)
    table[:, 1::2] = np.cos(angles[:, : width // 2])
    return torch.from_numpy(table)
