"""What PyTorch users expect of a model: gradients through all outputs, export, checkpointing, other vocabularies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from conftest import Maker, small_config  # noqa: E402
from distilbert import InputError  # noqa: E402
from distilbert.folder.checkpoint import Head  # noqa: E402
from distilbert.nn import DistilBertForMaskedLM, DistilBertModel  # noqa: E402
from distilbert.nn.heads import MODELS  # noqa: E402
from helpers.peers import both, close, inputs, load_theirs, logits_of, targets  # noqa: E402


@pytest.mark.parametrize("head", [Head.NONE, Head.MASKED_LM, Head.SEQUENCE_CLASSIFICATION])
@pytest.mark.parametrize("masked", [True, False])
def test_gradients_of_states_and_attentions_equal_transformers(
    make_checkpoint: Maker, head: Head, masked: bool
) -> None:
    ids, mask = inputs()

    def gradients(model: Any) -> Any:
        output = model(ids, mask if masked else None, output_hidden_states=True, output_attentions=True)
        scores = logits_of(output) * (mask[..., None] if logits_of(output).dim() == 3 else 1)
        return torch.autograd.grad(scores.pow(2).sum(), [*output.hidden_states, *output.attentions])

    ours, theirs = map(gradients, both(make_checkpoint, head))
    real = mask if masked else torch.ones_like(mask)
    assert len(ours) == len(theirs) == 5
    for x, y in zip(ours[:3], theirs[:3], strict=True):  # states; at padding only theirs go on being computed
        close(x * real[..., None], y * real[..., None])
    pairs = real[:, None, :, None] * real[:, None, None, :]
    for x, y in zip(ours[3:], theirs[3:], strict=True):
        close(x * pairs, y * pairs)


@pytest.mark.parametrize("head", Head)
def test_exports_with_free_shapes(head: Head) -> None:
    model = MODELS[head](small_config(head, num_labels=2, n_layers=1)).eval()
    ids, mask = inputs(head)
    axes = {
        axis: torch.export.Dim.DYNAMIC for axis in range(ids.dim()) if head is not Head.MULTIPLE_CHOICE or axis != 1
    }
    exported = torch.export.export(model, (ids, mask), dynamic_shapes={"input_ids": axes, "attention_mask": axes})
    wide_ids, wide_mask = (torch.cat([x, x[..., :3]], -1) for x in (ids, mask))
    for arguments in ((ids, mask), (wide_ids, wide_mask)):
        close(logits_of(exported.module()(*arguments)), logits_of(model(*arguments)))


def test_a_loaded_model_evaluates(make_checkpoint: Maker) -> None:
    model = DistilBertModel.from_pretrained(make_checkpoint(Head.NONE, dropout=0.5, attention_dropout=0.5))
    ids, mask = inputs()
    assert not any(module.training for module in model.modules())
    assert torch.equal(model(ids, mask).last_hidden_state, model(ids, mask).last_hidden_state)


def test_weights_cannot_be_read_into_no_memory(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(Head.NONE)
    with torch.device("meta"), pytest.raises(InputError, match="meta"):
        DistilBertModel.from_pretrained(folder)


@pytest.mark.parametrize("head", Head)
def test_checkpointed_gradients_are_the_same_and_blocks_run_twice(make_checkpoint: Maker, head: Head) -> None:
    runs: list[int] = []

    def gradients(prepare: Callable[[Any], None]) -> dict[str, Any]:
        runs.append(0)
        model = MODELS[head].from_pretrained(make_checkpoint(head, num_labels=3, dropout=0.0)).train()
        prepare(model)
        for module in model.modules():
            if type(module).__name__ == "FeedForward":
                module.register_forward_hook(lambda *_: runs.__setitem__(-1, runs[-1] + 1))
        ids, mask = inputs(head)
        output = model(ids, mask, **({} if head is Head.NONE else targets(head, mask)))
        (output.last_hidden_state.pow(2).sum() if head is Head.NONE else output.loss).backward()
        return {name: weight.grad for name, weight in model.named_parameters()}

    torch.manual_seed(0)
    plain = gradients(lambda model: None)
    torch.manual_seed(0)
    saving = gradients(lambda model: model.gradient_checkpointing_enable())
    assert runs == [2, 4]
    for name, gradient in plain.items():
        torch.testing.assert_close(saving[name], gradient, msg=name)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("size", [6007, 300])
def test_more_or_fewer_tokens(make_checkpoint: Maker, tmp_path: Path, size: int, tied: bool) -> None:
    folder = make_checkpoint(Head.MASKED_LM, tie_word_embeddings=tied)
    before, model = (DistilBertForMaskedLM.from_pretrained(folder) for _ in range(2))
    model.resize_token_embeddings(size)
    ids = torch.arange(10, 30)[None]
    kept = min(size, 6000)
    close(model(ids).logits[..., :kept], before(ids).logits[..., :kept])
    words = model.distilbert.embeddings.word_embeddings
    assert (model.vocab_projector.weight is words.weight) is tied
    assert torch.equal(words.weight[:kept], before.distilbert.embeddings.word_embeddings.weight[:kept])
    if size > 6000:
        torch.testing.assert_close(
            words.weight[6000:], before.distilbert.embeddings.word_embeddings.weight.mean(0).expand(7, -1)
        )
        assert model(torch.tensor([[6006]])).logits.isfinite().all()
    model.save_pretrained(tmp_path / "resized")
    theirs = load_theirs(tmp_path / "resized", Head.MASKED_LM)
    assert theirs.config.vocab_size == size
    close(model(ids).logits, theirs(ids).logits)
    again = DistilBertForMaskedLM.from_pretrained(tmp_path / "resized")
    close(again(ids).logits, model(ids).logits)


def test_resizing_keeps_what_is_frozen_and_refuses_nonsense(make_checkpoint: Maker) -> None:
    model = DistilBertModel.from_pretrained(make_checkpoint(Head.NONE)).requires_grad_(False)
    model.resize_token_embeddings(6001)
    assert not model.embeddings.word_embeddings.weight.requires_grad
    assert model.config.vocab_size == 6001
    for wrong in (0, -1, 2.0, True):
        with pytest.raises(InputError, match="vocab_size"):
            model.resize_token_embeddings(wrong)
