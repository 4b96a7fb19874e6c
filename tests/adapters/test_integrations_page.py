"""The code of docs/integrations.md runs as it stands there, inside the real libraries (`make test-clients`)."""

import re
from pathlib import Path

import pytest

from conftest import Maker
from distilbert.folder.checkpoint import Head

PAGE = Path(__file__).parents[2] / "docs" / "integrations.md"
SECTION = re.compile(r"^## ([\w-]+).*?^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
TEXTS = ["Painters paint.", "Bakers bake bread.", "Nobody sings here."]
TAGS = {"0": "O", "1": "B-PER", "2": "I-PER", "3": "B-LOC", "4": "I-LOC"}
BEFORE = {  # what a reader of the page has at hand, and the libraries that are needed
    "LangChain": (
        ["langchain_core"],
        "from langchain_core.vectorstores import InMemoryVectorStore\nfrom langchain_core.documents import Document\n"
        "documents = [Document(page_content=text) for text in texts]",
    ),
    "LlamaIndex": (
        ["llama_index.core"],
        "from llama_index.core import Document, MockEmbedding, Settings, VectorStoreIndex\n"
        "from llama_index.core.llms import MockLLM\nSettings.llm = MockLLM()\n"
        "documents = [Document(text=text) for text in texts]",
    ),
    "Haystack": (
        ["haystack"],
        "from haystack import Document, Pipeline\n"
        "from haystack.document_stores.in_memory import InMemoryDocumentStore\n"
        "store, search = InMemoryDocumentStore(), Pipeline()\ndocuments = [Document(content=text) for text in texts]",
    ),
    "spaCy": (["spacy"], "import spacy"),
    "BERTopic": (
        ["bertopic", "keybert", "chromadb"],
        "import chromadb, keybert\nfrom bertopic import BERTopic\nfrom keybert import KeyBERT\n"
        "text, texts = texts[0], sentences[:80]\nids = [str(number) for number in range(80)]\n"
        "client = chromadb.EphemeralClient(chromadb.Settings(anonymized_telemetry=False))\n"
        "collection = client.create_collection('page')",
    ),
}

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # warnings of their own


def test_every_section_is_run() -> None:
    assert [name for name, _ in SECTION.findall(PAGE.read_text(encoding="utf-8"))] == [*BEFORE]


@pytest.mark.parametrize("name", BEFORE)
def test_the_code_of_the_page_runs(name: str, make_checkpoint: Maker, sentences: list[str], tmp_path: Path) -> None:
    libraries, before = BEFORE[name]
    for library in libraries:
        pytest.importorskip(library, reason=f"{library} is not installed")
    folders = {
        "path/to/model": make_checkpoint(Head.NONE, name="encoder"),
        "path/to/cross-encoder": make_checkpoint(num_labels=1, name="ranker"),
        "path/to/tagger": make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label=TAGS, name="tagger"),
        "path/to/classifier": make_checkpoint(name="classifier"),
    }
    code = dict(SECTION.findall(PAGE.read_text(encoding="utf-8")))[name]
    for place, folder in folders.items():
        code = code.replace(f'"{place}"', repr(str(folder)))
    exec(compile(f"{before}\n{code}", f"{PAGE.name}: {name}", "exec"), {"texts": TEXTS, "sentences": sentences})
