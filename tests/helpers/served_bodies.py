"""A request to each of the server's routes, by the name of its body's schema."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from distilbert.serve import schemas, schemas_cohere, schemas_hub, schemas_ollama, schemas_openai

TEXT = "a charming and often affecting journey"

BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "EmbedRequest": ("/embed", {"inputs": TEXT}),
    "EmbedAllRequest": ("/embed_all", {"inputs": TEXT}),
    "PredictRequest": ("/predict", {"inputs": TEXT}),
    "RerankRequest": ("/rerank", {"query": TEXT, "texts": [TEXT]}),
    "SimilarityRequest": ("/similarity", {"inputs": {"source_sentence": TEXT, "sentences": [TEXT]}}),
    "TokenizeRequest": ("/tokenize", {"inputs": TEXT}),
    "DecodeRequest": ("/decode", {"ids": [101, 102]}),
    "TextsRequest": ("/models/embed", {"inputs": TEXT}),
    "PairsRequest": ("/models/nli", {"inputs": {"text": TEXT, "text_pair": TEXT}}),
    "ZeroShotRequest": ("/models/nli", {"inputs": TEXT, "parameters": {"candidate_labels": ["a", "b"]}}),
    "QuestionRequest": ("/models/qa", {"inputs": {"question": "where ?", "context": TEXT}}),
    "ChoiceRequest": ("/models/choice", {"inputs": {"prompt": TEXT, "choices": ["a", "b"]}}),
    "OpenAIRequest": ("/v1/embeddings", {"input": TEXT}),
    "CohereRequest": ("/v2/embed", {"texts": [TEXT]}),
    "OllamaRequest": ("/api/embed", {"input": TEXT}),
    "OllamaPrompt": ("/api/embeddings", {"prompt": TEXT}),
    "MultiVectorRequest": ("/v1/multi-vector", {"input": TEXT}),
    "DocumentsRequest": ("/v1/rerank", {"query": TEXT, "documents": [TEXT]}),
    "ClassifyRequest": ("/v1/classify", {"input": TEXT}),
}


def schema(name: str) -> type[BaseModel]:
    return next(
        getattr(module, name)
        for module in (schemas, schemas_cohere, schemas_hub, schemas_ollama, schemas_openai)
        if hasattr(module, name)
    )


# one with more of its fields, by path
FULL_BODIES: dict[str, object] = {
    "/embed": {"inputs": [TEXT, "it rains"], "truncate": True, "dimensions": 4},
    "/embed_all": {"inputs": TEXT},
    "/predict": {"inputs": [[TEXT], [TEXT, "it rains"]], "raw_scores": False},
    "/rerank": {"query": TEXT, "texts": [TEXT, "it rains"]},
    "/v1/rerank": {"query": TEXT, "documents": [TEXT, {"text": "it rains"}], "top_n": 1},
    "/v1/embeddings": {"input": [TEXT, [101, 102]], "encoding_format": "base64"},
    "/v2/embed": {"texts": [TEXT], "embedding_types": ["float", "base64"], "input_type": "search_query"},
    "/api/embed": {"input": [TEXT], "model": "embed", "truncate": False, "keep_alive": "5m"},
    "/v1/multi-vector": {"input": [TEXT], "input_type": "query", "return_tokens": True},
    "/decode": {"ids": [[101, 102]], "skip_special_tokens": False},
    "/models/embed": {"inputs": [TEXT], "parameters": {"prompt_name": "query", "max_length": 8}, "normalize": True},
    "/models/sentiment": {"inputs": TEXT, "parameters": {"top_k": 1, "function_to_apply": "none"}},
    "/v1/classify": {"input": [TEXT], "model": "sentiment"},
    "/tokenize": {"inputs": TEXT, "add_special_tokens": False},
    "/models/ner": {"inputs": TEXT, "parameters": {"aggregation_strategy": "max", "stride": 4}},
    "/models/mlm": {"inputs": f"{TEXT} [MASK]", "parameters": {"top_k": 3, "targets": ["good", "bad"]}},
    "/models/qa": {"inputs": {"question": "where ?", "context": TEXT}, "parameters": {"top_k": 2, "max_answer_len": 5}},
    "/models/nli": {"inputs": TEXT, "parameters": {"candidate_labels": ["a", "b"], "hypothesis_template": "so {}"}},
    "/models/choice": {"inputs": {"prompt": TEXT, "choices": ["a", "b"]}},
    "/similarity": {"inputs": {"source_sentence": TEXT, "sentences": [TEXT]}},
}
JUNK = [None, True, -1, 0, 1e308, 10**30, "", "\0", "\ud800", "[MASK]", [], {}, [[]], [None], {"a": 1}, "x" * 5000]


def places(value: object, before: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """Where the parts of a body are, itself the first."""
    yield before
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from places(part, (*before, name))


def put(value: Any, place: tuple[int | str, ...], other: object) -> Any:
    """A copy of a body with another value at a place."""
    if not place:
        return other
    copied = value.copy()
    copied[place[0]] = put(value[place[0]], place[1:], other)
    return copied
