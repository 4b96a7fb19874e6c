"""`pipeline`, with the arguments of Transformers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from ..errors import InputError
from ..fetching import fetch
from ..folder.checkpoint import Head
from ..folder.hub import HubAccess
from ..folder.opened import open_folder
from ..loading import open_engine, open_model
from ..tasks.embedding import Embedder
from .opening import checked_device, open_task
from .pipelines import (
    FeatureExtractionPipeline,
    FillMaskPipeline,
    Options,
    QuestionAnsweringPipeline,
    TextClassificationPipeline,
    TokenClassificationPipeline,
    ZeroShotClassificationPipeline,
)

_PIPELINES: Mapping[str, type[Any]] = {
    "text-classification": TextClassificationPipeline,
    "token-classification": TokenClassificationPipeline,
    "fill-mask": FillMaskPipeline,
    "zero-shot-classification": ZeroShotClassificationPipeline,
    "question-answering": QuestionAnsweringPipeline,
}


def pipeline(
    task: str | None = None,
    model: str | Path | None = None,
    *,
    tokenizer: str | Path | None = None,
    revision: str | None = None,
    use_fast: bool = True,  # noqa: ARG001 - there is one tokenizer
    token: str | bool | None = None,
    device: object = None,
    device_map: object = None,
    dtype: object = None,
    torch_dtype: object = None,
    trust_remote_code: bool | None = None,
    framework: str | None = None,  # noqa: ARG001 - and one engine
    **options: Unpack[Options],
) -> Any:
    """A callable like that of Transformers.

    Args:
        task: its name there ("ner", "sentiment-analysis", …); by default what the model was trained for.
        model: a folder or a name on the hub; none is chosen for you.
        tokenizer: taken if it is the model's.
        device, device_map: None, -1, "cpu", 0, "cuda:0", "mps" or "auto"; one of them.
        dtype, torch_dtype: None, "auto" or float32.
        options: defaults of each call.

    Raises:
        InputError: for what cannot be followed. And what `distilbert.load` raises.
    """
    if model is None:
        raise InputError("name the model: pipeline(task, model=…); none is chosen for you")
    if tokenizer is not None and str(tokenizer) != str(model):
        raise InputError(f"tokenizer {str(tokenizer)!r}: the model's own is used; leave it out")
    if device is not None and device_map is not None:
        raise InputError("give device or device_map, not both")
    device, dtype = device_map if device is None else device, dtype or torch_dtype
    if task == "feature-extraction":
        place = checked_device(device, dtype, trust_remote_code)
        return FeatureExtractionPipeline(_hidden_states(fetch(model, revision, HubAccess(token)), place), options)
    opened = open_task(
        model,
        task,
        device=device,
        dtype=dtype,
        revision=revision,
        token=token,
        trust_remote_code=trust_remote_code,
    )
    if type(opened).task not in _PIPELINES:
        raise InputError(f"Transformers has no pipeline for {type(opened).task}; distilbert.load runs it")
    return _PIPELINES[type(opened).task](opened, options)


def _hidden_states(root: Path, device: str) -> Embedder:
    """All tokens' states, whatever sentence-transformers' files say of pooling."""
    folder = open_folder(root, vectors=False)
    engine = open_engine(folder.checkpoint, Head.NONE, all_rows=True, precision=None, threads=None, device=device)
    return Embedder(open_model(folder, engine))
