"""The bodies of OpenAI's routes, of Cohere's and Jina's re-ranking, and of vLLM's classification, with examples."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from .schemas import Body, Count, EncodingFormat, Input, Part, RerankRequest, Texts


class OpenAIErrorBody(BaseModel):
    message: str = Field(examples=["no model of this name is served; see /v1/models"])
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = None
    code: str | None = Field(None, examples=["model_not_found"])


class OpenAIError(BaseModel):
    error: OpenAIErrorBody


class OpenAIRequest(Body):
    input: Input = Field(examples=["What is deep learning?"])
    model: str | None = Field(None, description="a name of /v1/models; the first that embeds by default")
    encoding_format: EncodingFormat = Field("float", description="base64: little-endian float32")
    dimensions: Count | None = Field(None, description="keep the first so many numbers")
    output_dimension: Count | None = Field(None, description="another name of `dimensions`, as Voyage has it")
    normalize: bool | None = Field(None, description="vectors of length 1; by default as the model says")
    truncate: bool | Literal["NONE", "START", "END"] | None = Field(
        None,
        description="cut what is longer than the model reads, rather than refuse it; or the side that loses",
    )
    truncation: bool | None = Field(None, description="another name of `truncate`, as Voyage has it")
    truncate_prompt_tokens: Count | Literal[-1] | None = Field(
        None, description="cut to so many tokens, as vLLM; -1: to what the model reads"
    )
    prompt_name: str | None = Field(None, description="one of the model's prompts, put before each text")
    input_type: Literal["query", "document", "passage", "search_query", "search_document", "text"] | None = Field(
        None, description="read texts as queries or as documents, where the model does so differently"
    )
    user: str | None = Field(None, description="no effect")


class OpenAIEmbedding(BaseModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str = Field(examples=[[0.1, -0.2]])


class OpenAIUsage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class OpenAIEmbeddings(BaseModel):
    object: Literal["list"] = "list"
    data: list[OpenAIEmbedding]
    model: str
    usage: OpenAIUsage


class OpenAIModel(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class OpenAIModels(BaseModel):
    object: Literal["list"] = "list"
    data: list[OpenAIModel]


class Document(Part):
    text: str


class DocumentsRequest(Body):
    """Cohere's, Jina's and vLLM's."""

    query: str = Field(examples=["What is deep learning?"])
    documents: list[str | Document] = Field(
        fail_fast=True, examples=[["Deep learning is a kind of machine learning.", "It rains."]]
    )
    model: str | None = Field(None, description="a name of /v1/models; the first that ranks by default")
    top_n: Count | None = Field(None, description="so many of the best; all by default")
    top_k: Count | None = Field(None, description="another name of `top_n`, as Voyage has it")
    return_documents: bool = Field(False, description="send the texts back with their scores")
    truncation: bool | None = Field(None, description="false: refuse what is longer than the model reads")
    max_tokens_per_doc: Annotated[int, Field(ge=1)] | None = Field(
        None, description="tokens of a document to read, where that is less than the model's"
    )
    max_chunks_per_doc: int | None = Field(None, description="no effect: a document is read once")
    priority: int | None = Field(None, description="no effect")
    user: str | None = Field(None, description="no effect")


def _ranking(body: Any) -> str:
    return "DocumentsRequest" if isinstance(body, dict) and "documents" in body else "RerankRequest"


AnyRerankRequest = Annotated[
    Annotated[RerankRequest, Tag("RerankRequest")] | Annotated[DocumentsRequest, Tag("DocumentsRequest")],
    Discriminator(_ranking),
]


class RankedDocument(BaseModel):
    index: int = Field(examples=[0])
    relevance_score: float = Field(examples=[0.9])
    document: Document | None = None


class TotalTokens(BaseModel):
    total_tokens: int


class RankedDocuments(BaseModel):
    id: str
    model: str
    results: list[RankedDocument]
    usage: TotalTokens


class MultiVectorRequest(Body):
    """Jina's, for a model of late interaction: a vector for each token."""

    input: str | Texts = Field(examples=["What is deep learning?"])
    input_type: Literal["query", "document"] = Field("document", description="the side that the texts stand on")
    model: str | None = Field(None, description="a name of /v1/models; the first of late interaction by default")
    return_tokens: bool = Field(False, description="send the tokens that the vectors belong to")


class MultiVector(BaseModel):
    object: Literal["embeddings"] = "embeddings"
    index: int
    embeddings: list[list[float]]
    tokens: list[str] | None = None


class MultiVectors(BaseModel):
    object: Literal["list"] = "list"
    model: str
    data: list[MultiVector]
    usage: OpenAIUsage


class ClassifyRequest(Body):
    """vLLM's; with `labels` Jina's, for a model of inference (NLI)."""

    input: str | Texts = Field(examples=["A charming and often affecting journey."])
    labels: Texts | None = Field(None, description="zero-shot: the labels to choose from")
    model: str | None = Field(None, description="a name of /v1/models; the first that classifies by default")
    use_activation: bool = Field(True, description="probabilities; false: logits")
    user: str | None = Field(None, description="no effect")
    priority: int | None = Field(None, description="no effect")


class Classes(BaseModel):
    index: int
    label: str = Field(examples=["positive"])
    probs: list[float] = Field(examples=[[0.01, 0.99]])
    num_classes: int


class Classified(BaseModel):
    id: str
    object: Literal["list"] = "list"
    created: int
    model: str
    data: list[Classes]
    usage: OpenAIUsage
