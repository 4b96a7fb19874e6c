"""Results of tasks -> columns of Arrow, of the same names and types whatever the format."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..tasks.embedding import Embedder
from ..tasks.task import Task

_LABEL = pa.struct([("label", pa.string()), ("score", pa.float64())])
_SPAN = [("text", pa.string()), ("start", pa.int64()), ("end", pa.int64()), ("score", pa.float64())]
_ENTITY = pa.struct([("label", pa.string()), *_SPAN])
_ANSWER = pa.struct(_SPAN)
_FILL = pa.struct([("token", pa.string()), ("token_id", pa.int64()), ("score", pa.float64()), ("text", pa.string())])
_NUMBERS = {
    "float32": pa.float32(),
    "int8": pa.int8(),
    "uint8": pa.uint8(),
    "binary": pa.int8(),
    "ubinary": pa.uint8(),
}


def result_schema(task: Task, options: Mapping[str, Any]) -> pa.Schema:
    """The columns that a task's results become."""
    several = options.get("top_k", 1) != 1 or options.get("threshold") is not None
    fields: dict[str, list[tuple[str, pa.DataType]]] = {
        "text-classification": [("labels", pa.list_(_LABEL))]
        if several
        else [("label", pa.string()), ("score", pa.float64()), ("truncated", pa.bool_())],
        "zero-shot-classification": [("labels", pa.list_(_LABEL))],
        "multiple-choice": [("labels", pa.list_(_LABEL))],
        "token-classification": [("entities", pa.list_(_ENTITY))],
        "question-answering": [("answers", pa.list_(_ANSWER)) if several else ("answer", _ANSWER)],
        "fill-mask": [("fills", pa.list_(pa.list_(_FILL)))],
        "text-ranking": [("score", pa.float64()), ("truncated", pa.bool_())],
        "sparse-encoding": [("indices", pa.list_(pa.int32())), ("values", pa.list_(pa.float32()))],
    }
    return pa.schema([("vector", _vector(task, options))] if isinstance(task, Embedder) else fields[task.task])


def _vector(task: Embedder, options: Mapping[str, Any]) -> pa.DataType:
    output = options.get("output", "float32")
    width = min(options.get("truncate_dim") or task.sentence.truncate_dim or task.dim, task.dim)
    return pa.list_(_NUMBERS[output], -(-width // 8) if output in ("binary", "ubinary") else width)


def result_columns(task: Task, schema: pa.Schema, results: Sequence[Any]) -> list[pa.Array]:
    """The columns of `schema`; a result of None is null in all of them."""
    if task.task == "feature-extraction":
        return [_vectors(schema.field(0).type, results)]
    cells = [(None,) * len(schema) if result is None else _cells(task.task, result, len(schema)) for result in results]
    columns = zip(*cells) if cells else [[] for _ in schema]
    return [pa.array(list(column), field.type) for column, field in zip(columns, schema)]


def _cells(task: str, result: Any, width: int) -> tuple[Any, ...]:
    if task == "text-classification" and width > 1:
        return result.label, result.score, result.truncated
    if task == "text-ranking":
        return result[0].score, result[0].truncated
    if task == "sparse-encoding":
        return result.indices, result.values
    if task == "fill-mask":
        masks = [result] if not result or not isinstance(result[0], list) else result
        return ([_dicts(fills) for fills in masks],)
    return (_dicts(result) if isinstance(result, list) else result.to_dict(),)


def _dicts(results: Iterable[Any]) -> list[dict[str, Any]]:
    return [result.to_dict() for result in results]


def _vectors(kind: pa.DataType, results: Sequence[Any]) -> pa.Array:
    values = np.zeros((len(results), kind.list_size), kind.value_type.to_pandas_dtype())
    for row, result in enumerate(results):
        if result is not None:
            values[row] = result
    missing = pa.array([result is None for result in results], pa.bool_())
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), type=kind, mask=missing)
