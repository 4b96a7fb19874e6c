"""Dropout: what PyTorch's does, drawn in another way."""

import pytest

torch = pytest.importorskip("torch")

from distilbert.nn.dropout import Dropout  # noqa: E402


@pytest.mark.parametrize("probability", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_numbers_are_0_as_often_as_asked_and_the_others_make_up_for_it(probability: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.ones(400, 501, dtype=dtype, requires_grad=True)
    y = Dropout(probability)(x)
    y.sum().backward()
    kept = y != 0
    assert kept.float().mean().item() == pytest.approx(1 - probability, abs=0.005)
    expected = torch.tensor(1 / (1 - probability), dtype=dtype)
    torch.testing.assert_close(y[kept], expected.expand(int(kept.sum())), rtol=1e-4, atol=0)
    torch.testing.assert_close(x.grad, y.detach(), rtol=0, atol=0)


def test_each_number_is_drawn_for_itself_and_anew() -> None:
    torch.manual_seed(0)
    layer = Dropout(0.5)
    kept = torch.stack([layer(torch.ones(4096)) != 0 for _ in range(2)]).float() * 2 - 1
    for shift in (1, 2, 3, 4, 8):  # neighbours share one draw of 64 bits
        assert abs((kept[0] * kept[0].roll(shift)).mean().item()) < 0.06
    assert abs((kept[0] * kept[1]).mean().item()) < 0.06


def test_a_seed_gives_the_same_mask() -> None:
    layer, x = Dropout(0.3), torch.ones(7, 13)
    torch.manual_seed(5)
    first = layer(x)
    torch.manual_seed(5)
    assert torch.equal(first, layer(x))
    assert not torch.equal(first, layer(x))


@pytest.mark.parametrize("probability", [0.0, 1e-9, 1 - 1e-9, 1.0])
def test_nothing_and_everything(probability: float) -> None:
    x = torch.ones(100)
    assert torch.equal(Dropout(probability)(x), x * round(1 - probability))


def test_evaluation_changes_nothing() -> None:
    x = torch.rand(10, 10)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert Dropout(0.5)(x[:0]).shape == (0, 10)
