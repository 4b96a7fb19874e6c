"""Paths that mean the same, and what to say of those that mean nothing here."""

import difflib
import re
from collections.abc import Collection

# what other servers have at these paths, and where it is here
_INSTEAD = {
    r"/(completions|chat|generate(_stream)?|responses|messages)": "no model here writes text",
    r"/score": "POST /v1/rerank gives a score for each text",
    r"/pooling": "POST /embed_all gives a vector for each token, /v1/embeddings one for each text",
    r"/detokenize": "POST /decode gives the text of token ids",
    r"/v1/(de)?tokeni[sz]e": "POST /tokenize and /decode do this",
    r"/v2/(models|health)/.*": "POST /models/NAME answers for a model, GET /health for all",
    r"/v1/models/[^/]+:predict|/vertex|/pipeline/[^/]+(/[^/]+)?": "POST /models/NAME answers for a model",
    r"/api/(tags|show|ps)": "GET /models tells which models there are",
}


def plain_path(path: str) -> str:
    """The path without slashes that say nothing; of Azure's paths, OpenAI's own."""
    if "//" in path:
        path = re.sub("//+", "/", path)
    path = path.rstrip("/") or "/"
    if path.startswith("/openai/"):
        path = path.replace("/openai/deployments/", "/models/", 1).replace("/openai/v1/", "/v1/", 1)
    return path


def instead_of(method: str, path: str, routes: Collection[str]) -> str:
    """One line for a request to a path that is not there."""
    hint = ""
    if len(path) <= 200:
        hint = next((hint for ending, hint in _INSTEAD.items() if re.search(f"({ending})$", path)), "")
        if not hint and (near := difflib.get_close_matches(path.lower(), routes, 1, 0.75)):
            hint = f"there is {near[0]}"
    return f"no route {method} {path[:200]}{f'; {hint}' if hint else ''}; all are at /docs"
