"""A request to each of the server's routes, by the name of its body's schema."""

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
