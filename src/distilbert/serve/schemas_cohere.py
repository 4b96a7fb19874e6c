"""The bodies of Cohere's route for vectors, with examples."""

from typing import Literal

from pydantic import BaseModel, Field

from .schemas import Body, Count, EncodingFormat, Texts


class CohereRequest(Body):
    texts: Texts = Field(examples=[["What is deep learning?"]])
    model: str | None = Field(None, description="a name of /v1/models; the first that embeds by default")
    input_type: Literal["search_query", "search_document", "classification", "clustering"] | None = Field(
        None, description="read texts as queries or as documents, where the model does so differently"
    )
    embedding_types: list[EncodingFormat] | None = Field(
        None, min_length=1, max_length=2, description="float, or base64: little-endian float32"
    )
    output_dimension: Count | None = Field(None, description="keep the first so many numbers")
    truncate: Literal["NONE", "START", "END"] = Field(
        "END", description="the side that loses where a text is too long; NONE: refuse it"
    )
    max_tokens: Count | None = Field(None, description="tokens to read, where that is less than the model's")
    priority: int | None = Field(None, description="no effect")


class CohereUnits(BaseModel):
    input_tokens: int


class CohereMeta(BaseModel):
    billed_units: CohereUnits


class CohereEmbeddings(BaseModel):
    id: str
    response_type: Literal["embeddings_floats", "embeddings_by_type"]
    texts: list[str]
    embeddings: list[list[float]] | dict[str, list[list[float]] | list[str]]
    meta: CohereMeta
