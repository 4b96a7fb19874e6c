"""docs/migration.md: its tables are those of the hints, as `python tests/test_migration_page.py` writes them."""

from collections.abc import Mapping
from pathlib import Path

from distilbert import hint_arguments as arguments
from distilbert import hint_attributes as attributes
from distilbert import hint_options as options

PAGE = Path(__file__).parents[1] / "docs" / "migration.md"
MARK = "<!-- tables from distilbert.hint_arguments, hint_attributes and hint_options -->\n"


def table(title: str, rows: Mapping[str, str]) -> str:
    lines = [f"| `{name}` | {text.replace('|', chr(92) + '|')} |" for name, text in sorted(rows.items())]
    return "\n".join([f"### {title}", "", "| There | Here |", "|---|---|", *lines, ""])


def tables() -> str:
    values = {f"{name}={value!r}": hint for (name, value), hint in arguments.VALUES.items()}
    tasks = {name: f'task "{task}"; the name works too' for name, task in arguments.TASK_ALIASES.items()}
    return "\n".join(
        [
            table("Names of tasks", tasks),
            table("Names of the package", attributes.OTHER_NAMES),
            table("Transformers: arguments", arguments.TRANSFORMERS_ARGUMENTS),
            table("Transformers: methods and attributes", attributes.TRANSFORMERS_ATTRIBUTES),
            table("sentence-transformers: arguments", arguments.SENTENCE_TRANSFORMERS_ARGUMENTS),
            table("sentence-transformers: methods and attributes", attributes.SENTENCE_TRANSFORMERS_ATTRIBUTES),
            table("fastembed: arguments", arguments.FASTEMBED_ARGUMENTS),
            table("fastembed: methods and attributes", attributes.FASTEMBED_ATTRIBUTES),
            table("SetFit: options of training", options.SETFIT_OPTIONS),
            table("SetFit: arguments of a model", options.SETFIT_ARGUMENTS),
            table("SetFit: methods and attributes", attributes.SETFIT_ATTRIBUTES),
            table("text-embeddings-inference: options of the server", options.TEI_OPTIONS),
            table("rust-bert: names", attributes.RUST_BERT_NAMES),
            table("rust-bert: fields of configs, and arguments", options.RUST_BERT_ARGUMENTS),
            table("rust-bert: methods", attributes.RUST_BERT_ATTRIBUTES),
            table("Others: arguments", arguments.OTHER_ARGUMENTS),
            table("Others: methods and attributes", attributes.OTHER_ATTRIBUTES),
            table("Of a tokenizer", attributes.TOKENIZER_ATTRIBUTES),
            table("Of an encoded text", attributes.ENCODING_ATTRIBUTES),
            table("Of a config", attributes.CONFIG_ATTRIBUTES),
            table("Fields of results", attributes.RESULT_FIELDS),
            table("Values", values),
        ]
    )


def test_the_tables_of_the_page_are_those_of_the_hints() -> None:
    assert PAGE.read_text(encoding="utf-8").partition(MARK)[2] == tables()


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text(encoding="utf-8").partition(MARK)[0] + MARK + tables(), encoding="utf-8")
