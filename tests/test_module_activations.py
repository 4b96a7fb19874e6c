"""Every activation of torch.nn that can be made without arguments, against torch."""

from typing import Any

import numpy as np
import pytest

from distilbert.module_activations import ACTIVATIONS, activation_name

VALUES = np.concatenate([np.linspace(-8, 8, 161), [-3, -0.5, 0, 0.5, 1, 3, 6, -90, 90, 25]]).astype(np.float32)
ROWS = np.stack([VALUES[:164], VALUES[7:171]])


@pytest.fixture(scope="module")
def nn() -> Any:
    return pytest.importorskip("torch").nn


@pytest.mark.filterwarnings("ignore:Implicit dimension")  # it is what a saved name stands for
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_equals_torch(nn: Any, name: str) -> None:
    torch = pytest.importorskip("torch")
    module = getattr(nn, name)().eval()
    with torch.no_grad():
        expected = module(torch.from_numpy(ROWS)).numpy()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        ours = ACTIVATIONS[name](ROWS)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)
    assert ours.dtype == np.float32


def test_none_is_left_out(nn: Any) -> None:
    # a threshold has no default, two are about images and attention
    others = {"Threshold", "Softmax2d", "MultiheadAttention"}
    assert set(nn.modules.activation.__all__) - others == set(ACTIVATIONS) - {"Identity"}


def test_names() -> None:
    assert activation_name("torch.nn.modules.activation.Tanh") == "Tanh"
    assert activation_name("torch.nn.modules.linear.Identity") == "Identity"
    assert activation_name("torch.nn.Identity") == "Identity"
    for other in ("os.system", "torch.hub.Sigmoid", "Sigmoid", "torch.nn.Linear", "torch.nn.functional.relu", ""):
        assert activation_name(other) is None
