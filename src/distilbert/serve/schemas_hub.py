"""The bodies of the hub's inference API, with examples. A field that is not known is an error."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from .schemas import Count, Direction, EncodingFormat, Exact, HubOptions, SimilarityRequest, Texts


class Parameters(Exact):
    """Of all tasks whose input is text; one of another task than the model's is an error."""

    top_k: Count | None = Field(
        None, description="text classification, fill-mask, sparse vectors: so many of the best; by default all, 5, all"
    )
    function_to_apply: Literal["softmax", "sigmoid", "none"] | None = Field(
        None, description="text classification: from logits to scores; by default as the model says"
    )
    return_all_scores: bool | None = Field(None, description="text classification: all labels, or the best alone")
    aggregation_strategy: Literal["none", "simple", "first", "average", "max"] | None = Field(
        None, description="token classification: how pieces become words and entities; none: pieces as they are"
    )
    ignore_labels: Texts | None = Field(None, description="token classification: labels that are no entities")
    stride: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        None, description="token classification: tokens that neighbouring windows share"
    )
    targets: Texts | None = Field(None, description="fill-mask: only these words")
    normalize: bool | None = Field(None, description="feature extraction; the same as beside `inputs`")
    dimensions: Count | None = Field(None, description="feature extraction; the same as beside `inputs`")
    encoding_format: EncodingFormat | None = Field(None, description="feature extraction; the same as beside `inputs`")
    prompt_name: str | None = Field(None, description="feature extraction, sparse vectors: one of the model's prompts")
    truncate: bool | None = Field(None, description="false: refuse what is longer than the model reads")
    truncation: bool | None = Field(None, description="another name of `truncate`")
    truncation_direction: Direction | None = Field(None, description="the side that loses, right by default")
    max_length: Count | None = Field(
        None, description="text classification, feature extraction: tokens to read, where that is less than the model's"
    )
    padding: bool | None = Field(None, description="no effect: texts are not padded")


class TextsRequest(Exact):
    """Text and token classification, fill-mask, sparse vectors and feature extraction, as the model does."""

    inputs: str | Texts = Field(examples=["A charming and often affecting journey."])
    parameters: Parameters | None = None
    options: HubOptions | None = None
    truncate: bool | None = Field(None, description="false: refuse what is longer than the model reads")
    truncation_direction: Direction | None = Field(
        None, description="the side that loses; left for text classification, feature extraction, sparse vectors only"
    )
    prompt_name: str | None = Field(None, description="feature extraction, sparse vectors: put before each text")
    normalize: bool | None = Field(None, description="feature extraction: vectors of length 1")
    dimensions: Count | None = Field(None, description="feature extraction: keep the first so many numbers")
    encoding_format: EncodingFormat | None = Field(None, description="feature extraction")


class Pair(Exact):
    """As Transformers' pipeline has it."""

    text: str
    text_pair: str | None = Field(None, description="a second text, read with the first")


class PairParameters(Exact):
    top_k: Count | None = Field(None, description="so many of the best labels; all by default")
    function_to_apply: Literal["softmax", "sigmoid", "none"] | None = Field(
        None, description="from logits to scores; by default as the model says"
    )


class PairsRequest(Exact):
    """Text classification of pairs."""

    inputs: Pair | Annotated[list[Pair], Field(fail_fast=True)] = Field(
        examples=[{"text": "It rains.", "text_pair": "It is wet."}]
    )
    parameters: PairParameters | None = None
    options: HubOptions | None = None


class ZeroShotParameters(Exact):
    candidate_labels: Texts = Field(examples=[["travel", "cooking"]])
    multi_label: bool | None = Field(False, description="each label is right or wrong by itself")
    hypothesis_template: str | None = Field(None, description="a sentence with {} in the label's place")
    entailment: str | None = Field(
        None, description="the model's label for entailment, its name or its number from 0, where no name says it"
    )


class ZeroShotRequest(Exact):
    inputs: str | Texts = Field(examples=["One day I will see the world."])
    parameters: ZeroShotParameters
    options: HubOptions | None = None


class Question(Exact):
    question: str = Field(examples=["Where does Amy live?"])
    context: str = Field(examples=["Amy lives in Amsterdam."])


class QuestionParameters(Exact):
    top_k: Count | None = Field(None, description="so many answers; without it one, not in a list")
    doc_stride: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        None, description="tokens that neighbouring windows of the context share; 128 by default"
    )
    max_answer_len: Annotated[int, Field(ge=1, le=100)] | None = Field(
        None, description="tokens of an answer; 15 by default"
    )
    max_question_len: Count | None = Field(None, description="tokens of the question; what is longer is cut")
    max_seq_len: Count | None = Field(None, description="tokens of a window; 384 by default, or what the model reads")
    handle_impossible_answer: bool | None = Field(
        None, description="that there is no answer is an answer too: an empty one"
    )
    align_to_words: bool | None = Field(None, description="answers begin and end with words; by default they do")


class QuestionRequest(Exact):
    inputs: Question | Annotated[list[Question], Field(fail_fast=True)] = Field(
        examples=[{"question": "Where does Amy live?", "context": "Amy lives in Amsterdam."}]
    )
    parameters: QuestionParameters | None = None
    options: HubOptions | None = None


class Choice(Exact):
    prompt: str = Field(examples=["He opened the umbrella."])
    choices: Texts = Field(examples=[["It rained.", "The sun shone."]])


class ChoiceRequest(Exact):
    """Multiple choice, for which the hub has no body of its own."""

    inputs: Choice
    options: HubOptions | None = None


def _shape(body: Any) -> str:
    """Which request this is, by what only that one has."""
    inputs, parameters = (body.get(key) if isinstance(body, dict) else None for key in ("inputs", "parameters"))
    first = inputs[0] if isinstance(inputs, list) and inputs else inputs
    if isinstance(first, dict):
        usual = "QuestionRequest" if first is inputs else "PairsRequest"
        return next((kind for key, kind in _INPUTS.items() if key in first), usual)
    return "ZeroShotRequest" if isinstance(parameters, dict) and "candidate_labels" in parameters else "TextsRequest"


_INPUTS = {
    "question": "QuestionRequest",
    "context": "QuestionRequest",
    "source_sentence": "SimilarityRequest",
    "sentences": "SimilarityRequest",
    "choices": "ChoiceRequest",
    "text": "PairsRequest",
    "text_pair": "PairsRequest",
}

HubRequest = Annotated[
    Annotated[TextsRequest, Tag("TextsRequest")]
    | Annotated[PairsRequest, Tag("PairsRequest")]
    | Annotated[ZeroShotRequest, Tag("ZeroShotRequest")]
    | Annotated[QuestionRequest, Tag("QuestionRequest")]
    | Annotated[SimilarityRequest, Tag("SimilarityRequest")]
    | Annotated[ChoiceRequest, Tag("ChoiceRequest")],
    Discriminator(_shape),
]
