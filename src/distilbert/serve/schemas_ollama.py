"""The bodies of Ollama's routes for vectors, with examples."""

from typing import Any

from pydantic import BaseModel, Field

from .schemas import Body, Count, Texts


class OllamaBody(Body):
    model: str | None = Field(None, description="a name of /v1/models; the first that embeds by default")
    keep_alive: str | float | int | None = Field(None, description="no effect: models stay")
    options: dict[str, Any] | None = Field(None, description="no effect: options of Ollama's own engine")


class OllamaRequest(OllamaBody):
    input: str | Texts = Field(examples=["What is deep learning?"])
    truncate: bool | None = Field(None, description="false: refuse what is longer than the model reads")
    dimensions: Count | None = Field(None, description="keep the first so many numbers")


class OllamaPrompt(OllamaBody):
    prompt: str = Field(examples=["What is deep learning?"])


class OllamaEmbeddings(BaseModel):
    model: str
    embeddings: list[list[float]]
    total_duration: int = Field(description="nanoseconds")
    load_duration: int
    prompt_eval_count: int = Field(description="tokens")


class OllamaEmbedding(BaseModel):
    embedding: list[float]
