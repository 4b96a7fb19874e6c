"""The routes of text-embeddings-inference (TEI): its bodies, errors and status codes."""

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response

from .. import __version__
from ..encoding import Encoding
from ..engine.cpus import available_cpus
from ..errors import name_list
from ..tasks.embedding import Embedder
from ..tasks.late_interaction import LateInteractionEncoder
from ..tasks.reranking import Reranker
from ..tasks.sparse import SparseEncoder
from ..tasks.task import Task
from ..tasks.text_classification import TextClassifier
from ..tokenizer import BertTokenizer
from .cost import LABEL_BYTES, NUMBER_BYTES, TOKEN_BYTES, Cost, texts_cost
from .errors import Fault, RequestError
from .models import ServedModel
from .schemas import (
    DecodeRequest,
    EmbedAllRequest,
    EmbedRequest,
    Prediction,
    PredictRequest,
    SimilarityRequest,
    SparseValue,
    Token,
    TokenizeRequest,
)
from .service import Service
from .shared import EMBEDS, ERRORS, compare, errors, groups, sparse_values
from .texts import embedded, fitted, prompt_of, sent

_PREDICTS = "a sequence classification model"
_SPARSE = "a model of sparse vectors"


def tei_routes(service: Service) -> APIRouter:
    routes = APIRouter(tags=["Text embeddings inference"])
    _add_model_routes(routes, service)
    _add_token_routes(routes, service)
    _add_server_routes(routes, service)
    return routes


def _add_model_routes(routes: APIRouter, service: Service) -> None:
    @routes.post("/embed", response_model=list[list[float]], responses=ERRORS)
    async def embed(request: Request, body: EmbedRequest) -> Response:
        """A vector for each text. 424 if the model is not an embedding model."""
        task = service.task(request, Embedder, EMBEDS)
        return await service.answer(request, lambda: _embed(service, task, body))

    @routes.post("/embed_all", response_model=list[list[list[float]]], responses=ERRORS)
    async def embed_all(request: Request, body: EmbedAllRequest) -> Response:
        """The last hidden state of each token of each text. 424 if the model is not an embedding model."""
        task = service.task(request, Embedder, EMBEDS)
        return await service.answer(request, lambda: _embed_all(service, task, body))

    @routes.post("/embed_sparse", response_model=list[list[SparseValue]], responses=ERRORS)
    async def embed_sparse(request: Request, body: EmbedAllRequest) -> Response:
        """A sparse vector for each text. 424 if the model is not one of sparse vectors."""
        task = service.task(request, SparseEncoder, _SPARSE)
        return await service.answer(request, lambda: _embed_sparse(service, task, body))

    @routes.post("/predict", response_model=list[Prediction] | list[list[Prediction]], responses=ERRORS)
    async def predict(request: Request, body: PredictRequest) -> Response:
        """The labels of texts or pairs, best first. 424 if the model is not a sequence classification model."""
        task = service.task(request, TextClassifier, _PREDICTS)
        return await service.answer(request, lambda: _predict(service, task, body))

    @routes.post("/similarity", response_model=list[float], responses=ERRORS)
    async def similarity(request: Request, body: SimilarityRequest) -> Response:
        """How alike a sentence and each of some others are. 424 if the model is not an embedding model."""
        task = service.task(request, Embedder, EMBEDS)
        return await service.answer(
            request, lambda: compare(service, task, body, truncate=service.settings.auto_truncate)
        )


def _add_token_routes(routes: APIRouter, service: Service) -> None:
    @routes.post("/tokenize", response_model=list[list[Token]], responses=ERRORS)
    async def tokenize(request: Request, body: TokenizeRequest) -> Response:
        """The tokens of each text, with their places in characters."""
        task = service.model(request).tasks[0]
        return await service.answer(request, lambda: _tokenize(service, task, body))

    @routes.post("/decode", response_model=list[str], responses=ERRORS)
    async def decode(request: Request, body: DecodeRequest) -> Response:
        """The text of token ids."""
        task = service.model(request).tasks[0]
        return await service.answer(request, lambda: _decode(service, task, body))


def _add_server_routes(routes: APIRouter, service: Service) -> None:
    @routes.get("/info", responses=errors(401, 404))
    async def info(request: Request) -> dict[str, Any]:
        """The model, and the server's limits."""
        return _info(service, service.model(request))

    @routes.get("/ping", response_class=Response, responses=errors(404, 503))
    @routes.get("/health", response_class=Response, responses=errors(404, 503))
    async def health() -> Response:
        """Good when all models are warm, and nothing was written into the files of their weights."""
        if not service.warm:
            raise RequestError(Fault.UNAVAILABLE, "the models are not warm")
        if changed := service.changed():
            raise RequestError(Fault.UNAVAILABLE, f"the weights of {name_list(changed)} have changed; reload them")
        return Response()


def _embed(service: Service, task: Embedder, body: EmbedRequest) -> object:
    dim = min(body.dimensions or task.dim, task.dim)
    texts = _texts(service, task, body, prompt_of(task, body.prompt_name), each=dim * NUMBER_BYTES)
    return sent(
        embedded(task, texts, prompt_name=body.prompt_name, normalize=body.normalize, dimensions=body.dimensions)
    )


def _embed_all(service: Service, task: Embedder, body: EmbedAllRequest) -> object:
    before = prompt_of(task, body.prompt_name)
    texts = _texts(service, task, body, before, each_token=task.config.dim * NUMBER_BYTES)
    return (
        (state.tolist() for state in states)
        for group in groups(texts)
        for states in task.logits([before + text for text in group])
    )


