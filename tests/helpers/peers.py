"""Our model and Transformers' from one folder, and inputs of every kind for both."""

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from conftest import Maker  # noqa: E402
from distilbert.folder.checkpoint import Head  # noqa: E402
from distilbert.nn.heads import MODELS  # noqa: E402

torch.set_num_threads(1)  # for models this small, more threads only wait for each other

HEADS = [head for head in Head if head is not Head.NONE]
LENGTHS = (9, 4, 6, 1)  # of the texts of a batch


def labels_of(head: Head) -> int:
    return 2 if head is Head.QUESTION_ANSWERING else 3


def both(make_checkpoint: Maker, head: Head, **changes: Any) -> tuple[Any, Any]:
    """Ours and theirs with the same weights, dropout off."""
    folder = make_checkpoint(head, **{"num_labels": labels_of(head)} | changes)
    return MODELS[head].from_pretrained(folder).eval(), load_theirs(folder, head)


def load_theirs(folder: Path, head: Head) -> Any:
    """Transformers' model, every key of it found and no other."""
    kind = getattr(transformers, head.value)
    model, report = kind.from_pretrained(folder, output_loading_info=True, attn_implementation="eager")
    assert not any(report[what] for what in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
    return model.eval()


def inputs(head: Head = Head.NONE, seed: int = 0) -> tuple[Any, Any]:
    """Ids and mask, int64 [B, T]; for multiple choice [B/2, 2, T]."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, 6000, (len(LENGTHS), max(LENGTHS)), generator=generator)
    mask = (torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]).long()
    if head is Head.MULTIPLE_CHOICE:
        return ids.unflatten(0, (-1, 2)), mask.unflatten(0, (-1, 2))
    return ids, mask


def targets(head: Head, mask: Any) -> dict[str, Any]:
    """Labels for `inputs`, by the names of the call; padding has none."""
    if head is Head.QUESTION_ANSWERING:
        return {"start_positions": torch.tensor([2, 0, 3, 0]), "end_positions": torch.tensor([5, 3, 3, 0])}
    if head is Head.SEQUENCE_CLASSIFICATION:
        return {"labels": torch.tensor([0, 2, 1, 2])}
    if head is Head.MULTIPLE_CHOICE:
        return {"labels": torch.tensor([1, 0])}
    most = 6000 if head is Head.MASKED_LM else 3
    labels = torch.randint(0, most, mask.shape, generator=torch.Generator().manual_seed(1))
    labels[:, 1::3] = -100
    return {"labels": labels.masked_fill(mask == 0, -100)}


def logits_of(output: Any) -> Any:
    """The logits of any head in one tensor; QA's start and end side by side."""
    if hasattr(output, "start_logits"):
        return torch.stack([output.start_logits, output.end_logits], -1)
    return output.last_hidden_state if hasattr(output, "last_hidden_state") else output.logits


def close(ours: Any, theirs: Any, tolerance: float = 1e-5) -> None:
    """Equal to `tolerance` of the largest value."""
    assert ours.shape == theirs.shape
    limit = tolerance * max(1.0, theirs.abs().max().item())
    torch.testing.assert_close(ours, theirs, rtol=0, atol=limit)
