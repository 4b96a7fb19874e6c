"""Every activation against its definition, published values and Transformers; and names that are none."""

import math

import numpy as np
import pytest

from distilbert import Activation, ConfigError

POINTS = np.array([-30.0, -3.0, -1.0, -0.1, 0.0, 0.1, 0.5, 1.0, 3.0, 30.0])


def by_hand(name: str, x: float) -> float:
    """Each function written out once more, in double precision, from its definition."""
    match name:
        case "gelu" | "gelu_python":  # x P(X <= x), X standard normal
            return x * 0.5 * math.erfc(-x / math.sqrt(2))
        case "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" | "gelu_python_tanh" | "gelu_accurate":
            return x / (1 + math.exp(-2 * 0.7978845608028654 * (x + 0.044715 * x**3))) if x > -10 else 0.0
        case "quick_gelu":
            return x / (1 + math.exp(-1.702 * x))
        case "silu" | "swish":
            return x / (1 + math.exp(-x))
        case "mish":
            return x * math.tanh(math.log1p(math.exp(x)))
        case "relu":
            return x if x > 0 else 0.0
        case "tanh":
            return (math.exp(2 * x) - 1) / (math.exp(2 * x) + 1)
    return x


@pytest.mark.parametrize("name", list(Activation.__members__))
def test_activations_against_their_definitions(name: str) -> None:
    expected = np.array([by_hand(name, x) for x in POINTS])
    np.testing.assert_allclose(Activation.from_name(name)(POINTS), expected, rtol=1e-9, atol=1e-12)


def test_activations_against_published_values() -> None:
    """gelu(1) = Phi(1) = 0.8413447; silu(1) is the logistic of 1; mish(1) from its paper's formula."""
    one = np.array([1.0])
    assert Activation.gelu(one)[0] == pytest.approx(0.8413447460685429)
    assert Activation.silu(one)[0] == pytest.approx(0.7310585786300049)
    assert Activation.mish(one)[0] == pytest.approx(0.8650983882673103)
    assert Activation.gelu_new(one)[0] == pytest.approx(0.8411919906082768)


@pytest.mark.parametrize("name", list(Activation.__members__))
def test_activations_against_transformers(name: str) -> None:
    torch = pytest.importorskip("torch")
    activations = pytest.importorskip("transformers.activations")
    x = np.linspace(-12, 12, 2001, dtype=np.float32).reshape(3, 667)
    ours = Activation.from_name(name)(x)
    theirs = activations.ACT2FN["linear" if name == "identity" else name](torch.from_numpy(x)).numpy()
    assert ours.dtype == np.float32
    assert ours.shape == x.shape
    np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=1e-6)


def test_aliases_are_one_member() -> None:
    assert Activation.from_name("swish") is Activation.silu
    assert Activation.from_name("identity") is Activation.from_name("linear") is Activation.linear


@pytest.mark.parametrize("name", ["gelu_10", "GELU", "", "__class__", "from_name", 5, None, ["gelu"]])
def test_an_unknown_activation_lists_the_known_ones(name: object) -> None:
    with pytest.raises(ConfigError, match=r"activation must be one of gelu, gelu_new, .*, identity, not "):
        Activation.from_name(name)  # type: ignore[arg-type]
