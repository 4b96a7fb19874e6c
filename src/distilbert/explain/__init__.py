"""Which tokens and words drove a result: leave-one-out without torch, integrated gradients with the extra `torch`.

- `explain(task, text, pair)`: an Explanation of a class, an entity, an answer, or the similarity of two texts
- `explanation.to_page()`: one HTML file of it; `distilbert explain` shows it on a terminal
"""

from .explaining import explain
from .explanation import Attribution, Explanation

__all__ = [
    "Attribution",
    "Explanation",
    "explain",
]
