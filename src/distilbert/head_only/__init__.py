"""Few examples: a linear head on the vectors of an encoder that stays as it is. No PyTorch."""
