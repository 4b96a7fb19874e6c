"""Names of classes as `datasets` has them beside its columns, in memory, in Parquet files and in what the hub shows."""

from collections.abc import Mapping, Sequence
from typing import Any


def class_names(features: Any) -> dict[str, tuple[str, ...]]:
    """column -> the names of its classes 0, 1, …, of the columns that have some. `features`: by name, as objects of
    `datasets` or of JSON, or a list of objects with "name" and "type".
    """
    if isinstance(features, Sequence) and all(isinstance(each, Mapping) for each in features):
        features = {name: each.get("type") for each in features if isinstance(name := each.get("name"), str)}
    found = {}
    for column, feature in features.items() if isinstance(features, Mapping) else ():
        names = _part(feature, "names") or _part(_part(feature, "feature"), "names")
        if isinstance(names, list | tuple) and names and all(isinstance(name, str) for name in names):
            found[str(column)] = tuple(names)
    return found


def _part(feature: Any, name: str) -> Any:
    return feature.get(name) if isinstance(feature, Mapping) else getattr(feature, name, None)


def with_class_names(rows: Sequence[Any], names: Mapping[str, Sequence[str]]) -> list[Any]:
    """The rows with names in place of the numbers that they are those of."""
    return [
        {column: _named(value, names[column]) if column in names else value for column, value in row.items()}
        if isinstance(row, dict)
        else row
        for row in rows
    ]


def _named(value: Any, names: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_named(part, names) for part in value]
    return names[value] if type(value) is int and 0 <= value < len(names) else value
