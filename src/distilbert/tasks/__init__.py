"""The tasks: output rows -> results. One file a task, NumPy only."""
