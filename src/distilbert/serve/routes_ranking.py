"""Re-ranking as Cohere, Jina and vLLM have it, beside TEI's, and vLLM's and Jina's classification."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response

from ..results import Ranked
from ..tasks.late_interaction import LateInteractionEncoder
from ..tasks.reranking import Reranker
from ..tasks.text_classification import TextClassifier
from ..tasks.zero_shot import ZeroShotClassifier
from .batcher import current_work
from .cost import LABEL_BYTES, texts_cost
from .errors import Fault, RequestError
from .schemas import Rank, RerankRequest
from .schemas_openai import (
    AnyRerankRequest,
    Classified,
    ClassifyRequest,
    DocumentsRequest,
    RankedDocuments,
)
from .service import Service
from .shared import ERRORS, OPENAI_ERRORS, either
from .texts import beginning

Ranker = Reranker | LateInteractionEncoder


def ranking_routes(service: Service) -> APIRouter:
    routes = APIRouter(tags=["Re-ranking and classification"])

    @routes.post("/rerank", response_model=list[Rank] | RankedDocuments, responses=ERRORS)
    async def rerank(request: Request, body: AnyRerankRequest) -> Response:
        """Texts by how well they fit a query, best first; TEI's body, or Cohere's. 424 if no model is a re-ranker."""
        return await _rerank(service, request, body)

    @routes.post("/v2/rerank", response_model=RankedDocuments, responses=ERRORS)
    @routes.post("/v1/rerank", response_model=RankedDocuments, responses=OPENAI_ERRORS)
    async def rerank_documents(request: Request, body: DocumentsRequest) -> Response:
        """Documents by how well they fit a query, best first, as Cohere, Jina and vLLM have it."""
        return await _rerank(service, request, body)

    @routes.post("/classify", response_model=Classified, responses=ERRORS)
    @routes.post("/v1/classify", response_model=Classified | dict[str, Any], responses=OPENAI_ERRORS)
    async def classify(request: Request, body: ClassifyRequest) -> Response:
        """The best label of each text and the probabilities of all, as vLLM has it; of `labels`, as Jina has it."""
        if body.labels is not None:
            if not body.use_activation:
                message = "use_activation: labels are scored as probabilities; leave it out, or labels"
                raise RequestError(Fault.UNPROCESSABLE, message, "use_activation")
            chooser = service.task(request, ZeroShotClassifier, "a model of inference (NLI)", body.model)
            return await service.answer(request, lambda: _chosen(service, chooser, body))
        task = service.task(request, TextClassifier, "a sequence classification model", body.model)
        return await service.answer(request, lambda: _classified(service, task, body))

    return routes


async def _rerank(service: Service, request: Request, body: RerankRequest | DocumentsRequest) -> Response:
    kinds: Any = Ranker
    if isinstance(body, RerankRequest):
        task = service.task(request, kinds, "a re-ranker")
        return await service.answer(request, lambda: _ranks(service, task, body))
    task = service.task(request, kinds, "a re-ranker", body.model)
    return await service.answer(request, lambda: _documents(service, task, body))


def _charge(service: Service, task: Ranker, query: str, texts: list[str], *, sent_back: bool) -> None:
    service.check_texts(texts)
    times = len(texts) if isinstance(task, Reranker) else 1  # a query is read with each text, or once
    tokens = service.tokens(task, [query]) * times + service.tokens(task, texts)
    answer = len(texts) * LABEL_BYTES + (4 * sum(map(len, texts)) if sent_back else 0)
    service.charge(texts_cost(task, tokens, len(texts), answer=answer))


def _ranks(service: Service, task: Ranker, body: RerankRequest) -> object:
    _charge(service, task, body.query, body.texts, sent_back=body.return_text)
    if body.truncation_direction.lower() != "right":
        raise RequestError(Fault.UNPROCESSABLE, "pairs are cut on the right only", "truncation_direction")
    cut = service.may_cut(body)
    if not (body.raw_scores and isinstance(task, Reranker)):  # those of late interaction are no probabilities
        ranks = [(ranked.index, ranked.score) for ranked in _ranked(service, task, body.query, body.texts, cut=cut)]
        return _with_texts(ranks, body)
    if not cut:
        _check_lengths(service, task, body.query, body.texts)
    logits = task.logits(body.query, body.texts)
    scores = logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
    return _with_texts(sorted(enumerate(scores.tolist()), key=lambda rank: -rank[1]), body)


def _ranked(service: Service, task: Ranker, query: str, texts: list[str], *, cut: bool) -> list[Ranked]:
    """Best first. Raises RequestError where a text is longer than the model reads and may not be cut."""
    if isinstance(task, LateInteractionEncoder):
        return task(query, texts, long_text="truncate" if cut else "error")
    if not cut:
        _check_lengths(service, task, query, texts)
    return task(query, texts)


def _check_lengths(service: Service, task: Reranker, query: str, texts: list[str]) -> None:
    service.check_lengths(task, [task.prompts.text() + query] * len(texts), texts)


def _with_texts(ranks: list[tuple[int, float]], body: RerankRequest) -> object:
    texts = [{"text": body.texts[index]} if body.return_text else {} for index, _ in ranks]
    return [{"index": index} | text | {"score": score} for (index, score), text in zip(ranks, texts, strict=True)]


def _documents(service: Service, task: Ranker, body: DocumentsRequest) -> object:
    texts = [document if isinstance(document, str) else document.text for document in body.documents]
    _charge(service, task, body.query, texts, sent_back=body.return_documents)
    read = texts
    if body.max_tokens_per_doc is not None:
        most = body.max_tokens_per_doc + task.tokenizer.special_count
        read = [beginning(task, text, most) for text in texts]
    ranks = _ranked(service, task, body.query, read, cut=body.truncation is not False)
    results = [
        {"index": ranked.index, "relevance_score": ranked.score}
        | ({"document": {"text": texts[ranked.index]}} if body.return_documents else {})
        for ranked in ranks[: either(body, "top_n", "top_k")]
    ]
    work = current_work.get()
    usage = {"total_tokens": work.tokens}
    return {"id": f"rerank-{uuid.uuid4().hex}", "model": work.model, "results": results, "usage": usage}


def _classified(service: Service, task: TextClassifier, body: ClassifyRequest) -> object:
    texts = [body.input] if isinstance(body.input, str) else body.input
    service.check_texts(texts)
    answer = len(texts) * task.config.num_labels * LABEL_BYTES
    service.charge(texts_cost(task, service.tokens(task, texts), len(texts), answer=answer))
    order = {label: index for index, label in enumerate(task.config.labels)}
    results: Any = task(texts, top_k=None, function=None if body.use_activation else "none")
    work = current_work.get()

    def data() -> Iterator[object]:
        for index, labels in enumerate(results):
            scores = [each.score for each in sorted(labels, key=lambda each: order[each.label])]
            yield {"index": index, "label": labels[0].label, "probs": scores, "num_classes": len(scores)}

    head = {"id": f"classify-{uuid.uuid4().hex}", "object": "list", "created": int(time.time()), "model": work.model}
    return head | {"data": data(), "usage": {"prompt_tokens": work.tokens, "total_tokens": work.tokens}}


def _chosen(service: Service, task: ZeroShotClassifier, body: ClassifyRequest) -> object:
    texts, labels = [body.input] if isinstance(body.input, str) else body.input, body.labels or []
    service.check_texts(texts, len(labels))
    tokens = service.tokens(task, texts) * len(labels) + len(texts) * (service.tokens(task, labels) + 8 * len(labels))
    answer = len(texts) * len(labels) * LABEL_BYTES + 4 * len(texts) * sum(map(len, labels))
    service.charge(texts_cost(task, tokens, len(texts) * len(labels), answer=answer))
    results: Any = task(texts, labels)
    work = current_work.get()
    data = (
        {
            "object": "classification",
            "index": index,
            "prediction": ranked[0].label,
            "score": ranked[0].score,
            "predictions": [{"label": each.label, "score": each.score} for each in ranked],
        }
        for index, ranked in enumerate(results)
    )
    return {"model": work.model, "data": data, "usage": {"total_tokens": work.tokens}}
