"""The Hugging Face inference API: one route a model, the task told by the model and by the shape of the body."""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from ..results import Answer, Entity, MaskFill
from ..tasks.embedding import Embedder
from ..tasks.fill_mask import MaskFiller
from ..tasks.late_interaction import LateInteractionEncoder
from ..tasks.multiple_choice import ChoiceClassifier
from ..tasks.question_answering import QuestionAnswerer
from ..tasks.reranking import Reranker
from ..tasks.sparse import SparseEncoder
from ..tasks.task import Task
from ..tasks.text_classification import TextClassifier
from ..tasks.token_classification import TokenClassifier
from ..tasks.zero_shot import ZeroShotClassifier
from .cost import LABEL_BYTES, NUMBER_BYTES, Cost, answers_cost, fills_cost, texts_cost
from .errors import Fault, RequestError
from .models import ServedModel
from .schemas import SimilarityRequest
from .schemas_hub import (
    ChoiceRequest,
    HubRequest,
    Pair,
    PairsRequest,
    Parameters,
    Question,
    QuestionParameters,
    QuestionRequest,
    TextsRequest,
    ZeroShotRequest,
)
from .service import Service
from .shared import EMBEDS, ERRORS, compare, groups, sparse_values
from .texts import beginning, embedded, fitted, prompt_of, sent

# the hub's parameters of each task
_PARAMETERS: dict[type[Task], tuple[str, ...]] = {
    TextClassifier: ("top_k", "function_to_apply"),
    TokenClassifier: ("aggregation_strategy", "ignore_labels", "stride"),
    MaskFiller: ("top_k", "targets"),
    SparseEncoder: ("top_k", "prompt_name"),
    Embedder: ("normalize", "dimensions", "encoding_format", "prompt_name"),
}
# the tasks' names of parameters that have others there
_OPTIONS = {"function_to_apply": "function", "aggregation_strategy": "aggregation"}
_NAME = {
    "name": "name",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "a name of /v1/models",
}
_INSTEAD: dict[type[Task], str] = {
    ChoiceClassifier: 'send "inputs": {"prompt": text, "choices": texts}',
    LateInteractionEncoder: "ask /v1/multi-vector or /rerank",
    QuestionAnswerer: 'send "inputs": {"question": text, "context": text}',
    Reranker: "ask /rerank",
    ZeroShotClassifier: 'send "parameters": {"candidate_labels": texts}',
}
_CUT = (TextClassifier, Embedder, SparseEncoder)  # tasks that read the beginning of a text, or its end


def hub_routes(service: Service) -> APIRouter:
    routes = APIRouter(tags=["Hugging Face inference"])

    async def infer(request: Request, body: HubRequest) -> Response:
        """What `huggingface_hub.InferenceClient` sends, for every task of the model.

        Texts that are too long are cut as the hub does it, or read in windows where the task can;
        `"truncate": false` refuses them instead. `/` is the first model.
        """
        model = service.model(request)
        return await service.answer(request, lambda: _answer(service, model, body))

    for path in ("/", "/models/{name}", "/invocations"):  # the last is SageMaker's
        named = {"parameters": [_NAME]} if "{name}" in path else None
        routes.post(path, response_model=list[Any] | dict[str, Any], responses=ERRORS, openapi_extra=named)(infer)
    return routes


def _answer(service: Service, model: ServedModel, body: Any) -> object:
    match body:
        case PairsRequest():
            return _pairs(service, model.get(TextClassifier, "a sequence classification model"), body)
        case QuestionRequest():
            return _question(service, model.get(QuestionAnswerer, "a question answering model"), body)
        case SimilarityRequest():
            return compare(service, model.get(Embedder, EMBEDS), body, truncate=True)
        case ZeroShotRequest():
            return _zero_shot(service, _chooser(model, body), body)
        case ChoiceRequest():
            choices = body.inputs.choices
            service.check_texts(choices, what="choice")
            chooser = model.get(ChoiceClassifier, "a multiple choice model")
            tokens = service.tokens(chooser, [body.inputs.prompt]) * len(choices) + service.tokens(chooser, choices)
            sent_back = 4 * sum(map(len, choices))
            service.charge(texts_cost(chooser, tokens, len(choices), answer=len(choices) * LABEL_BYTES + sent_back))
            return _labels(chooser(body.inputs.prompt, body.inputs.choices))
        case _:
            return _texts(service, model.tasks[0], body)


