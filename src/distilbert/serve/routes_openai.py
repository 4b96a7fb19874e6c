"""OpenAI's routes for embeddings and models."""

import time
from typing import Any

from fastapi import APIRouter, Request, Response

from ..tasks.embedding import Embedder
from .batcher import current_work
from .cost import texts_cost, vectors_bytes
from .schemas_openai import OpenAIEmbeddings, OpenAIError, OpenAIModel, OpenAIModels, OpenAIRequest
from .service import Service
from .shared import EMBEDS, OPENAI_ERRORS, errors
from .texts import embedded, prompt_of, sent


def openai_routes(service: Service) -> APIRouter:
    routes = APIRouter(tags=["OpenAI"])
    created = int(time.time())

    @routes.post("/embeddings", response_model=OpenAIEmbeddings, responses=OPENAI_ERRORS)
    @routes.post("/v1/embeddings", response_model=OpenAIEmbeddings, responses=OPENAI_ERRORS)
    async def embeddings(request: Request, body: OpenAIRequest) -> Response:
        """A vector for each text. Texts may be given as token ids of the model's own vocabulary."""
        task = service.task(request, Embedder, EMBEDS, body.model)

        def compute() -> object:
            texts = service.texts(task, body.input)
            tokens = service.tokens(task, texts) + len(texts) * service.tokens(task, [prompt_of(task, None)])
            answer = len(texts) * (vectors_bytes(1, min(body.dimensions or task.dim, task.dim)) + 60)
            service.charge(texts_cost(task, tokens, len(texts), width=task.config.dim, answer=answer))
            service.check_lengths(task, texts, before=prompt_of(task, None))
            vectors = embedded(task, texts, prompt_name=None, normalize=None, dimensions=body.dimensions)
            data = (
                {"object": "embedding", "index": index, "embedding": vector}
                for index, vector in enumerate(sent(vectors, body.encoding_format))
            )
            work = current_work.get()
            usage = {"prompt_tokens": work.tokens, "total_tokens": work.tokens}
            return {"object": "list", "data": data, "model": work.model, "usage": usage}

        return await service.answer(request, compute)

    @routes.get("/v1/models", response_model=OpenAIModels, responses=errors(401, 404, model=OpenAIError))
    async def models() -> dict[str, Any]:
        """What is served."""
        return {"object": "list", "data": [_model(name, created) for name in (*service.models, *service.aliases)]}

    @routes.get("/v1/models/{model}", response_model=OpenAIModel, responses=errors(401, 404, model=OpenAIError))
    async def one_model(model: str) -> dict[str, Any]:
        """One of them."""
        service.served(model)
        return _model(model, created)

    return routes


def _model(name: str, created: int) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": created, "owned_by": "distilbert"}
