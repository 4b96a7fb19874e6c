"""The Hugging Face inference API: one route a model, the task told by the model and by the shape of the body."""

from typing import Any

from fastapi import APIRouter, Request, Response

from ..results import Answer, Entity, MaskFill
from ..tasks.embedding import Embedder
from ..tasks.fill_mask import MaskFiller
from ..tasks.multiple_choice import ChoiceClassifier
from ..tasks.question_answering import QuestionAnswerer
from ..tasks.sparse import SparseEncoder
from ..tasks.task import Task
from ..tasks.text_classification import TextClassifier
from ..tasks.token_classification import TokenClassifier
from ..tasks.zero_shot import ZeroShotClassifier
from .errors import Fault, RequestError
from .models import ServedModel
from .schemas import (
    ChoiceRequest,
    HubRequest,
    QuestionParameters,
    QuestionRequest,
    SimilarityRequest,
    TextsRequest,
    ZeroShotRequest,
)
from .service import Service
from .shared import EMBEDS, ERRORS, compare, sparse_values
from .texts import embedded, fitted, prompt_of, sent

_MOST_FILLS = 10_000  # results of one request: each carries its text

# the task's names of the hub's parameters
_PARAMETERS: dict[type[Task], dict[str, str]] = {
    TextClassifier: {"top_k": "top_k", "function_to_apply": "function"},
    TokenClassifier: {"aggregation_strategy": "aggregation", "ignore_labels": "ignore_labels", "stride": "stride"},
    MaskFiller: {"top_k": "top_k", "targets": "targets"},
    SparseEncoder: {"top_k": "top_k"},
}


def hub_routes(service: Service) -> APIRouter:
    routes = APIRouter(tags=["Hugging Face inference"])

    async def infer(request: Request, body: HubRequest) -> Response:
        """What `huggingface_hub.InferenceClient` sends, for every task of the model.

        Texts that are too long are cut as the hub does it, or read in windows where the task can;
        `"truncate": false` refuses them instead. `/` is the first model.
        """
        model = service.model(request)
        return await service.answer(request, lambda: _answer(service, model, body))

    for path in ("/", "/models/{name}"):
        routes.post(path, response_model=list[Any] | dict[str, Any], responses=ERRORS)(infer)
    return routes


def _answer(service: Service, model: ServedModel, body: Any) -> object:
    match body:
        case QuestionRequest():
            return _question(model.get(QuestionAnswerer, "a question answering model"), body)
        case SimilarityRequest():
            return compare(service, model.get(Embedder, EMBEDS), body, truncate=True)
        case ZeroShotRequest():
            return _zero_shot(service, model.get(ZeroShotClassifier, "a model of inference (NLI)"), body)
        case ChoiceRequest():
            service.check_texts(body.inputs.choices)
            chooser = model.get(ChoiceClassifier, "a multiple choice model")
            return _labels(chooser(body.inputs.prompt, body.inputs.choices))
        case _:
            return _texts(service, model.tasks[0], body)


def _texts(service: Service, task: Task, body: TextsRequest) -> object:
    texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs
    service.check_texts(texts)
    one = isinstance(body.inputs, str)
    if isinstance(task, Embedder):
        return _features(service, task, texts, body)
    options = _options(task, body)
    if body.truncate is False:
        service.check_lengths(task, texts)
    results: Any
    match task:
        case TextClassifier():
            results = task(texts, **{"top_k": None} | options)
            # the client takes the first of a list of lists, for one text too
            return [_labels(own if isinstance(own, list) else [own]) for own in results]
        case TokenClassifier():
            grouped = options.get("aggregation") != "none"
            results = [[_entity(each, grouped) for each in own] for own in task(texts, **options)]
        case MaskFiller():
            masks = sum(text.count(task.tokenizer.mask_token) for text in texts)
            if masks * options.get("top_k", 5) > _MOST_FILLS:
                raise RequestError(
                    Fault.TOO_LARGE, f"{masks} masks times top_k are more than the {_MOST_FILLS} results of one request"
                )
            results = [_fills(own) for own in task(texts, **options)]
        case SparseEncoder():
            results = [sparse_values(vector) for vector in task(texts, **options)]
        case _:
            raise RequestError(
                Fault.WRONG_MODEL, f"the model's task is {task.task!r}, which needs other inputs than texts alone"
            )
    return results[0] if one else results


def _options(task: Task, body: TextsRequest) -> dict[str, Any]:
    """The task's own options. Raises RequestError for those of other tasks: they would do nothing."""
    given = body.parameters.model_dump(exclude_none=True) if body.parameters else {}
    names = _PARAMETERS.get(type(task), {})
    others = [name for name in given if name not in names]
    others += [name for name in ("normalize", "dimensions", "encoding_format") if getattr(body, name) is not None]
    if others:
        raise RequestError(Fault.UNPROCESSABLE, f"{', '.join(others)}: not for a model of {task.task!r}")
    return {names[name]: value for name, value in given.items()}


def _features(service: Service, task: Embedder, texts: list[str], body: TextsRequest) -> object:
    if body.parameters and body.parameters.model_dump(exclude_none=True):
        raise RequestError(
            Fault.UNPROCESSABLE, "feature extraction has its parameters beside inputs, not in parameters"
        )
    before = prompt_of(task, body.prompt_name)
    if body.truncate is False:
        service.check_lengths(task, texts, before=before)
    texts = fitted(task, texts, body.truncation_direction, before)
    vectors = embedded(task, texts, prompt_name=body.prompt_name, normalize=body.normalize, dimensions=body.dimensions)
    return sent(vectors, body.encoding_format)


def _question(task: QuestionAnswerer, body: QuestionRequest) -> object:
    given = (body.parameters or QuestionParameters()).model_dump(exclude_none=True)
    if "handle_impossible_answer" in given:
        given["no_answer"] = given.pop("handle_impossible_answer")
    answers = task(body.inputs.question, body.inputs.context, **given)
    if isinstance(answers, Answer):
        return _span(answers)
    return [_span(answer) for answer in answers if isinstance(answer, Answer)]


def _zero_shot(service: Service, task: ZeroShotClassifier, body: ZeroShotRequest) -> object:
    texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs
    parameters = body.parameters
    service.check_texts(texts, len(parameters.candidate_labels))
    options: dict[str, Any] = parameters.model_dump(exclude_none=True, exclude={"candidate_labels"})
    results: Any = task(texts, parameters.candidate_labels, **options)
    answers = [_labels(own) for own in results]
    return answers[0] if isinstance(body.inputs, str) else answers


def _labels(results: Any) -> list[dict[str, Any]]:
    return [{"label": each.label, "score": each.score} for each in results]


def _entity(entity: Entity, grouped: bool) -> dict[str, Any]:
    label = "entity_group" if grouped else "entity"
    return {
        label: entity.label,
        "score": entity.score,
        "word": entity.text,
        "start": entity.start,
        "end": entity.end,
    }


def _fills(fills: Any) -> list[Any]:
    """Of a text with one mask a list; with several a list of lists."""
    return [
        {"score": fill.score, "token": fill.token_id, "token_str": fill.token, "sequence": fill.text}
        if isinstance(fill, MaskFill)
        else _fills(fill)
        for fill in fills
    ]


def _span(answer: Answer) -> dict[str, Any]:
    return {"answer": answer.text, "score": answer.score, "start": answer.start, "end": answer.end}
