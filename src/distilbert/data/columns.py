"""Which column of a table is what: as the caller says, or by the names that data sets have."""

import re
from collections.abc import Mapping, Sequence

from ..errors import InputError, name_list, short_repr
from .labelled import flag_columns
from .tables import Row, Table


def _names(listed: str) -> tuple[str, ...]:
    return tuple(listed.split(", "))


# task -> what a row has -> the names by which its column is known, likeliest first
COLUMNS: dict[str, dict[str, tuple[str, ...]]] = {
    "text-classification": {
        "text": _names(
            "text, sentence, text1, text_a, sentence1, sentence_1, sentence_a, premise, question1, #1 string, "
            "review, content, document, comment, comment_text, review_text, reviewtext, body, message, tweet, "
            "utterance, query, question, prompt, headline, title, data"
        ),
        "pair": _names(
            "pair, text2, text_b, text_pair, sentence2, sentence_2, sentence_b, hypothesis, question2, #2 string"
        ),
        "label": _names(
            "label, labels, category, class, target, sentiment, score, rating, stars, intent, gold_label, "
            "coarse_label, emotion, cats, topic, tag, is_duplicate, entailment_judgment, airline_sentiment, "
            "label-coarse, annotation, overall, quality, completion"
        ),
    },
    "token-classification": {
        "words": _names("words, tokens, word, token"),
        "labels": _names("labels, tags, ner_tags, ner, label, tag, ner_tag"),
        "sentence": _names("sentence #, sentence_id, sentence id, sent_id, sentence"),
    },
    "question-answering": {
        "id": _names("id"),
        "question": _names("question"),
        "context": _names("context, passage, paragraph, article, document, text"),
        "answers": _names("answers, answer, answer_text"),
        "start": _names("answer_start, start"),
    },
    "fill-mask": {"text": _names("text, sentence, content, document")},
    "sentence-similarity": {
        "text": _names(
            "text, text1, text_a, sentence1, sentence_1, sentence_a, anchor, query, question1, #1 string, premise, "
            "first, question, title"
        ),
        "pair": _names(
            "pair, text2, text_b, sentence2, sentence_2, sentence_b, positive, pos, answer, question2, #2 string, "
            "hypothesis, second, passage, document, abstract, body"
        ),
        "score": _names("score, similarity, similarity_score, relatedness_score, label, rating, is_duplicate"),
    },
    "multiple-choice": {
        "prompt": _names("prompt, premise, question, context, sent1, startphrase, ctx"),
        "choices": _names("choices, endings, options"),
        "label": _names("label, right, answer, gold, answerkey"),
    },
}
_OPTIONAL = {
    ("text-classification", "pair"),
    ("token-classification", "sentence"),
    ("question-answering", "id"),
    ("question-answering", "start"),
    ("sentence-similarity", "score"),
}
_CHOICE_COLUMN = re.compile(r"(?:(?:choice|ending|option|answer)_?([0-9]+|[a-z]))|([a-h])")
_NEGATIVE = re.compile(r"(?:hard_)?neg(?:ative)?s?(?:_?\d+)?")
_MOST_NAMED = 12  # columns, in a message
_MOST_KINDS = 0.5  # of the rows may have a label of their own where a table without a header is guessed


def find_columns(
    table: Table, task: str, given: Mapping[str, str], rows: list[Row]
) -> tuple[dict[str, str], str, list[Row]]:
    """What a row has -> its column, what of that was guessed in words, and the rows.

    Where no name is known and the first row has a label that others have as well, the table has no header: that row
    is one of values. Raises InputError for a column that cannot be found, and for one that is two things.
    """
    found = _given_columns(table, task, given)
    lower = {name.strip().lower(): name for name in reversed(table.names)}
    missing = []
    for role, known in COLUMNS[task].items():
        if role in found:
            continue
        guess = next((lower[name] for name in known if name in lower and lower[name] not in found.values()), None)
        if role == "sentence" and not _has_single_words(found, rows):
            continue
        if guess is not None:
            found[role] = guess
        elif role == "choices" and len(choice_columns(table.names)) > 1:
            found[role] = ""
        elif (task, role) not in _OPTIONAL:
            missing.append(role)
    if task == "sentence-similarity" and not given and missing == ["text", "pair"] and _are_numbered(table.names):
        found = _by_place(table.names, rows)
        missing = []
    if missing == ["label"] and (flags := flag_columns(rows, table.names, list(found.values()))):
        found["label"] = ",".join(flags)
        missing = []
    if missing and not given and (values := _without_header(table, task, rows)):
        return values
    for name in found.values():
        if f"{name}.1" in table.names:
            raise InputError(f"{table.source}:1: two columns have one name, {name!r}; is the first line a header?")
    if missing and not table.names:
        raise InputError(f"{table.source}: its rows have no columns")
    if missing:
        raise InputError(
            f"{table.source}: no column looks like {missing[0]!r} among {_listed(table.names)}; "
            f"say which it is: --columns {missing[0]}=NAME, in Python columns={{'{missing[0]}': 'NAME'}}"
            + ("; numbers from 1 on mean that there is no header" if table.has_header and table.dialect else "")
        )
    guessed = any(role not in given and name for role, name in found.items())
    named = ", ".join(f"{role} from {_described(name, table.names)}" for role, name in found.items() if name)
    parts = [named if guessed else "", _unread(table) if task == "sentence-similarity" else ""]
    return found, "; ".join(filter(None, parts)), rows


