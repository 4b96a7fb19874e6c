"""The losses between a student's and its teacher's outputs, hidden states and attention; each a sum over rows.

The caller divides by the rows or tokens of the whole step, so that a step may be cut into batches.
Shapes: K rows, N tokens of B texts by T places, C numbers a row, D width, R relation heads.
"""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # as everyone calls it

from ..nn.packed import View


def soft_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """τ² · Σ_rows KL(softmax(teacher / τ) ‖ softmax(student / τ)) of logits [K, C].

    Hinton, Vinyals, Dean 2015, https://arxiv.org/abs/1503.02531: τ² keeps the gradient's size as τ grows.
    A logit of -inf on both sides, as at padding, is left out.
    """
    log_q = F.log_softmax(student.float() / temperature, -1)
    log_p = F.log_softmax(teacher.float() / temperature, -1)
    terms = log_p.exp() * (log_p - log_q)
    return temperature**2 * terms.masked_fill(log_p == -torch.inf, 0.0).sum()


def soft_binary_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """The same of independent labels, logits [K, C]: the mean over C of τ² · KL of yes and no."""
    q, p = (torch.stack([logits.float(), torch.zeros_like(logits.float())], -1) for logits in (student, teacher))
    return soft_loss(q, p, temperature) / student.shape[-1]


def cosine_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Σ_rows 1 - cos(student, teacher) of states [N, D], or of sentence vectors [B, D].

    Of states: Sanh, Debut, Chaumond, Wolf 2019, https://arxiv.org/abs/1910.01108, section 3. Of vectors: half of the
    squared error of Reimers and Gurevych 2020, https://arxiv.org/abs/2004.09813, between vectors of length 1.
    """
    return (1 - F.cosine_similarity(student.float(), teacher.float(), dim=-1)).sum()


def squared_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Σ_rows mean_D (student - teacher)² of states [N, D].

    Jiao et al. 2020 (TinyBERT), https://arxiv.org/abs/1909.10351, equations 8 and 9.
    """
    return F.mse_loss(student.float(), teacher.float(), reduction="none").mean(-1).sum()


def relation_loss(student: Tensor, teacher: Tensor, view: View, mask: Tensor | None, heads: int) -> Tensor:
    """Σ_tokens mean_R KL(teacher's relations ‖ student's) of queries, keys or values, [N, D] of any two widths.

    The relations of a text are softmax(x · xᵀ / √(D/R)) [T, T] in each of R heads, into which both widths are cut
    anew. Wang et al. 2021 (MiniLMv2), https://arxiv.org/abs/2012.15828, equations 3 to 6. `mask` is bool [B, T], None
    where every place holds a token.
    """
    log_p, log_q = (_relations(x.float(), view, mask, heads) for x in (teacher, student))
    divergence = (log_p.exp() * (log_p - log_q)).masked_fill(log_p == -torch.inf, 0.0).sum(-1).mean(1)  # [B, T]
    return (divergence if mask is None else divergence * mask).sum()


def _relations(x: Tensor, view: View, mask: Tensor | None, heads: int) -> Tensor:
    """[N, D] -> log-probabilities [B, R, T, T]; -inf for padding."""
    x = view.pad(x)
    x = x.view(*x.shape[:2], heads, -1).transpose(1, 2)
    scores = x @ x.mT / x.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask[:, None, None, :], -torch.inf)
    return F.log_softmax(scores, -1)
