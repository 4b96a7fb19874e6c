"""The encoder against Transformers: outputs, hidden states, attentions; what must not matter; compile and bfloat16."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from conftest import Maker, small_config  # noqa: E402
from distilbert import Activation, DistilBertConfig, InputError  # noqa: E402
from distilbert.batch import Batch  # noqa: E402
from distilbert.folder.checkpoint import Head  # noqa: E402
from distilbert.nn import DistilBertModel, Packed  # noqa: E402
from distilbert.nn.model import activation_function, sinusoids  # noqa: E402
from helpers.peers import LENGTHS, both, close, inputs  # noqa: E402


@pytest.fixture
def model(make_checkpoint: Maker) -> DistilBertModel:
    return DistilBertModel.from_pretrained(make_checkpoint(Head.NONE)).eval()


@pytest.mark.parametrize("masked", [True, False])
def test_every_hidden_state_and_attention_equals_transformers(make_checkpoint: Maker, masked: bool) -> None:
    ours, theirs = both(make_checkpoint, Head.NONE, n_layers=3)
    ids, mask = inputs()
    given = mask if masked else None
    with torch.no_grad():
        a = ours(ids, given, output_hidden_states=True, output_attentions=True)
        b = theirs(ids, given, output_hidden_states=True, output_attentions=True)
    real = mask if masked else torch.ones_like(mask)  # ours are zero at padding, theirs are not meant to be read
    close(a.last_hidden_state, b.last_hidden_state * real[..., None])
    assert len(a.hidden_states) == 4
    assert len(a.attentions) == 3
    for x, y in zip(a.hidden_states, b.hidden_states, strict=True):
        close(x, y * real[..., None])
    for x, y in zip(a.attentions, b.attentions, strict=True):
        close(x, y * real[:, None, :, None])


def test_states_and_attentions_come_when_asked_for_or_when_the_config_says_so(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(Head.NONE, output_hidden_states=True, output_attentions=True)
    model = DistilBertModel.from_pretrained(folder)
    ids, mask = inputs()
    assert model(ids, mask).hidden_states is not None
    assert model(ids, mask).attentions is not None
    plain = model(ids, mask, output_hidden_states=False, output_attentions=False)
    assert plain.hidden_states is None
    assert plain.attentions is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        plain.last_hidden_state = None  # type: ignore[misc]


@pytest.mark.parametrize(
    "activation", ["gelu_new", "gelu_fast", "quick_gelu", "relu", "silu", "mish", "tanh", "linear"]
)
def test_activations_equal_transformers(make_checkpoint: Maker, activation: str) -> None:
    ours, theirs = both(make_checkpoint, Head.NONE, activation=activation)
    ids, mask = inputs()
    with torch.no_grad():
        close(ours(ids, mask).last_hidden_state, theirs(ids, mask).last_hidden_state * mask[..., None])


@pytest.mark.parametrize("activation", list(Activation))
def test_activations_are_what_the_config_defines(activation: Activation) -> None:
    x = np.linspace(-6, 6, 101)
    np.testing.assert_allclose(activation_function(activation)(torch.from_numpy(x)).numpy(), activation(x), atol=1e-7)


def test_embeddings_and_positions_may_be_given(make_checkpoint: Maker) -> None:
    ours, theirs = both(make_checkpoint, Head.NONE)
    ids, mask = inputs()
    words = ours.embeddings.word_embeddings(ids).detach()
    positions = torch.arange(ids.shape[1]).flip(0)[None]
    with torch.no_grad():
        a = ours(inputs_embeds=words, attention_mask=mask, position_ids=positions).last_hidden_state
        b = theirs(inputs_embeds=words, attention_mask=mask, position_ids=positions).last_hidden_state
        close(a, b * mask[..., None])
        close(a, ours(ids, mask, position_ids=positions).last_hidden_state)


def test_padding_on_the_left_and_holes_are_as_in_transformers(make_checkpoint: Maker) -> None:
    ours, theirs = both(make_checkpoint, Head.NONE)
    ids, mask = inputs()
    mask = mask.flip(1)
    mask[0, 3] = 0
    with torch.no_grad():
        close(ours(ids, mask).last_hidden_state, theirs(ids, mask).last_hidden_state * mask[..., None])


def test_neighbours_and_padding_do_not_matter(model: DistilBertModel) -> None:
    ids, mask = inputs()
    with torch.no_grad():
        together = model(ids, mask).last_hidden_state
        for text, length in enumerate(LENGTHS):
            alone = model(ids[text : text + 1, :length]).last_hidden_state[0]
            close(together[text, :length], alone, 1e-6)
            assert not together[text, length:].any()


def test_no_mask_attends_to_padding(model: DistilBertModel) -> None:
    ids, mask = inputs()
    ids = ids * mask
    with torch.no_grad():
        seen, unseen = model(ids).last_hidden_state, model(ids, mask).last_hidden_state
    close(seen[0], unseen[0])  # has no padding
    assert (seen[1, :4] - unseen[1, :4]).abs().max() > 1e-2


def test_a_fully_masked_text_gives_numbers_and_gradients(model: DistilBertModel) -> None:
    ids, mask = inputs()
    mask[2] = 0
    for attentions in (False, True):
        output = model(ids, mask, output_attentions=attentions)
        assert output.last_hidden_state.isfinite().all()
        model.zero_grad()
        output.last_hidden_state.square().sum().backward()
        assert all(p.grad.isfinite().all() for p in model.parameters())


def test_only_the_rows_read_are_computed_and_they_are_the_same(model: DistilBertModel) -> None:
    rng = np.random.default_rng(0)
    ids = [rng.integers(0, 6000, length) for length in LENGTHS]
    rows = [np.array([0]), np.array([1, 3]), np.arange(6), np.array([0])]
    batch = Batch.pack(ids, rows)
    seen: list[int] = []
    model.transformer.layer[-1].ffn.register_forward_hook(lambda _, given, __: seen.append(len(given[0])))
    with torch.no_grad():
        cut, whole = model.run(Packed.from_batch(batch)), model.run(Packed.from_batch(Batch.pack(ids)))
    close(cut, whole[torch.from_numpy(batch.rows)], 1e-6)
    assert seen == [len(batch.rows), sum(LENGTHS)]


@pytest.mark.parametrize("mode", ["float32", "bfloat16", "checkpointing"])
@pytest.mark.parametrize("read", ["all", "some", "none"])
def test_parts_change_nothing(model: DistilBertModel, mode: str, read: str) -> None:
    rng = np.random.default_rng(0)
    ids = [rng.integers(1, 6000, length) for length in (60, 59, 55, 50, *[9] * 10, 64, 1, 2)]
    chosen = {"all": None, "some": [np.arange(0, len(text), 7) for text in ids], "none": [np.arange(0)] * len(ids)}[
        read
    ]
    batch = Batch.pack(ids, chosen)
    model.train()
    model.transformer.gradient_checkpointing = mode == "checkpointing"
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    found = []
    for in_parts in (False, True):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=mode == "bfloat16"):
            packed = Packed.from_batch(batch, in_parts=in_parts)
            output = model.run(packed)
        output.float().square().sum().backward()
        found.append((output.detach(), [parameter.grad for parameter in model.parameters()]))
    (whole, gradients), (parts, others) = found
    assert len(packed.parts) > 1
    tolerance = 0.05 if mode == "bfloat16" else 1e-5
    torch.testing.assert_close(parts, whole, rtol=0, atol=tolerance)
    for a, b in zip(gradients, others, strict=True):
        torch.testing.assert_close(b, a, rtol=0, atol=tolerance * max(1.0, float(a.abs().max()) if a.numel() else 0.0))


def test_every_linear_runs_on_the_tokens_alone(model: DistilBertModel) -> None:
    seen: set[int] = set()
    for part in model.modules():
        if isinstance(part, torch.nn.Linear):
            part.register_forward_hook(lambda _, given, __: seen.add(len(given[0])))
    model(*inputs())
    assert seen == {sum(LENGTHS)}


def test_texts_too_long_are_an_error(model: DistilBertModel) -> None:
    with pytest.raises(InputError, match="a text has 129 tokens; the model reads 128 at most"):
        model(torch.ones(1, 129, dtype=torch.long))


def test_compiles_to_one_graph(make_checkpoint: Maker) -> None:
    model = DistilBertModel.from_pretrained(make_checkpoint(Head.NONE, n_layers=1)).eval()
    forward = torch.compile(model, fullgraph=True, backend="eager", dynamic=True)
    run = torch.compile(model.run, fullgraph=True, backend="eager", dynamic=True)
    ids, mask = inputs()
    holes = mask.clone()
    holes[2] = 0
    with torch.no_grad():
        for given in (None, mask, holes):
            a = forward(ids, given, output_hidden_states=True, output_attentions=True)
            b = model(ids, given, output_hidden_states=True, output_attentions=True)
            for x, y in zip((*a.hidden_states, *a.attentions), (*b.hidden_states, *b.attentions), strict=True):
                close(x, y, 1e-6)
        for lengths in ((3, 1, 7), (5, 2, 2, 9)):
            batch = Packed.from_batch(Batch.pack([np.arange(n) for n in lengths], [np.array([0])] * len(lengths)))
            close(run(batch), model.run(batch), 1e-6)


def test_bfloat16(model: DistilBertModel) -> None:
    ids, mask = inputs()
    with torch.no_grad():
        exact = model(ids, mask).last_hidden_state
        with torch.autocast("cpu", torch.bfloat16):
            mixed = model(ids, mask, output_hidden_states=True).last_hidden_state
        half = model.to(torch.bfloat16)(ids, mask).last_hidden_state
    assert half.dtype == torch.bfloat16
    for output in (mixed, half):
        assert torch.nn.functional.cosine_similarity(output.float(), exact, -1)[mask.bool()].min() > 0.99


def test_bfloat16_is_the_same_where_gradients_are_wanted(model: DistilBertModel) -> None:
    ids, mask = inputs()
    with torch.autocast("cpu", torch.bfloat16):
        learning = model.eval()(ids, mask).last_hidden_state  # attention is computed in another way
        with torch.no_grad():
            plain = model(ids, mask).last_hidden_state
    assert learning.requires_grad
    torch.testing.assert_close(learning[mask.bool()], plain[mask.bool()], atol=0.05, rtol=0.02)


def test_fresh_weights_are_spread_as_in_transformers() -> None:
    torch.manual_seed(0)
    model = DistilBertModel(small_config(Head.NONE, initializer_range=0.05))
    words = model.embeddings.word_embeddings.weight
    assert not words[0].any()  # the padding token
    assert words[1:].std().item() == pytest.approx(0.05, rel=0.02)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name
        elif "norm" in name.lower():
            assert (parameter == 1).all(), name
        else:
            assert parameter.std().item() == pytest.approx(0.05, rel=0.1), name


def test_sinusoids_are_a_beginning_that_training_moves(make_checkpoint: Maker) -> None:
    config = small_config(Head.NONE, sinusoidal_pos_embds=True)
    model = DistilBertModel(config)
    positions = model.embeddings.position_embeddings.weight
    assert torch.equal(positions, sinusoids(128, 32))
    assert positions.requires_grad
    # sin(p / 10000^(i/D)) and its cosine, for p = 5 and the columns 6 and 7
    assert positions[5, 6].item() == pytest.approx(np.sin(5 / 10000 ** (6 / 32)), abs=1e-6)
    assert positions[5, 7].item() == pytest.approx(np.cos(5 / 10000 ** (6 / 32)), abs=1e-6)
    loaded = DistilBertModel.from_pretrained(make_checkpoint(Head.NONE, sinusoidal_pos_embds=True))
    assert not torch.equal(loaded.embeddings.position_embeddings.weight, sinusoids(128, 32))


def test_base_has_as_many_parameters_as_published() -> None:
    with torch.device("meta"):
        model = DistilBertModel(DistilBertConfig())
    assert sum(parameter.numel() for parameter in model.parameters()) == 66_362_880
