"""Files and Python's tables -> examples: every table, CoNLL columns, SQuAD JSON and plain text.

Everything is read and checked before anything runs; what is wrong is an InputError that names file and lines.
"""

import dataclasses
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from ..config_keys import PROBLEM_TYPES, Problem
from ..errors import InputError, LabelWarning, short_repr
from .annotations import has_objects, is_annotated, plain_rows, with_objects
from .choices import choice_data
from .columns import COLUMNS, find_columns
from .conversations import asked_and_answered, is_conversation
from .dialect import Stated
from .examples import PROBLEMS, Data, LabelledText, PlainText, ProblemName, SentencePair
from .faults import Faults
from .file_names import is_table, suffix
from .labelled import Labelling
from .labels import LabelNames, tags_of_known_types
from .questions import hold_questions, question_row, questions_in, read_squad
from .rereading import reread_labelled
from .source import read_text
from .tables import Row, Table, check_file, decimal_commas, open_table
from .tagged import is_conll, read_conll, tagged

_DECIDING = 10_000  # rows of a file that decide how a larger one is read


def read_data(
    source: Any,
    task: str,
    *,
    columns: Mapping[str, str] | None = None,
    labels: Sequence[str] | Mapping[str, str] | None = None,
    problem: Problem | ProblemName | None = None,
    separator: str | None = None,
    quote: str | None = None,
    encoding: str | None = None,
    label_names: Mapping[str, str] | Sequence[str] | None = None,
    skip_bad: bool = False,
    open_ended: bool = False,
    with_tags: bool = False,
    hold: bool = True,
) -> Data[Any]:
    """The examples of a file, or of one of Python's tables.

    Args:
        source: .csv, .tsv, .jsonl, .json or .parquet, perhaps with .gz behind it; for token classification also CoNLL
            columns and CoNLL-U, for question answering also SQuAD's .json, for fill-mask also plain text, a text a
            line. Or a DataFrame of pandas or Polars, a pyarrow table, a `datasets.Dataset`, a dict of columns, a list
            of dicts or of tuples, a NumPy array.
        task: one of those in `COLUMNS`.
        columns: what a row has -> the name of its column. If all are numbers (from 1 on), the file has no header.
            A "label" of several names with commas between has a column of 0 and 1 for each label.
        labels: the labels there are; any other is an error. By default those of the file. A mapping is `label_names`.
        open_ended: labels that are not among `labels` are taken too, with a LabelWarning, unless more are than not;
            they stand behind the others in `Data.labels`.
        with_tags: of those, tags of a type that is among `labels` (I-LOC beside B-LOC) become labels: no warning.
        problem: of text classification: "single-label", "multi-label" or "regression", or as config.json spells
            them. Several labels in one cell have commas between them, or are a list.
        separator: between the cells of a CSV.
        quote: around them; "none": marks are letters like any other.
        encoding: of a file of text.
        label_names: what the file calls a label -> its name; "": rows with it have no label, and are left out. Names
            alone are those of the labels 0, 1, … in order.
        skip_bad: rows that cannot be used are left out.
        hold: whether all examples are held in memory. If not, those of a large file for text classification are read
            again whenever they are gone through; its first 10,000 rows decide what its columns are.
            What is not said is guessed, and `Data.guessed` says what.

    Raises:
        InputError: for all that is wrong in the data, naming file and lines, ten at once.
        MissingExtraError: for Parquet without the extra `train`.
    """
    columns = dict(columns or {})
    if task not in COLUMNS:
        raise InputError(f"task {task!r} has no data format; use one of {', '.join(COLUMNS)}")
    if unknown := sorted(set(columns) - set(COLUMNS[task])):
        raise InputError(f"columns: {task} has no {unknown[0]!r}; it has {', '.join(COLUMNS[task])}")
    kind = _problem(problem)
    if isinstance(labels, Mapping):
        labels, label_names = None, labels
    headless = bool(columns) and all(name.isdecimal() for name in columns.values())
    known = {name for role in COLUMNS[task].values() for name in role} | {c.lower() for c in columns.values()}
    stated = Stated(separator, quote, encoding, headless, known)
    for other_labels in (open_ended, False):
        faults = Faults(str(source) if isinstance(source, str | Path) else "the table", skip=skip_bad)
        named = partial(LabelNames, label_names, labels, open_ended=other_labels)
        data, names = _Reader(task, columns, stated, named, kind, faults).read(source, hold=hold)
        if names.unseen.total() <= names.seen:  # else they are other names, not other labels
            break
    faults.check(others=bool(data.examples))
    if not data.examples:
        raise InputError(f"{data.source}: has no examples")
    _warn_of_unknown(data.source, names.unseen, tags_of_known_types(names.unseen, labels or ()), with_tags)
    return dataclasses.replace(data, guessed=_joined(data.guessed, str(faults)))