def _texts(service: Service, task: Task, body: TextsRequest) -> object:
    one = isinstance(body.inputs, str)
    texts: list[str] = [body.inputs] if isinstance(body.inputs, str) else body.inputs
    service.check_texts(texts)
    options, cutting = _options(task, body)
    before = prompt_of(task, options.get("prompt_name")) if isinstance(task, Embedder | SparseEncoder) else ""
    service.charge(_cost(service, task, texts, options, before))
    if cutting.truncate is False:
        service.check_lengths(task, texts, before=before)
    if cutting.max_length is not None:
        texts = [beginning(task, text, cutting.max_length) for text in texts]
    texts = fitted(task, texts, cutting.truncation_direction or "right", before)
    results: Any
    match task:
        case Embedder():
            encoding_format = options.pop("encoding_format", None)
            vectors = embedded(task, texts, **{"prompt_name": None, "normalize": None, "dimensions": None} | options)
            return sent(vectors, encoding_format)
        case TextClassifier():
            results = task.stream(texts, **{"top_k": None} | options)
            # the client takes the first of a list of lists, for one text too
            return (_labels(labels if isinstance(labels, list) else [labels]) for labels in results)
        case TokenClassifier():
            grouped = options.get("aggregation") != "none"
            results = ((_entity(each, grouped) for each in entities) for entities in task.stream(texts, **options))
        case MaskFiller():
            results = (_fills(fills) for fills in task.stream(texts, **options))
        case SparseEncoder():
            results = (sparse_values(vector) for group in groups(texts) for vector in task(group, **options))
        case _:
            instead = next((instead for kind, instead in _INSTEAD.items() if isinstance(task, kind)), "see /docs")
            raise RequestError(Fault.WRONG_MODEL, f"texts alone are not for a model of {task.task!r}; {instead}")
    return next(results) if one else results


def _pairs(service: Service, task: TextClassifier, body: PairsRequest) -> object:
    pairs = [body.inputs] if isinstance(body.inputs, Pair) else body.inputs
    service.check_texts(pairs)
    tokens = service.tokens(task, [text for pair in pairs for text in (pair.text, pair.text_pair or "")])
    service.charge(texts_cost(task, tokens, len(pairs), answer=len(pairs) * task.config.num_labels * LABEL_BYTES))
    texts = [pair.text if pair.text_pair is None else (pair.text, pair.text_pair) for pair in pairs]
    given = body.parameters.model_dump(exclude_none=True) if body.parameters else {}
    options = {"top_k": None} | {_OPTIONS.get(name, name): value for name, value in given.items()}
    results: Any = task.stream(texts, **options)
    return (_labels(labels if isinstance(labels, list) else [labels]) for labels in results)


def _options(task: Task, body: TextsRequest) -> tuple[dict[str, Any], Parameters]:
    """The task's own options, and how texts are to be cut. Raises RequestError for what would do nothing."""
    given = body.model_dump(exclude_none=True, exclude={"inputs", "parameters", "options"})
    inner = body.parameters.model_dump(exclude_none=True, exclude={"padding"}) if body.parameters else {}
    if twice := [name for name in given if inner.get(name, given[name]) != given[name]]:
        raise RequestError(Fault.UNPROCESSABLE, f"{twice[0]}: one value stands beside inputs, another in parameters")
    given |= inner
    for name, other in (("truncate", "truncation"), ("top_k", "return_all_scores")):
        if name in given and other in given and given[name] != given[other]:
            raise RequestError(Fault.UNPROCESSABLE, f"{name}: give it or {other}, which say the same, not both")
    cutting = Parameters.model_validate(
        {
            "truncate": given.pop("truncate", given.pop("truncation", None)),
            "truncation_direction": given.pop("truncation_direction", None),
            "max_length": given.pop("max_length", None),
        }
    )
    others = []
    if not isinstance(task, _CUT):
        left = (cutting.truncation_direction or "right").lower() != "right"
        others = ["truncation_direction"] * left + ["max_length"] * (cutting.max_length is not None)
    if isinstance(task, TextClassifier) and "return_all_scores" in given:
        every = given.pop("return_all_scores")
        given.setdefault("top_k", None if every else 1)
    others += [name for name in given if name not in _PARAMETERS.get(type(task), ())]
    if others:
        raise RequestError(Fault.UNPROCESSABLE, f"{', '.join(others)}: not for a model of {task.task!r}")
    return {_OPTIONS.get(name, name): value for name, value in given.items()}, cutting


