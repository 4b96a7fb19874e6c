"""How long a test waits before it calls a thing hung: no test fails because the machine is slow."""

PATIENCE = 300.0  # seconds
