"""Every loss against numbers worked out by hand or in plain NumPy, and its gradient against differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from distilbert.distill.losses import cosine_loss, relation_loss, soft_binary_loss, soft_loss, squared_loss  # noqa: E402
from distilbert.nn.packed import View  # noqa: E402


def numbers(*shape: int, seed: int = 0) -> Any:
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 1, shape))


def test_soft_loss_by_hand() -> None:
    # softmax(log 9, 0) = (0.9, 0.1); softmax(0, 0) = (0.5, 0.5)
    teacher, student = torch.tensor([[np.log(9.0), 0.0]]), torch.zeros(1, 2)
    wanted = 0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5)
    assert soft_loss(student, teacher, 1.0).item() == pytest.approx(wanted, abs=1e-6)
    # at temperature 2 the teacher says (0.75, 0.25), and the loss counts four times
    wanted = 4 * (0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5))
    assert soft_loss(student, teacher, 2.0).item() == pytest.approx(wanted, abs=1e-6)
    assert soft_loss(teacher, teacher, 2.0).item() == pytest.approx(0, abs=1e-7)


def test_soft_loss_is_pytorchs_divergence() -> None:
    student, teacher = numbers(5, 7), numbers(5, 7, seed=1)
    wanted = torch.nn.functional.kl_div(
        (student.float() / 3).log_softmax(-1), (teacher.float() / 3).softmax(-1), reduction="sum"
    )
    torch.testing.assert_close(soft_loss(student, teacher, 3.0), 9 * wanted)


def test_padding_is_left_out_of_the_soft_loss() -> None:
    student, teacher = numbers(2, 3).float().requires_grad_(), numbers(2, 3, seed=1).float()
    padding = torch.full((2, 2), -torch.inf)
    padded = soft_loss(torch.cat([student, padding], -1), torch.cat([teacher, padding], -1), 2.0)
    torch.testing.assert_close(padded, soft_loss(student, teacher, 2.0))
    padded.backward()
    assert torch.isfinite(student.grad).all()


def test_soft_loss_of_labels_that_stand_for_themselves() -> None:
    # the teacher says 0.9 and 0.5, the student 0.5 and 0.5
    teacher, student = torch.tensor([[np.log(9.0), 0.0]]), torch.zeros(1, 2)
    wanted = (0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5)) / 2
    assert soft_binary_loss(student, teacher, 1.0).item() == pytest.approx(wanted, abs=1e-6)


def test_cosine_and_squares_by_hand() -> None:
    student, teacher = torch.tensor([[3.0, 4.0], [1.0, 0.0]]), torch.tensor([[6.0, 8.0], [0.0, 2.0]])
    assert cosine_loss(student, teacher).item() == pytest.approx(0 + 1)
    assert squared_loss(student, teacher).item() == pytest.approx((9 + 16) / 2 + (1 + 4) / 2)


def test_relations_by_hand() -> None:
    """Texts of two tokens and of one; a token alone has no relation but to itself."""
    view, mask = View(2, 2, torch.tensor([0, 1, 2])), torch.tensor([[True, True], [True, False]])
    student, teacher = numbers(3, 4), numbers(3, 8, seed=1)

    def relations(x: np.ndarray, heads: int) -> list[np.ndarray]:
        """Of the first text, [heads, 2, 2]."""
        parts = np.split(x[:2], heads, axis=1)
        scores = [part @ part.T / np.sqrt(part.shape[1]) for part in parts]
        return [np.exp(head_scores) / np.exp(head_scores).sum(-1, keepdims=True) for head_scores in scores]

    wanted = 0.0
    for truth, estimate in zip(relations(teacher.numpy(), 2), relations(student.numpy(), 2), strict=True):
        wanted += (truth * np.log(truth / estimate)).sum() / 2
    assert relation_loss(student, teacher, view, mask, 2).item() == pytest.approx(wanted, abs=1e-6)
    assert relation_loss(teacher, teacher, view, mask, 4).item() == pytest.approx(0, abs=1e-6)


VIEW, MASK = View(2, 3, torch.tensor([0, 1, 2, 3])), torch.tensor([[True, True, True], [True, False, False]])


@pytest.mark.parametrize(
    "loss",
    [
        lambda x, y: soft_loss(x, y, 2.0),
        lambda x, y: soft_binary_loss(x, y, 2.0),
        cosine_loss,
        squared_loss,
        lambda x, y: relation_loss(x, y, VIEW, MASK, 2),
    ],
    ids=["soft", "soft_binary", "cosine", "squared", "relation"],
)
def test_gradients_are_those_of_small_differences(loss: Callable[[Any, Any], Any]) -> None:
    student, teacher = numbers(4, 6).float().requires_grad_(), numbers(4, 6, seed=1).float()
    loss(student, teacher).backward()
    step = 1e-2
    for place in [(0, 0), (1, 3), (3, 5)]:
        moved = torch.zeros(4, 6)
        moved[place] = step
        with torch.no_grad():
            slope = (loss(student + moved, teacher) - loss(student - moved, teacher)) / (2 * step)
        assert student.grad[place].item() == pytest.approx(slope.item(), abs=2e-3)