def _listed(names: Sequence[str]) -> str:
    return name_list([short_repr(name) for name in names], _MOST_NAMED)


def _described(name: str, names: Sequence[str]) -> str:
    """A column, or several with commas between, in words."""
    if name in names or name.count(",") < _MOST_NAMED:
        return f"column {name!r}"
    return f"{name.count(',') + 1:,} columns ({name_list(name.split(','))})"


def _are_numbered(names: Sequence[str]) -> bool:
    """Whether columns have no names."""
    return list(names) == [str(number) for number in range(1, len(names) + 1)]


def _by_place(names: Sequence[str], rows: Sequence[Row]) -> dict[str, str]:
    """The columns of pairs without names, as sets for sentence-transformers have them: two texts, perhaps a score."""
    found = dict(zip(("text", "pair"), names, strict=False))
    if len(names) > 2 and all(isinstance(row.values.get(names[2]), int | float) for row in rows):
        found["score"] = names[2]
    return found


def _unread(table: Table) -> str:
    """What is said of the columns of negatives in a set for training by contrast."""
    negatives = [name for name in table.names if _NEGATIVE.fullmatch(name.strip().lower())]
    return f"{name_list(negatives)} not read: the other pairs of a batch are the negatives" if negatives else ""


def _given_columns(table: Table, task: str, given: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for role in COLUMNS[task]:
        if role not in given:
            continue
        parts = given[role].split(",") if role == "label" and given[role] not in table.names else [given[role]]
        names = [_named(table, part) for part in parts]
        if both := next((name for name in names if name in found.values()), None):
            raise InputError(f"columns: {both!r} cannot be {role!r} and something else as well")
        found[role] = ",".join(names)
    return found


def _named(table: Table, name: str) -> str:
    """A column by its name, or by one that differs from it in blanks and capitals alone."""
    if name in table.names:
        return name
    alike = [column for column in table.names if column.strip().lower() == name.strip().lower()]
    if len(alike) != 1:
        raise InputError(f"{table.source}: has no column {name!r}; it has {_listed(table.names)}")
    return alike[0]


def _has_single_words(found: Mapping[str, str], rows: Sequence[Row]) -> bool:
    """Whether each row of token classification has one word, not a sentence of them."""
    values = [row.values.get(found.get("words", "")) for row in rows[:100]]
    return all(not isinstance(value, list) and len(str(value).split()) < 2 for value in values)


def _without_header(table: Table, task: str, rows: list[Row]) -> tuple[dict[str, str], str, list[Row]] | None:
    """The columns of a table of labelled texts whose first row is one of values; None for any other table."""
    if task != "text-classification" or table.dialect is None or len(table.names) < 2:
        return None
    place = rows[0].place.rpartition(":")[0] + ":1"
    rows = [
        Row(
            place if index == 0 else row.place, dict(zip(map(str, range(1, len(table.names) + 1)), values, strict=True))
        )
        for index, (row, values) in enumerate([(rows[0], table.names), *((row, row.values.values()) for row in rows)])
    ]
    columns = list(rows[0].values)
    kinds = {name: {str(row.values[name]).strip() for row in rows} for name in columns}
    repeated = [
        name
        for name in columns
        if any(str(row.values[name]).strip() == str(rows[0].values[name]).strip() for row in rows[1:])
        and 1 < len(kinds[name]) <= max(2, _MOST_KINDS * len(rows))
    ]
    if not repeated:
        return None
    label = min(repeated, key=lambda name: (not all(kind.isdecimal() for kind in kinds[name]), len(kinds[name])))
    lengths = {name: sum(len(str(row.values[name])) for row in rows) for name in columns if name != label}
    text = max(lengths, key=lambda name: lengths[name])
    words = f"no header: text from column {text}, label from column {label}; else name them with --columns"
    return {"text": text, "label": label}, words, rows


def choice_columns(names: Sequence[str]) -> list[str]:
    """choice1, choice2, … (or ending0, option_a, …) in their order."""
    matches = {name: match for name in names if (match := _CHOICE_COLUMN.fullmatch(name.strip().lower()))}
    numbers = {name: match[1] or match[2] for name, match in matches.items()}
    return sorted(numbers, key=lambda name: (len(numbers[name]), numbers[name]))
