"""Which column of a table is what: as the caller says, or by the names that data sets have."""

import re
from collections.abc import Mapping, Sequence

from ..errors import InputError, name_list, short_repr
from .cells import number_of, says_nothing
from .flags import flag_columns
from .tables import Row, Table
from .tags import are_tags


def _names(listed: str) -> tuple[str, ...]:
    return tuple(listed.split(", "))


# task -> what a row has -> the names by which its column is known, likeliest first
COLUMNS: dict[str, dict[str, tuple[str, ...]]] = {
    "text-classification": {
        "text": _names(
            "text, sentence, text1, text_a, sentence1, sentence_1, sentence_a, premise, question1, #1 string, "
            "review, content, document, comment, comment_text, review_text, reviewtext, body, message, tweet, "
            "utterance, query, question, prompt, headline, title, data, input"
        ),
        "pair": _names(
            "pair, text2, text_b, text_pair, sentence2, sentence_2, sentence_b, hypothesis, question2, #2 string"
        ),
        "label": _names(
            "label, labels, category, class, target, sentiment, score, rating, stars, intent, gold_label, "
            "coarse_label, emotion, cats, topic, tag, is_duplicate, entailment_judgment, airline_sentiment, "
            "label-coarse, annotation, overall, quality, completion, polarity, stance, output"
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
        "score": _names("score, similarity, similarity_score, relatedness_score, label, rating, is_duplicate, quality"),
    },
    "multiple-choice": {
        "prompt": _names("prompt, premise, question, context, sent1, startphrase, ctx, sentence"),
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
# pairs by names that are no pair's when they stand alone: QNLI, WikiQA, BoolQ, passages that are sought, ANLI, FEVER
_PAIRS = (
    ("question", "sentence"), ("question", "answer"), ("question", "passage"), ("question", "context"),
    ("query", "passage"), ("query", "document"), ("query", "doc"), ("query", "answer"), ("query", "context"),
    ("context", "hypothesis"), ("claim", "evidence"),
)  # fmt: skip
_CHOICE_COLUMN = re.compile(r"(?:(?:choice|ending|option|answer)_?([0-9]+|[a-z]))|([a-h])")
_NEGATIVE = re.compile(r"(?:hard_)?neg(?:ative)?s?(?:_?\d+)?")
_PARTS = {"train", "training", "test", "validation", "valid", "val", "dev", "unassigned"}  # of data sets
_HEADER_WITHIN = 20  # rows
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
    if (
        rows
        and not table.has_header
        and table.dialect
        and len(found) > 1
        and _names_them(rows[0], found, COLUMNS[task])
    ):
        found, described, rows = find_columns(table, task, given, rows[1:])
        return found, "; ".join(filter(None, [described, "the first line taken for the names of the columns"])), rows
    lower = by_usual_name(table.names)
    if task == "text-classification" and not given.keys() & {"text", "pair"}:
        found |= columns_of_pair(lower)
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
    if missing and not given:
        _check_header(table, [*missing, *found], COLUMNS[task], rows)
        if values := without_header(table, task, rows):
            return values
    _check_names(table, found, given)
    if missing:
        raise _missing(table, missing[0])
    if task == "sentence-similarity" and "score" not in given:
        _check_no_classes(table, found)
    guessed = any(role not in given and name for role, name in found.items())
    named = ", ".join(f"{role} from {_described(name, table.names)}" for role, name in found.items() if name)
    parts = [named if guessed else "", _unread(table, found, rows) if task == "sentence-similarity" else ""]
    return found, "; ".join(filter(None, parts)), rows


def _names_them(row: Row, found: Mapping[str, str], known: Mapping[str, Sequence[str]]) -> bool:
    """Whether a row has usual names for the columns that were found."""
    return all(_simplified(str(row.values.get(name))) in known[role] for role, name in found.items())


def _check_names(table: Table, found: Mapping[str, str], given: Mapping[str, str]) -> None:
    """Raises InputError for a column that has another's name."""
    for name in found.values():
        if f"{name}.1" in table.names:
            raise InputError(f"{table.source}:1: two columns have one name, {name!r}; is the first line a header?")
        alike = [other for other in table.names if _lower(other) == _lower(name)]
        if len(alike) > 1 and name not in given.values():
            raise InputError(f"{table.source}: has columns {name_list(alike)}; say which is meant, with --columns")


def _missing(table: Table, role: str) -> InputError:
    if not table.names:
        return InputError(f"{table.source}: its rows have no columns")
    if len(table.names) == 1 and re.search(r"[,;|\t]|  ", table.names[0]):
        return InputError(
            f"{table.source}: its first line is one cell, {short_repr(table.names[0])}; separate the cells by commas, "
            "and put no quotation marks around whole lines"
        )
    return InputError(
        f"{table.source}: no column looks like {role!r} among {_listed(table.names)}; "
        f"say which it is: --columns {role}=NAME, in Python columns={{'{role}': 'NAME'}}"
        + ("; numbers from 1 on mean that there is no header" if table.has_header and table.dialect else "")
    )


def _listed(names: Sequence[str]) -> str:
    return name_list([short_repr(name) for name in names], _MOST_NAMED)


def _described(name: str, names: Sequence[str]) -> str:
    """A column, or several with commas between, in words."""
    if name in names or name.count(",") < _MOST_NAMED:
        return f"column {name!r}"
    return f"{name.count(',') + 1:,} columns ({name_list(name.split(','))})"


def _are_numbered(names: Sequence[str]) -> bool:
    """Whether columns have no names."""
    return len(names) > 1 and list(names) == [str(number) for number in range(1, len(names) + 1)]


def _by_place(names: Sequence[str], rows: Sequence[Row]) -> dict[str, str]:
    """The columns of pairs without names, as sets for sentence-transformers have them: two texts, perhaps a score."""
    found = dict(zip(("text", "pair"), names, strict=False))
    if len(names) > 2 and all(isinstance(row.values.get(names[2]), int | float) for row in rows):
        found["score"] = names[2]
    return found


def _unread(table: Table, found: Mapping[str, str], rows: Sequence[Row]) -> str:
    """What is said of columns that are left: negatives of a set for training by contrast, or what may be scores."""
    negatives = [name for name in table.names if _NEGATIVE.fullmatch(name.strip().lower())]
    if negatives:
        return f"{name_list(negatives)} not read: the other pairs of a batch are the negatives"
    numbers = [name for name in table.names if "score" not in found and _are_scores(name, found, rows)]
    return f"{name_list(numbers)} not read; scores are named with --columns score=NAME" if numbers else ""


def _are_scores(name: str, found: Mapping[str, str], rows: Sequence[Row]) -> bool:
    """Whether a column has few numbers again and again, or fractions: neither a text nor what counts the rows."""
    values = [row.values.get(name) for row in rows]
    try:
        numbers = [number_of(value) for value in values if not says_nothing(value)]
    except (TypeError, ValueError, OverflowError):
        return False
    repeated = len(set(numbers)) < len(numbers) or any(not number.is_integer() for number in numbers)
    return name not in found.values() and bool(numbers) and repeated


def _check_no_classes(table: Table, found: Mapping[str, str]) -> None:
    """Raises InputError for pairs whose label says what follows from what: 0, 1 and 2 are no scores."""
    names = {role: _simplified(name) for role, name in found.items()}
    if (names["text"], names["pair"]) == ("premise", "hypothesis") and names.get("score") in ("label", "gold_label"):
        raise InputError(
            f"{table.source}: {found['score']!r} of a premise and a hypothesis is a class, not how alike they are; "
            "train text-classification on it or, where it is a score, say --columns score=" + found["score"]
        )


def _check_header(table: Table, roles: Sequence[str], known: Mapping[str, Sequence[str]], rows: list[Row]) -> None:
    """Raises InputError where names for all that a row has stand in one further down."""
    for row in rows[:_HEADER_WITHIN] if table.dialect else ():
        values = [value for value in row.values.values() if isinstance(value, str)]
        cells = {*map(_lower, values), *map(_simplified, values)} - {""}
        if all(cells & set(known[role]) for role in roles) and len(cells) > 1:
            raise row.fault("looks like the header; take out what stands before it")


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


def by_usual_name(names: Sequence[str]) -> dict[str, str]:
    """The columns by their names in lower case, and as `COLUMNS` spells such names. The first of several counts."""
    simple = {_simplified(name): name for name in reversed(names)}
    return simple | {_lower(name): name for name in reversed(names)}


def _lower(name: str) -> str:
    return " ".join(name.split()).lower()


def _simplified(name: str) -> str:
    """A column's name without what people vary: "review_text" for "Review Text (English)"."""
    return re.sub(r"[\s_.-]+", "_", re.sub(r"\s*[(\[].*[)\]]$", "", _lower(name))).strip("_")


def columns_of_pair(lower: Mapping[str, str]) -> dict[str, str]:
    """The columns of "text" and "pair" that are known by both names together; empty where a pair is known by one.

    `lower` is of `by_usual_name`.
    """
    others = {*COLUMNS["text-classification"]["pair"], "premise"} - {"hypothesis"}
    both = next(((one, two) for one, two in _PAIRS if one in lower and two in lower), None)
    if both is None or others & lower.keys():
        return {}
    return {"text": lower[both[0]], "pair": lower[both[1]]}


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


def without_header(table: Table, task: str, rows: list[Row]) -> tuple[dict[str, str], str, list[Row]] | None:
    """The columns of labelled texts, or of words with tags, whose first row is one of values; None for other tables."""
    if (
        table.dialect is None
        or not rows
        or len(table.names) < 2
        or task not in ("text-classification", "token-classification")
    ):
        return None
    names = [str(number) for number in range(1, len(table.names) + 1)]
    first = Row(rows[0].place.rpartition(":")[0] + ":1", dict(zip(names, table.names, strict=True)))
    behind = [Row(row.place, dict(zip(names, row.values.values(), strict=True)), row.after_blank) for row in rows]
    rows = [first, *behind]
    columns = {name: [str(row.values[name]).strip() for row in rows] for name in names}
    found = _tagged_columns(columns) if task == "token-classification" else _labelled_columns(columns)
    if not found:
        return None
    named = ", ".join(f"{role} from column {name}" for role, name in found.items())
    left = [name for name in names if name not in found.values()]
    unread = f"; {'column' if len(left) == 1 else 'columns'} {name_list(left)} not read" if left else ""
    return found, f"no header: {named}{unread}; else name them with --columns", rows


def _tagged_columns(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    labels = next((name for name, values in columns.items() if are_tags(values)), None)
    words = next((n for n, values in columns.items() if n != labels and not all(v.isdecimal() for v in values)), None)
    return {"words": words, "labels": labels} if words and labels else {}


def _labelled_columns(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The label has few kinds, the first row's among them; the text is the longest of the others."""
    kinds = {name: set(values) for name, values in columns.items()}
    kinds = {name: each for name, each in kinds.items() if not {kind.lower() for kind in each} <= _PARTS}
    repeated = [
        name
        for name, each in kinds.items()
        if columns[name][0] in columns[name][1:] and 1 < len(each) <= max(2, _MOST_KINDS * len(columns[name]))
    ]
    if not repeated or len(kinds) < 2:
        return {}
    label = min(repeated, key=lambda name: (not all(kind.isdecimal() for kind in kinds[name]), len(kinds[name])))
    text = max((name for name in kinds if name != label), key=lambda name: sum(map(len, columns[name])))
    return {"text": text, "label": label}


def choice_columns(names: Sequence[str]) -> list[str]:
    """choice1, choice2, … (or ending0, option_a, …) in their order."""
    matches = {name: match for name in names if (match := _CHOICE_COLUMN.fullmatch(name.strip().lower()))}
    numbers = {name: match[1] or match[2] for name, match in matches.items()}
    return sorted(numbers, key=lambda name: (len(numbers[name]), numbers[name]))
