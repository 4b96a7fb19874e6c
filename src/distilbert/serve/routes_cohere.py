"""Cohere's route for vectors. Its re-ranking is in routes_ranking.py."""

import uuid
from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from ..tasks.embedding import Embedder
from .batcher import current_work
from .cost import NUMBER_BYTES, texts_cost
from .schemas_cohere import CohereEmbeddings, CohereRequest
from .service import Service
from .shared import EMBEDS, ERRORS, OPENAI_ERRORS
from .texts import beginning, embedded, fitted, prompt_of, sent, side_of


def cohere_routes(service: Service) -> APIRouter:
    routes = APIRouter(tags=["Cohere"])

    @routes.post("/v2/embed", response_model=CohereEmbeddings, responses=ERRORS)
    async def embed(request: Request, body: CohereRequest) -> Response:
        """A vector for each text, by the type that is asked for: float by default."""
        task = service.task(request, Embedder, EMBEDS, body.model)
        types = body.embedding_types or ["float"]
        return await service.answer(request, lambda: _embeddings(service, task, body, types))

    @routes.post("/v1/embed", response_model=CohereEmbeddings, responses=OPENAI_ERRORS)
    async def embed_by_first_version(request: Request, body: CohereRequest) -> Response:
        """A vector for each text; by type where a type is asked for."""
        task = service.task(request, Embedder, EMBEDS, body.model)
        return await service.answer(request, lambda: _embeddings(service, task, body, body.embedding_types))

    return routes


def _embeddings(service: Service, task: Embedder, body: CohereRequest, types: Sequence[str] | None) -> object:
    """By type, or as one list where `types` is None."""
    task = side_of(task, body.input_type)
    before, texts = prompt_of(task, None), body.texts
    service.check_texts(texts)
    tokens = service.tokens(task, texts) + len(texts) * service.tokens(task, [before])
    each = (len(types) if types else 1) * min(body.output_dimension or task.dim, task.dim) * NUMBER_BYTES
    answer = len(texts) * each + 4 * sum(map(len, texts))
    service.charge(texts_cost(task, tokens, len(texts), width=task.config.dim, answer=answer))
    read = texts if body.max_tokens is None else [beginning(task, text, body.max_tokens) for text in texts]
    if body.truncate == "NONE":
        service.check_lengths(task, read, before=before)
    read = fitted(task, read, "left" if body.truncate == "START" else "right", before)
    vectors = embedded(task, read, prompt_name=None, normalize=None, dimensions=body.output_dimension)
    work = current_work.get()
    return {
        "id": uuid.uuid4().hex,
        "response_type": "embeddings_by_type" if types else "embeddings_floats",
        "texts": iter(texts),  # written part by part, and so is what follows
        "embeddings": {kind: sent(vectors, kind) for kind in types} if types else sent(vectors),
        "meta": {"billed_units": {"input_tokens": work.tokens}},
    }
