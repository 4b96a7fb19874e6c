"""Ollama's routes for vectors: texts that are too long are cut, as Ollama does it."""

import time
from typing import Any

from fastapi import APIRouter, Request, Response

from ..tasks.embedding import Embedder
from .batcher import current_work
from .cost import NUMBER_BYTES, texts_cost
from .schemas_ollama import OllamaEmbedding, OllamaEmbeddings, OllamaPrompt, OllamaRequest
from .service import Service
from .shared import EMBEDS, ERRORS
from .texts import embedded, prompt_of, sent


def ollama_routes(service: Service) -> APIRouter:
    routes = APIRouter(tags=["Ollama"])

    def embedder(request: Request, name: str | None) -> Embedder:
        return service.task(request, Embedder, EMBEDS, name and name.removesuffix(":latest"))

    @routes.post("/api/embed", response_model=OllamaEmbeddings, responses=ERRORS)
    async def embed(request: Request, body: OllamaRequest) -> Response:
        """A vector for each text."""
        task = embedder(request, body.model)
        return await service.answer(request, lambda: _embeddings(service, task, body))

    @routes.post("/api/embeddings", response_model=OllamaEmbedding, responses=ERRORS)
    async def embeddings(request: Request, body: OllamaPrompt) -> Response:
        """The vector of one text."""
        task = embedder(request, body.model)
        alone = OllamaRequest.model_validate({"input": body.prompt})

        def compute() -> object:
            return {"embedding": next(_embeddings(service, task, alone)["embeddings"])}

        return await service.answer(request, compute)

    return routes


def _embeddings(service: Service, task: Embedder, body: OllamaRequest) -> dict[str, Any]:
    started = time.perf_counter_ns()
    texts = [body.input] if isinstance(body.input, str) else body.input
    service.check_texts(texts)
    before = prompt_of(task, None)
    tokens = service.tokens(task, texts) + len(texts) * service.tokens(task, [before])
    answer = len(texts) * min(body.dimensions or task.dim, task.dim) * NUMBER_BYTES
    service.charge(texts_cost(task, tokens, len(texts), width=task.config.dim, answer=answer))
    if body.truncate is False:
        service.check_lengths(task, texts, before=before)
    vectors = embedded(task, texts, prompt_name=None, normalize=None, dimensions=body.dimensions)
    work = current_work.get()
    counts = {"total_duration": time.perf_counter_ns() - started, "load_duration": 0, "prompt_eval_count": work.tokens}
    return {"model": work.model, "embeddings": sent(vectors)} | counts
