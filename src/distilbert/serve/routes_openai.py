"""OpenAI's routes for embeddings and models."""

import time
from typing import Any

from fastapi import APIRouter, Request, Response

from ..tasks.embedding import Embedder
from .batcher import current_work
from .cost import NUMBER_BYTES, texts_cost
from .errors import Fault, RequestError
from .schemas_openai import OpenAIEmbeddings, OpenAIError, OpenAIModel, OpenAIModels, OpenAIRequest
from .service import Service
from .shared import EMBEDS, OPENAI_ERRORS, either, errors
from .texts import beginning, embedded, fitted, prompt_of, sent, side_of


def openai_routes(service: Service) -> APIRouter:
    routes = APIRouter(tags=["OpenAI"])
    created = int(time.time())

    @routes.post("/embeddings", response_model=OpenAIEmbeddings, responses=OPENAI_ERRORS)
    @routes.post("/v1/embeddings", response_model=OpenAIEmbeddings, responses=OPENAI_ERRORS)
    async def embeddings(request: Request, body: OpenAIRequest) -> Response:
        """A vector for each text. Texts may be given as token ids of the model's own vocabulary."""
        task = service.task(request, Embedder, EMBEDS, body.model)

        return await service.answer(request, lambda: _embeddings(service, task, body))

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


def _embeddings(service: Service, task: Embedder, body: OpenAIRequest) -> object:
    if body.prompt_name is not None and body.input_type is not None:
        message = "prompt_name and input_type both say what stands before a text; give one of them"
        raise RequestError(Fault.UNPROCESSABLE, message, "input_type")
    task = side_of(task, body.input_type)
    before, dimensions = prompt_of(task, body.prompt_name), either(body, "dimensions", "output_dimension")
    texts = service.texts(task, body.input)
    tokens = service.tokens(task, texts) + len(texts) * service.tokens(task, [before])
    answer = len(texts) * (min(dimensions or task.dim, task.dim) * NUMBER_BYTES + 60)
    service.charge(texts_cost(task, tokens, len(texts), width=task.config.dim, answer=answer))
    texts = _cut(service, task, body, texts, before)
    vectors = embedded(task, texts, prompt_name=body.prompt_name, normalize=body.normalize, dimensions=dimensions)
    data = (
        {"object": "embedding", "index": index, "embedding": vector}
        for index, vector in enumerate(sent(vectors, body.encoding_format))
    )
    work = current_work.get()
    usage = {"prompt_tokens": work.tokens, "total_tokens": work.tokens}
    return {"object": "list", "data": data, "model": work.model, "usage": usage}


def _cut(service: Service, task: Embedder, body: OpenAIRequest, texts: list[str], before: str) -> list[str]:
    """The texts, cut where the request says so. Raises RequestError where one is too long and may not be cut."""
    if (most := body.truncate_prompt_tokens) is not None:
        return texts if most < 0 else [beginning(task, text, most) for text in texts]
    truncate = either(body, "truncate", "truncation")
    if truncate in (False, "NONE") or (truncate is None and not service.settings.auto_truncate):
        service.check_lengths(task, texts, before=before)
    return fitted(task, texts, "left" if truncate == "START" else "right", before)


def _model(name: str, created: int) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": created, "owned_by": "distilbert"}