def _cost(service: Service, task: Task, texts: list[str], options: dict[str, Any], before: str) -> Cost:
    """Of a task whose input is text alone, with a prompt before each."""
    tokens = service.tokens(task, texts) + len(texts) * service.tokens(task, [before])
    match task:
        case MaskFiller():
            targets = options.get("targets")
            if targets is not None:
                service.tokens(task, targets)
            most = service.settings.max_tokens
            return fills_cost(task, texts, tokens, top_k=options.get("top_k", 5), targets=targets, most=most)
        case TokenClassifier():
            overlap, width = options.get("stride") or 0, task.config.num_labels
            return texts_cost(task, tokens, len(texts), width=width, overlap=overlap, answer=tokens * LABEL_BYTES)
        case TextClassifier():
            return texts_cost(task, tokens, len(texts), answer=len(texts) * task.config.num_labels * LABEL_BYTES)
        case Embedder():
            answer = len(texts) * min(options.get("dimensions", task.dim), task.dim) * NUMBER_BYTES
            return texts_cost(task, tokens, len(texts), width=task.config.dim, answer=answer)
        case _:
            return texts_cost(task, tokens, len(texts))


def _question(service: Service, task: QuestionAnswerer, body: QuestionRequest) -> object:
    questions = [body.inputs] if isinstance(body.inputs, Question) else body.inputs
    service.check_texts(questions, what="question")
    options = body.parameters or QuestionParameters.model_validate({})
    cost = Cost(0, 0)
    for each in questions:
        cost += answers_cost(
            task,
            service.tokens(task, [each.question]),
            service.tokens(task, [each.context]),
            longest=options.max_answer_len or 15,
            window=options.max_seq_len or 384,
            shared=128 if options.doc_stride is None else options.doc_stride,
            top_k=options.top_k or 1,
            context_bytes=len(each.context),
        )
    service.charge(cost)
    given = options.model_dump(exclude_none=True)
    if "handle_impossible_answer" in given:
        given["no_answer"] = given.pop("handle_impossible_answer")
    answers = (_spans(found) for found in task.stream([(each.question, each.context) for each in questions], **given))
    return next(answers) if isinstance(body.inputs, Question) else answers


def _chooser(model: ServedModel, body: ZeroShotRequest) -> ZeroShotClassifier:
    """Any classifier of sequences, where the request says which of its labels is entailment."""
    if body.parameters.entailment is not None and (classifier := model.find(TextClassifier)) is not None:
        return ZeroShotClassifier(classifier.model)
    return model.get(ZeroShotClassifier, "a model of inference (NLI)")


def _zero_shot(service: Service, task: ZeroShotClassifier, body: ZeroShotRequest) -> object:
    texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs
    parameters = body.parameters
    service.check_texts(texts, len(parameters.candidate_labels))
    options: dict[str, Any] = parameters.model_dump(exclude_none=True, exclude={"candidate_labels"})
    labels = parameters.candidate_labels
    template = service.tokens(task, [parameters.hypothesis_template or ""]) + 8
    tokens = service.tokens(task, texts) * len(labels)
    tokens += len(texts) * (service.tokens(task, labels) + template * len(labels))
    sent_back = 4 * len(texts) * sum(map(len, labels))
    count = len(texts) * len(labels)
    service.charge(texts_cost(task, tokens, count, answer=count * LABEL_BYTES + sent_back))
    answers = (_labels(result) for result in task.stream(texts, labels, **options))
    return next(answers) if isinstance(body.inputs, str) else answers


def _labels(results: Any) -> list[dict[str, Any]]:
    return [{"label": each.label, "score": each.score} for each in results]


def _entity(entity: Entity, grouped: bool) -> dict[str, Any]:
    named = {"entity_group" if grouped else "entity": entity.label}
    return named | {"score": entity.score, "word": entity.text, "start": entity.start, "end": entity.end}


def _fills(fills: Any) -> Iterator[Any]:
    """Of a text with one mask a list; with several a list of lists."""
    return (
        {"score": fill.score, "token": fill.token_id, "token_str": fill.token, "sequence": fill.text}
        if isinstance(fill, MaskFill)
        else _fills(fill)
        for fill in fills
    )


def _spans(answers: Answer | Sequence[Answer]) -> Any:
    """One answer, or a list of them where several were asked for."""
    if not isinstance(answers, Answer):
        return [_spans(answer) for answer in answers]
    return {"answer": answers.text, "score": answers.score, "start": answers.start, "end": answers.end}
