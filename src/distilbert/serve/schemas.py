"""The bodies of requests and answers, with examples: what all services share, and those of TEI.

A field whose description begins with "no effect" is taken because clients send it.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

from .other_fields import not_here

Count = Annotated[int, Field(ge=1, le=10_000)]
TokenId = Annotated[int, Field(ge=0, lt=2**31)]
_MOST_FIELDS = 64
# lists are read up to the first mistake: there may be a hundred thousand of them
_FAIL_FAST = Field(fail_fast=True)
Texts = Annotated[list[str], _FAIL_FAST]
Ids = Annotated[list[TokenId], _FAIL_FAST]
# one text or several, each as a string or as the ids of its tokens
Input = str | Ids | Annotated[list[str | Ids], _FAIL_FAST]
Direction = Literal["left", "right", "Left", "Right"]
EncodingFormat = Literal["float", "base64"]


class Part(BaseModel):
    """Types are as they are written: no number is read from a string. `null` is the same as not given."""

    model_config = ConfigDict(strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        if len(given) > _MOST_FIELDS:  # each that is not known would be an error of its own
            raise PydanticCustomError("too_many_fields", "more fields than any request has")
        exact = cls.model_config.get("extra") == "forbid"  # where what is not known is an error, null or not
        return {
            name: value
            for name, value in given.items()
            if value is not None or (exact and name not in cls.model_fields)
        }

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Says of each field that may be left out that it may be null."""
        schema = handler.resolve_ref_schema(handler(core))
        for name, field in schema.get("properties", {}).items():
            if name not in schema.get("required", ()) and {"type": "null"} not in field.get("anyOf", ()):
                about = {key: field.pop(key) for key in ("default", "description", "title", "examples") if key in field}
                schema["properties"][name] = {"anyOf": [*field.get("anyOf", [field]), {"type": "null"}]} | about
        return schema


class Body(Part):
    """A request. Fields that nobody knows are passed over, as TEI and OpenAI's clients expect; those that change an
    answer elsewhere are errors.
    """

    @model_validator(mode="before")
    @classmethod
    def _without_others(cls, given: Any) -> Any:
        if isinstance(given, dict) and len(given) <= _MOST_FIELDS:
            for name, value in given.items():
                if name not in cls.model_fields and value is not None and (why := not_here(name, value)):
                    raise PydanticCustomError("not_here", "{why}", {"field": name, "why": why})
        return given


class Exact(Part):
    """A field that is not known is an error: it would be an option that does nothing."""

    model_config = ConfigDict(strict=True, extra="forbid")


class HubOptions(Part):
    """No effect: of the hub's cache and of its waiting for models."""

    use_cache: bool | None = Field(None, description="no effect: nothing is cached")
    wait_for_model: bool | None = Field(None, description="no effect: models are there from the start")


class Cutting(Part):
    truncate: bool | None = Field(None, description="cut what is longer than the model reads, rather than refuse it")
    truncation_direction: Direction = Field("right", description="the side that loses; whole words on the left")


class Prompted(Cutting):
    prompt_name: str | None = Field(None, description="one of the model's prompts, put before each text")


class EmbedRequest(Prompted, Body):
    inputs: Input = Field(description="a text, or several", examples=["What is deep learning?"])
    normalize: bool | None = Field(None, description="vectors of length 1; by default as the model says")
    dimensions: Count | None = Field(None, description="keep the first so many numbers")


class EmbedAllRequest(Prompted, Body):
    inputs: Input = Field(description="a text, or several", examples=["What is deep learning?"])


class PredictRequest(Cutting, Body):
    inputs: str | Texts | Annotated[list[Texts], _FAIL_FAST] = Field(
        description="a text, a pair of texts, or a list of lists of one or two texts",
        examples=[
            "I like you.",
            ["I like pineapples.", "I like fruit."],
            [["I like you."], ["It rains.", "It is wet."]],
        ],
    )
    raw_scores: bool = Field(False, description="logits, not probabilities")


class RerankRequest(Cutting, Body):
    query: str = Field(examples=["What is deep learning?"])
    texts: Texts = Field(examples=[["Deep learning is a kind of machine learning.", "It rains."]])
    raw_scores: bool = Field(False, description="logits, not probabilities")
    return_text: bool = Field(False, description="send the texts back with their scores")


class Compared(Exact):
    source_sentence: str = Field(examples=["What is deep learning?"])
    sentences: Texts = Field(examples=[["What is machine learning?", "It rains."]])


class SimilarityParameters(Exact, Prompted):
    """As TEI and the hub have them."""


class SimilarityRequest(Exact):
    inputs: Compared
    parameters: SimilarityParameters | None = None
    options: HubOptions | None = None


class TokenizeRequest(Body):
    inputs: str | Texts = Field(examples=["What is deep learning?"])
    add_special_tokens: bool = Field(True, description="tell the special tokens too")
    prompt_name: str | None = Field(None, description="one of the model's prompts, put before each text")


class DecodeRequest(Body):
    ids: Ids | Annotated[list[Ids], _FAIL_FAST] = Field(examples=[[101, 2054, 2003, 2784, 4083, 1029, 102]])
    skip_special_tokens: bool = Field(True, description="leave the special tokens out")


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
