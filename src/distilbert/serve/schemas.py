"""The bodies of requests and answers, with examples: those of the hub's inference API, of TEI and of OpenAI."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    model_validator,
)
from pydantic_core import CoreSchema

Count = Annotated[int, Field(ge=1, le=10_000)]
TokenId = Annotated[int, Field(ge=0, lt=2**31)]
# lists are read up to the first mistake: there may be a hundred thousand of them
_FAIL_FAST = Field(fail_fast=True)
Texts = Annotated[list[str], _FAIL_FAST]
Ids = Annotated[list[TokenId], _FAIL_FAST]
# one text or several, each as a string or as the ids of its tokens
Input = str | Ids | Annotated[list[str | Ids], _FAIL_FAST]
Direction = Literal["left", "right", "Left", "Right"]
EncodingFormat = Literal["float", "base64"]


class _Body(BaseModel):
    """Types are as they are written: no number is read from a string. `null` is the same as not given.

    Fields that are not known are passed over, as TEI and OpenAI's clients expect.
    """

    model_config = ConfigDict(strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        return {name: value for name, value in given.items() if value is not None} if isinstance(given, dict) else given

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Says of each field that may be left out that it may be null."""
        schema = handler.resolve_ref_schema(handler(core))
        for name, field in schema.get("properties", {}).items():
            if name not in schema.get("required", ()) and {"type": "null"} not in field.get("anyOf", ()):
                about = {key: field.pop(key) for key in ("default", "description", "title", "examples") if key in field}
                schema["properties"][name] = {"anyOf": [*field.get("anyOf", [field]), {"type": "null"}]} | about
        return schema


