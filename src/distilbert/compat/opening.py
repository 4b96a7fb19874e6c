"""A model opened by the arguments of other libraries."""

import dataclasses
from pathlib import Path
from typing import Any

from ..errors import InputError, short_repr
from ..loading import load
from ..tasks.task import AnyTask


def open_task(
    model: object,
    task: str | None,
    *,
    device: object = None,
    dtype: object = None,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    trust_remote_code: bool | None = False,
    threads: int | None = None,
) -> Any:
    """Raises what `load` raises, and InputError for what cannot be followed."""
    if not isinstance(model, str | Path):
        raise InputError(f"model must be a folder or a name on the hub, not {short_repr(model)}")
    return load(
        model,
        task,
        device=checked_device(device, dtype, trust_remote_code),
        revision=revision,
        token=token,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
        threads=threads,
    )


def checked_device(given: object, dtype: object, trust_remote_code: bool | None) -> Any:
    """Our name of a device: of None, -1, 0, "cuda:0" or a torch.device.

    Raises InputError for numbers that it does not compute in, and for code of a folder.
    """
    if trust_remote_code:
        raise InputError("trust_remote_code: no code of a model folder is ever run; leave it out")
    number = str(dtype).removeprefix("torch.")
    if number not in ("None", "auto", "float32"):
        raise InputError(f"dtype must be float32, not {number}: this engine runs float32, or the int8 of `quantize`")
    if given is None or given == -1:
        return "cpu"
    name = "cuda" if isinstance(given, int) else str(given)
    return "cuda" if name in ("cuda", "cuda:0") else name


def with_longest(task: AnyTask, tokens: int | None) -> AnyTask:
    """The same task, reading at most so many tokens of a text; never more than the model has positions."""
    if tokens is None or tokens == task.model.max_length:
        return task
    if type(tokens) is not int or tokens <= task.tokenizer.special_count:
        raise InputError(f"max_length must be a whole number above {task.tokenizer.special_count}, not {tokens!r}")
    longest = min(tokens, task.config.max_position_embeddings)
    return type(task)(dataclasses.replace(task.model, max_length=longest, origin=None))