def _embed_sparse(service: Service, task: SparseEncoder, body: EmbedAllRequest) -> object:
    texts = _texts(service, task, body, prompt_of(task, body.prompt_name))
    return (sparse_values(vector) for group in groups(texts) for vector in task(group, prompt_name=body.prompt_name))


def _predict(service: Service, task: TextClassifier, body: PredictRequest) -> object:
    given: Any = body.inputs
    batch = isinstance(given, list) and not all(isinstance(each, str) for each in given)
    inputs: list[list[str]] = given if batch else [[given] if isinstance(given, str) else given]
    service.check_texts(inputs if given != [] else [])
    if not all(len(each) in (1, 2) for each in inputs):
        raise RequestError(
            Fault.UNPROCESSABLE, "inputs must be a text, a pair of texts, or a list of lists of one or two texts"
        )
    if body.truncation_direction.lower() != "right":
        raise RequestError(Fault.UNPROCESSABLE, "pairs and texts to classify are cut on the right only")
    tokens = service.tokens(task, [text for each in inputs for text in each])
    answer = len(inputs) * task.config.num_labels * LABEL_BYTES
    service.charge(texts_cost(task, tokens, len(inputs), answer=answer))
    if not service.may_cut(body):
        service.check_lengths(task, [each[0] for each in inputs if len(each) == 1])
        pairs = [each for each in inputs if len(each) == 2]
        service.check_lengths(task, [first for first, _ in pairs], [second for _, second in pairs])
    texts = [(each[0], each[1]) if len(each) == 2 else each[0] for each in inputs]
    results: Any = task.stream(texts, top_k=None, function="none" if body.raw_scores else None)
    labels = ([{"score": each.score, "label": each.label} for each in result] for result in results)
    return labels if batch else next(labels)


def _tokenize(service: Service, task: Task, body: TokenizeRequest) -> object:
    texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs
    service.check_texts(texts)
    if body.prompt_name is not None:
        if not isinstance(task, Embedder | SparseEncoder):
            raise RequestError(Fault.UNPROCESSABLE, "the model has no prompts")
        texts = [prompt_of(task, body.prompt_name) + text for text in texts]
    tokens = service.tokens(task, texts)
    service.charge(Cost(tokens, 0, answer=tokens * TOKEN_BYTES))
    encodings = task.tokenizer.encode_batch(texts)
    return (
        _tokens(task.tokenizer, text, encoding, body.add_special_tokens)
        for text, encoding in zip(texts, encodings, strict=True)
    )


def _tokens(tokenizer: BertTokenizer, text: str, encoding: Encoding, special: bool) -> Iterator[dict[str, Any]]:
    for index, sequence, (start, stop) in zip(
        encoding.ids.tolist(), encoding.sequence_ids.tolist(), encoding.offsets, strict=True
    ):
        if sequence >= 0:
            place = {"start": int(start), "stop": int(stop)}
            yield {"id": index, "text": text[start:stop], "special": False} | place
        elif special:
            yield {"id": index, "text": tokenizer.token(index), "special": True, "start": None, "stop": None}


def _decode(service: Service, task: Task, body: DecodeRequest) -> object:
    given: Any = body.ids if body.ids and isinstance(body.ids[0], list) else [body.ids]
    service.check_texts(given if body.ids else [])
    service.charge(Cost(sum(map(len, given)), 0))
    if max((index for ids in given for index in ids), default=0) >= task.tokenizer.vocab_size:
        raise RequestError(Fault.UNPROCESSABLE, f"token ids must be below {task.tokenizer.vocab_size}")
    return [task.tokenizer.decode(ids, skip_special_tokens=body.skip_special_tokens) for ids in given]


def _texts(
    service: Service,
    task: Any,
    body: EmbedRequest | EmbedAllRequest,
    before: str,
    *,
    each: int = 0,
    each_token: int = 0,
) -> list[str]:
    """The texts of a request, checked, and cut if that is allowed.

    `each` and `each_token` are bytes of the answer, for a text and for a token that the model reads.
    """
    texts = service.texts(task, body.inputs)
    tokens = service.tokens(task, texts) + len(texts) * service.tokens(task, [before])
    read = min(tokens, len(texts) * task.model.max_length)
    answer = each * len(texts) + each_token * read
    service.charge(texts_cost(task, tokens, len(texts), width=task.config.dim, answer=answer))
    if not service.may_cut(body):
        service.check_lengths(task, texts, before=before)
    return fitted(task, texts, body.truncation_direction, before)


def _info(service: Service, model: ServedModel) -> dict[str, Any]:
    task, settings = model.tasks[0], service.settings
    return {
        "model_id": model.name,
        "model_sha": None,
        "model_dtype": model.precision,
        "model_type": _model_type(task),
        "max_concurrent_requests": settings.max_concurrent,
        "max_input_length": task.model.max_length,
        "max_batch_tokens": settings.max_batch_tokens,
        "max_batch_requests": None,
        "max_client_batch_size": settings.max_texts,
        "auto_truncate": settings.auto_truncate,
        "tokenization_workers": settings.threads or available_cpus(),
        "version": __version__,
        "sha": None,
        "docker_label": None,
        "task": task.task,
        "models": list(service.models),
    }


def _model_type(task: Any) -> dict[str, Any]:
    if isinstance(task, Embedder):
        return {"embedding": {"pooling": ",".join(task.sentence.pooling.modes)}}
    if isinstance(task, SparseEncoder):
        return {"embedding": {"pooling": "splade"}}
    if isinstance(task, LateInteractionEncoder):
        return {"embedding": {"pooling": "colbert"}}
    labels = task.config.labels
    classes = {
        "id2label": {str(index): label for index, label in enumerate(labels)},
        "label2id": {label: index for index, label in enumerate(labels)},
    }
    return {"reranker" if isinstance(task, Reranker) else "classifier": classes}