class _Exact(_Body):
    """The same, and a field that is not known is an error: it would be an option that does nothing."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Truncation(_Body):
    truncate: bool | None = Field(None, description="cut what is longer than the model reads, rather than refuse it")
    truncation_direction: Direction = Field("right", description="the side that loses; whole words on the left")


class Prompted(Truncation):
    prompt_name: str | None = Field(None, description="one of the model's prompts, put before each text")


# ---- TEI


class EmbedRequest(Prompted):
    inputs: Input = Field(description="a text, or several", examples=["What is deep learning?"])
    normalize: bool | None = Field(None, description="vectors of length 1; by default as the model says")
    dimensions: Count | None = Field(None, description="keep the first so many numbers")


class EmbedAllRequest(Prompted):
    inputs: Input = Field(description="a text, or several", examples=["What is deep learning?"])


class PredictRequest(Truncation):
    inputs: str | Texts | Annotated[list[Texts], _FAIL_FAST] = Field(
        description="a text, a pair of texts, or a list of lists of one or two texts",
        examples=[
            "I like you.",
            ["I like pineapples.", "I like fruit."],
            [["I like you."], ["It rains.", "It is wet."]],
        ],
    )
    raw_scores: bool = Field(False, description="logits, not probabilities")


class RerankRequest(Truncation):
    query: str = Field(examples=["What is deep learning?"])
    texts: Texts = Field(examples=[["Deep learning is a kind of machine learning.", "It rains."]])
    raw_scores: bool = Field(False, description="logits, not probabilities")
    return_text: bool = Field(False, description="send the texts back with their scores")


class Compared(_Body):
    source_sentence: str = Field(examples=["What is deep learning?"])
    sentences: Texts = Field(examples=[["What is machine learning?", "It rains."]])


class SimilarityRequest(_Body):
    inputs: Compared
    parameters: Prompted | None = None


class TokenizeRequest(_Body):
    inputs: str | Texts = Field(examples=["What is deep learning?"])
    add_special_tokens: bool = True
    prompt_name: str | None = None


class DecodeRequest(_Body):
    ids: Ids | Annotated[list[Ids], _FAIL_FAST] = Field(examples=[[101, 2054, 2003, 2784, 4083, 1029, 102]])
    skip_special_tokens: bool = True


class Prediction(BaseModel):
    label: str = Field(examples=["positive"])
    score: float = Field(examples=[0.99])


class Rank(BaseModel):
    index: int = Field(examples=[0])
    score: float = Field(examples=[0.9])
    text: str | None = None


class SparseValue(BaseModel):
    index: int = Field(examples=[2784])
    value: float = Field(examples=[1.2])


class Token(BaseModel):
    id: int = Field(examples=[2784])
    text: str = Field(examples=["deep"])
    special: bool
    start: int | None = Field(None, description="in characters of the text")
    stop: int | None = None


class Error(BaseModel):
    error: str = Field(examples=["the server is busy"])
    error_type: str = Field(examples=["Overloaded"])


# ---- the hub's inference API


class Parameters(_Exact):
    """Of all tasks whose input is text; each takes its own."""

    top_k: Count | None = Field(None, description="text-classification, fill-mask: so many of the best")
    function_to_apply: Literal["softmax", "sigmoid", "none"] | None = Field(None, description="text-classification")
    aggregation_strategy: Literal["none", "simple", "first", "average", "max"] | None = Field(
        None, description="token-classification"
    )
    ignore_labels: Texts | None = Field(None, description="token-classification")
    stride: Annotated[int, Field(ge=0, le=10_000)] | None = Field(None, description="token-classification")
    targets: Texts | None = Field(None, description="fill-mask: only these words")


class TextsRequest(Prompted):
    """Text classification, token classification, fill-mask and feature extraction, as the model does."""

    inputs: str | Texts = Field(examples=["A charming and often affecting journey."])
    parameters: Parameters | None = None
    # feature extraction has its parameters here
    normalize: bool | None = None
    dimensions: Count | None = None
    encoding_format: EncodingFormat | None = None


class ZeroShotParameters(_Exact):
    candidate_labels: Texts = Field(examples=[["travel", "cooking"]])
    multi_label: bool | None = False
    hypothesis_template: str | None = None


class ZeroShotRequest(_Body):
    inputs: str | Texts = Field(examples=["One day I will see the world."])
    parameters: ZeroShotParameters


class Question(_Exact):
    question: str = Field(examples=["Where does Amy live?"])
    context: str = Field(examples=["Amy lives in Amsterdam."])


class QuestionParameters(_Exact):
    top_k: Count | None = None
    doc_stride: Annotated[int, Field(ge=0, le=10_000)] | None = None
    max_answer_len: Annotated[int, Field(ge=1, le=100)] | None = None
    max_question_len: Count | None = None
    max_seq_len: Count | None = None
    handle_impossible_answer: bool | None = None
    align_to_words: bool | None = None


class QuestionRequest(_Body):
    inputs: Question
    parameters: QuestionParameters | None = None


class Choice(_Exact):
    prompt: str = Field(examples=["He opened the umbrella."])
    choices: Texts = Field(examples=[["It rained.", "The sun shone."]])


class ChoiceRequest(_Body):
    """Multiple choice, for which the hub has no body of its own."""

    inputs: Choice


def _shape(body: Any) -> str:
    """Which request this is, by what only that one has."""
    inputs, parameters = (body.get(key) if isinstance(body, dict) else None for key in ("inputs", "parameters"))
    if isinstance(inputs, dict):
        return next((tag for key, tag in _INPUTS.items() if key in inputs), "question")
    return "labels" if isinstance(parameters, dict) and "candidate_labels" in parameters else "texts"


_INPUTS = {"question": "question", "source_sentence": "compared", "sentences": "compared", "choices": "choice"}

HubRequest = Annotated[
    Annotated[TextsRequest, Tag("texts")]
    | Annotated[ZeroShotRequest, Tag("labels")]
    | Annotated[QuestionRequest, Tag("question")]
    | Annotated[SimilarityRequest, Tag("compared")]
    | Annotated[ChoiceRequest, Tag("choice")],
    Discriminator(_shape),
]


# ---- OpenAI


class OpenAIErrorBody(BaseModel):
    message: str = Field(examples=["no model of this name is served; see /v1/models"])
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = None
    code: str | None = Field(None, examples=["model_not_found"])


class OpenAIError(BaseModel):
    error: OpenAIErrorBody


class OpenAIRequest(_Body):
    input: Input = Field(examples=["What is deep learning?"])
    model: str | None = Field(None, description="a name of /v1/models; the first that embeds by default")
    encoding_format: EncodingFormat = "float"
    dimensions: Count | None = None
    user: str | None = None


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
