"""How long the slow tests of the server are.

`DISTILBERT_ENDURANCE` is the share of their full length (1 by default): 0.01 tries all of it in a minute.
`DISTILBERT_SEED` (0 by default) draws other requests: 0.2 with five seeds is the full length in five parts.
`DISTILBERT_REPORT` is a file to which their figures are added; no test depends on those of speed.
"""

import os
from pathlib import Path

SHARE = float(os.environ.get("DISTILBERT_ENDURANCE", "1"))
SEED = int(os.environ.get("DISTILBERT_SEED", "0"))


def report(test: str, **figures: float) -> None:
    """Add a line to the report, where one is wanted."""
    if path := os.environ.get("DISTILBERT_REPORT"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{test}: {', '.join(f'{name} {figure:.0f}' for name, figure in figures.items())}\n")
