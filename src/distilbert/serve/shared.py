"""What the routes of several services share: the errors that they describe, and answers that are alike."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from ..results import SparseVector
from ..tasks.embedding import Embedder
from .cost import NUMBER_BYTES, texts_cost
from .errors import ANSWERED, Fault, RequestError
from .schemas import Error, SimilarityRequest
from .schemas_openai import OpenAIError
from .service import Service
from .texts import fitted, prompt_of

EMBEDS = "an embedding model"
_GROUP = 32


def errors(*statuses: int, model: type = Error) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI description: the errors of these statuses, all of them by default."""
    return {
        row.status: {"description": row.about, "model": model}
        for row in ANSWERED
        if not statuses or row.status in statuses
    }


ERRORS = errors()
OPENAI_ERRORS = errors(model=OpenAIError)


def compare(service: Service, task: Embedder, body: SimilarityRequest, *, truncate: bool) -> object:
    """`truncate` holds where the request says nothing."""
    parameters = body.parameters
    name = parameters.prompt_name if parameters else None
    before = prompt_of(task, name)
    service.check_texts(body.inputs.sentences)
    texts = [body.inputs.source_sentence, *body.inputs.sentences]
    tokens = service.tokens(task, texts) + len(texts) * service.tokens(task, [before])
    service.charge(texts_cost(task, tokens, len(texts), width=task.config.dim, answer=len(texts) * NUMBER_BYTES))
    if parameters:
        truncate = truncate if parameters.truncate is None else parameters.truncate
        texts = fitted(task, texts, parameters.truncation_direction, before) if truncate else texts
    if not truncate:
        service.check_lengths(task, texts, before=before)
    vectors = task(texts, prompt_name=name)
    scores: Any = task.similarity(vectors[0], vectors[1:])
    return scores.tolist()


def either(body: BaseModel, *names: str) -> Any:
    """The value of an option that has several names. Raises RequestError where two of them are given and differ."""
    given = {name: value for name in names if (value := getattr(body, name)) is not None}
    if len(set(given.values())) > 1:
        raise RequestError(Fault.UNPROCESSABLE, f"{' and '.join(given)} are one option; give one of them", names[0])
    return next(iter(given.values()), None)


def groups(texts: list[str]) -> Iterator[list[str]]:
    """A few texts at a time, for results that are large."""
    return (texts[start : start + _GROUP] for start in range(0, len(texts), _GROUP))


def sparse_values(vector: SparseVector) -> list[dict[str, float]]:
    return [
        {"index": index, "value": value}
        for index, value in zip(vector.indices.tolist(), vector.values.tolist(), strict=True)
    ]
