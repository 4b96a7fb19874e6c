"""Word embeddings learn as with a table of zeros for each batch."""

import copy

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from distilbert.train.word_gradients import WordGradients  # noqa: E402

BATCHES = [[3, 3, 0, 7], [1, 7, 7], [2], [3, 9, 1]]


class Words(nn.Module):
    """Embeddings and a layer on them, which has the same table where it is tied."""

    def __init__(self, tied: bool) -> None:
        super().__init__()
        self.embeddings, self.layer = nn.Embedding(12, 4, padding_idx=0), nn.Linear(4, 12)
        if tied:
            self.layer.weight = self.embeddings.weight

    def loss(self, ids: list[int]) -> torch.Tensor:
        return self.layer(self.embeddings(torch.tensor(ids))).square().sum()


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("batches_a_step", [1, 2])
def test_steps_are_those_of_dense_gradients(tied: bool, batches_a_step: int) -> None:
    torch.manual_seed(0)
    ours = Words(tied)
    theirs = copy.deepcopy(ours)
    optimizers = [torch.optim.AdamW(model.parameters(), 0.1) for model in (ours, theirs)]
    with WordGradients(ours) as words:
        for first in range(0, len(BATCHES), batches_a_step):
            for model in (ours, theirs):
                for ids in BATCHES[first : first + batches_a_step]:
                    model.loss(ids).backward()
            assert ours.embeddings.weight.grad.is_sparse is not tied
            for gradient in words.collect():
                gradient.mul_(0.5)
            words.spread()
            for parameter, other in zip(ours.parameters(), theirs.parameters(), strict=True):
                torch.testing.assert_close(parameter.grad, 0.5 * other.grad)
                other.grad.mul_(0.5)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
            words.clear()
    for parameter, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(parameter, other)
    ours.loss([1]).backward()
    assert not ours.embeddings.weight.grad.is_sparse


def test_a_word_that_no_batch_has_moves_on_by_its_momentum() -> None:
    torch.manual_seed(0)
    model = Words(tied=False)
    optimizer = torch.optim.AdamW(model.parameters(), 0.1)
    with WordGradients(model) as words:
        for ids in ([5], [6]):
            before = model.embeddings.weight[5].clone()
            model.loss(ids).backward()
            words.collect()
            words.spread()
            optimizer.step()
            optimizer.zero_grad()
            words.clear()
            assert not torch.allclose(before, model.embeddings.weight[5])
