"""Engines: a packed batch in, the head's output rows out. seam.py says what an engine is; loading.py chooses one."""
