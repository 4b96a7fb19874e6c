"""Late interaction: a vector for each token, as Jina has it. Documents are ranked in routes_ranking.py."""

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response

from ..tasks.late_interaction import LateInteractionEncoder
from .batcher import current_work
from .cost import NUMBER_BYTES, texts_cost
from .schemas_openai import MultiVectorRequest, MultiVectors
from .service import Service
from .shared import OPENAI_ERRORS, groups


def multi_vector_routes(service: Service) -> APIRouter:
    routes = APIRouter(tags=["Late interaction"])

    @routes.post("/v1/multi-vector", response_model=MultiVectors, responses=OPENAI_ERRORS)
    async def multi_vector(request: Request, body: MultiVectorRequest) -> Response:
        """A vector for each token of each text; texts that are too long are cut."""
        task = service.task(request, LateInteractionEncoder, "a model of late interaction", body.model)
        return await service.answer(request, lambda: _vectors(service, task, body))

    return routes


def _vectors(service: Service, task: LateInteractionEncoder, body: MultiVectorRequest) -> object:
    texts = [body.input] if isinstance(body.input, str) else body.input
    service.check_texts(texts)
    is_query = body.input_type == "query"
    tokens = service.tokens(task, texts)
    # queries are filled up to a length, which is at most that of the model
    read = len(texts) * task.model.max_length if is_query else min(tokens, len(texts) * task.model.max_length)
    answer = read * task.dim * NUMBER_BYTES
    service.charge(texts_cost(task, max(read, tokens), len(texts), width=task.dim, answer=answer))
    encode = task.encode_query if is_query else task.encode_document
    work = current_work.get()
    found: Any = (vectors for group in groups(texts) for vectors in encode(group))

    def data() -> Iterator[object]:
        for index, (text, vectors) in enumerate(zip(texts, found)):
            tokens = {"tokens": task.tokens(text, is_query=is_query)} if body.return_tokens else {}
            item = {"object": "embeddings", "index": index, "embeddings": (row.tolist() for row in vectors)}
            yield item | tokens

    def usage() -> object:  # known when the data is written
        return {"prompt_tokens": work.tokens, "total_tokens": work.tokens}

    return {"object": "list", "model": work.model, "data": data(), "usage": usage}
