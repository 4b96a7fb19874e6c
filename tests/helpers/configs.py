"""The least that a config needs, and a number that is too large for any of it."""

BASE = {
    "vocab_size": 100,
    "max_position_embeddings": 16,
    "dim": 8,
    "n_layers": 2,
    "n_heads": 4,
    "hidden_dim": 12,
}
HUGE = 2**31
