"""Texts of random tokens, for tests of engines."""

import numpy as np

LENGTHS = (1, 2, 3, 17, 40, 128, 5, 5, 128, 64)


def texts_of(lengths: tuple[int, ...] = LENGTHS, seed: int = 0, vocab: int = 6000) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, vocab, length) for length in lengths]