def _warn_of_unknown(source: str, unseen: Counter[str], of_known_types: list[str], with_tags: bool) -> None:
    """One warning of the labels that the model does not know, and one of tags that it writes otherwise."""
    consequences = {False: "what has them counts as wrong"}
    if not with_tags:
        consequences[True] = "their entities are compared all the same, their words count as wrong"
    for of_known_type, consequence in consequences.items():
        found = Counter({label: n for label, n in unseen.items() if (label in of_known_types) == of_known_type})
        if found:
            listed = ", ".join(f"{short_repr(label)} {count:,}" for label, count in found.most_common(5))
            warnings.warn(
                f"{source}: the model does not know {len(found)} of the labels ({listed}); {consequence}",
                LabelWarning,
                stacklevel=4,
            )


def _problem(name: Problem | ProblemName | None) -> Problem | None:
    """Either spelling -> config.json's. Raises InputError."""
    known: dict[str, Problem] = {kind: kind for kind in PROBLEM_TYPES}
    known.update(PROBLEMS.items())
    if name is not None and name not in known:
        raise InputError(f"problem must be one of {', '.join(PROBLEMS)}, not {name!r}")
    return None if name is None else known[name]


@dataclasses.dataclass(frozen=True, eq=False)
class _Reader:
    """What `read_data` was told of a source. `named` makes the names of labels, of the classes that a table knows."""

    task: str
    columns: Mapping[str, str]
    stated: Stated
    named: Callable[..., LabelNames]
    problem: Problem | None
    faults: Faults

    def read(self, source: Any, *, hold: bool) -> tuple[Data[Any], LabelNames]:
        """The examples, and the names of their labels."""
        names = self.named()
        if isinstance(source, str | Path):
            data = self._other(Path(source), names)
            if data is None and not hold and self.task == "text-classification":
                data = self._reread(source, names)
            if data is not None:
                return data, names
        table = open_table(source, self.faults, self.stated)
        if classes := [table.class_names[name] for name in table.names if name in table.class_names]:
            names = self.named(classes[0] if len(classes) == 1 else ())
        return self._table(table, names), names

    def _reread(self, source: str | Path, names: LabelNames) -> Data[LabelledText] | None:
        """The labelled texts of a file, to be read again; None where they are few enough to be held."""
        stated, table = self.stated, open_table(source, Faults("", skip=True), self.stated)
        first = list(islice(table.rows, _DECIDING))
        few = next(table.rows, None) is None
        if few or self._are_to_convert(table, first):
            return None
        found, guessed, rows = find_columns(table, self.task, self.columns, first)
        if rows is not first and not table.has_header:  # its first line is none of its rows
            return None
        if rows is not first and table.dialect:
            quote = table.dialect.quote or "none"
            stated = dataclasses.replace(stated, separator=table.dialect.separator, quote=quote, headless=True)
        labelling = Labelling(rows, found, names, self.problem, decimal_commas=decimal_commas(table))
        data = reread_labelled(
            table.source, labelling, self.faults, lambda faults: open_table(source, faults, stated).rows
        )
        return dataclasses.replace(data, guessed=_joined(table.form, guessed, data.guessed))

    def _are_to_convert(self, table: Table, rows: Sequence[Row]) -> bool:
        """Whether rows have to be made plain first: tools for annotation wrote them, or they are conversations."""
        if self.columns or self.task not in ("text-classification", "token-classification"):
            return False
        if table.dialect is not None:
            return has_objects(rows)
        return is_annotated(rows, self.task) or (self.task == "text-classification" and is_conversation(rows))

    def _converted(self, rows: list[Row]) -> tuple[list[Row], str]:
        """Plain rows, and in words what was left out."""
        if self.task == "text-classification" and is_conversation(rows):
            return asked_and_answered(rows, self.faults), ""
        return plain_rows(with_objects(rows), self.task, self.faults)

    def _other(self, path: Path, names: LabelNames) -> Data[Any] | None:
        """The examples of a file that is none of tables; None for a table."""
        check_file(path)
        task, columns, faults, encoding = self.task, self.columns, self.faults, self.stated.encoding
        if task == "question-answering" and suffix(path) == ".json" and (squad := read_squad(path, faults, encoding)):
            return squad
        if is_table(path) and not (task == "token-classification" and is_conll(path, columns, encoding)):
            return None
        if task == "token-classification":
            return read_conll(path, columns, names, faults, encoding)
        if task == "question-answering":
            raise InputError(
                f"{path}: not in SQuAD's format (data, paragraphs, qas); name it .json where it is, else .jsonl"
            )
        if task == "fill-mask":
            lines = (line.strip() for line in read_text(path, encoding).split("\n"))
            return Data(str(path), [PlainText(line) for line in lines if line])
        return None

    def _table(self, table: Table, names: LabelNames) -> Data[Any]:
        task, faults, rows, left_out = self.task, self.faults, list(table.rows), ""
        if not rows:
            faults.check(others=False)
            header = "; its first line, its only one, is the header" if table.has_header and table.names else ""
            raise InputError(f"{table.source}: has no examples{header if table.dialect else ''}")
        if self._are_to_convert(table, rows):
            rows, left_out = self._converted(rows)
            if not rows:
                faults.check(others=False)
                raise InputError(f"{table.source}: has no examples ({left_out})")
            table = _with_names_of(table, rows)
        elif task == "question-answering" and not self.columns and hold_questions(rows):
            rows = [question for row in rows for question in questions_in(row)]
            table = _with_names_of(table, rows)
        found, guessed, rows = find_columns(table, task, self.columns, rows)
        data: Data[Any]
        match task:
            case "text-classification":
                labelling = Labelling(rows, found, names, self.problem, decimal_commas=decimal_commas(table))
                data = labelling.data(table.source, list(labelling.examples(rows, faults)))
            case "token-classification":
                data = tagged(table.source, rows, found, names, faults)
            case "question-answering":
                numbered = [*enumerate(rows)]
                data = Data(table.source, faults.each(numbered, lambda each: question_row(each[1], found, each[0])))
            case "fill-mask":
                data = Data(table.source, faults.each(rows, lambda row: PlainText(row.text(found["text"]))))
            case "sentence-similarity":
                data = Data(table.source, faults.each(rows, lambda row: _pair_row(row, found)))
            case _:
                data = choice_data(table.source, rows, found, table.names, faults)
        return dataclasses.replace(data, guessed=_joined(table.form, guessed, left_out, data.guessed))


def _with_names_of(table: Table, rows: Sequence[Row]) -> Table:
    return dataclasses.replace(table, names=tuple(dict.fromkeys(name for row in rows for name in row.values)))


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _pair_row(row: Row, found: Mapping[str, str]) -> SentencePair:
    first, second = (_sentence(row, found[role]) for role in ("text", "pair"))
    return SentencePair(first, second, row.number(found["score"]) if "score" in found else None)


def _sentence(row: Row, column: str) -> str:
    """A text, or the first of a list of those that fit, as sets for training by contrast have them."""
    value = row.values.get(column)
    if isinstance(value, list) and value and isinstance(value[0], str) and value[0].strip():
        return value[0]
    return row.text(column)
