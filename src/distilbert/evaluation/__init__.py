"""How good a model is, on the CPU engine: examples from files, metrics with intervals, comparisons."""
