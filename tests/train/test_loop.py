"""The loop: its steps against Transformers' arithmetic, and what it promises of order, seeds and batches."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from conftest import Maker  # noqa: E402
from distilbert.arguments import LoopArguments  # noqa: E402
from distilbert.data.reading import read_data  # noqa: E402
from distilbert.errors import InputError  # noqa: E402
from distilbert.folder.checkpoint import Head  # noqa: E402
from distilbert.train.loop import autocast, clip, learning_rate_share, open_accelerator, parameter_groups, run  # noqa: E402
from distilbert.train.objective import Objective, StepTotals  # noqa: E402
from distilbert.train.opened import Trainable, open_trainable  # noqa: E402
from helpers.students import HEADS, NO_DROPOUT, data_file  # noqa: E402

NO_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
ARGUMENTS = LoopArguments(epochs=1, batch_size=8, learning_rate=1e-3, warmup=0, threads=1, device="cpu")


@pytest.fixture
def open_task(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> Any:
    """`open_task(task, texts=8, **config)` gives a student and its objective."""

    def make(task: str, texts: int = 8, class_weights: Any = None, **config: Any) -> tuple[Trainable, Objective]:
        folder = make_checkpoint(HEADS[task], name=task, **config)
        data = read_data(data_file(tmp_path, task, sentences[:texts]), task)
        student = open_trainable(task, folder, data)
        return student, student.objective(data, class_weights)

    return make


def trained(student: Trainable, objective: Objective, **changes: Any) -> dict[str, Any]:
    """The weights after a run."""
    arguments = dataclasses.replace(ARGUMENTS, **changes)
    run(student.model, objective, arguments, open_accelerator(arguments), quiet=True)
    return {name: parameter.detach().clone() for name, parameter in student.model.named_parameters()}


def padded(items: list[Any]) -> tuple[Any, Any]:
    """The items' texts as Transformers reads them: ids and mask [B, T]."""
    texts = [torch.tensor(text) for item in items for text in item.texts]
    ids = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(text) for text in texts], batch_first=True)
    return ids, mask


def their_loss(model: Any, task: str, items: list[Any]) -> Any:
    """The loss as Transformers computes it on one padded batch, by its own heads where they have one."""
    ids, mask = padded(items)
    if task == "text-classification":
        return model(ids, mask, labels=torch.tensor([item.target for item in items])).loss
    if task in ("token-classification", "fill-mask"):
        labels = torch.full_like(ids, -100)
        for row, item in enumerate(items):
            labels[row, item.rows[0]] = torch.tensor(item.target)
        return model(ids, mask, labels=labels).loss
    if task == "question-answering":
        # one by one: Transformers' softmax takes in the padding, which its pipeline then masks out
        places = [torch.tensor(item.target)[:, None] for item in items]
        texts = [torch.tensor(item.texts[0])[None] for item in items]
        losses = [model(x, start_positions=p[0], end_positions=p[1]).loss for x, p in zip(texts, places, strict=True)]
        return torch.stack(losses).mean()
    if task == "multiple-choice":
        pairs = (x.unflatten(0, (len(items), -1)) for x in (ids, mask))
        return model(*pairs, labels=torch.tensor([item.target for item in items])).loss
    states = model(ids, mask).last_hidden_state
    vectors = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    cosines = torch.nn.functional.cosine_similarity(vectors[0::2], vectors[1::2])
    return torch.nn.functional.mse_loss(cosines, torch.tensor([item.target for item in items]))


@pytest.mark.parametrize("task", HEADS)
def test_a_step_is_that_of_transformers_whatever_the_batches(task: str, open_task: Any) -> None:
    def fresh() -> tuple[Trainable, Objective]:
        student, objective = open_task(task, **NO_DROPOUT)
        objective.items = [objective.draw(item, np.random.default_rng(0)) for item in objective.items]
        objective.draw = lambda item, rng: item  # the masks are drawn: both see the same
        if task == "multiple-choice":  # Transformers wants as many choices of each
            objective.items = [item for item in objective.items if len(item.texts) == 2]
        return student, objective

    student, objective = fresh()
    theirs = getattr(transformers, HEADS[task].value).from_pretrained(
        student.folder.root, **_problem(task), **_labels(student)
    )
    theirs.load_state_dict(student.model.state_dict())  # a fresh head's too
    # a large epsilon makes AdamW's first step about the gradient itself, where it would be its sign
    optimizer = torch.optim.AdamW(theirs.parameters(), lr=1.0, weight_decay=0.0, eps=1.0)
    their_loss(theirs.train(), task, list(objective.items)).backward()
    torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
    optimizer.step()
    for max_batch_tokens in (10_000, 40):  # all at once, and a text or two at a time
        student, objective = fresh()
        changes = {"learning_rate": 1.0, "weight_decay": 0.0, "epsilon": 1.0, "max_batch_tokens": max_batch_tokens}
        got = trained(student, objective, **changes)
        for name, parameter in theirs.named_parameters():
            torch.testing.assert_close(got[name], parameter.detach(), rtol=0, atol=1e-5, msg=name)


def _problem(task: str) -> dict[str, str]:
    return {"problem_type": "single_label_classification"} if task == "text-classification" else {}


def _labels(student: Trainable) -> dict[str, Any]:
    if student.model.head in (Head.SEQUENCE_CLASSIFICATION, Head.TOKEN_CLASSIFICATION):
        return {"num_labels": student.model.config.num_labels, "ignore_mismatched_sizes": True}
    return {}


def test_class_weights_weigh_as_in_pytorch(open_task: Any) -> None:
    student, objective = open_task("text-classification", 24, class_weights={"no": 3.0}, **NO_DROPOUT)
    items = list(objective.items)
    with torch.no_grad():
        logits = torch.cat([objective_logits(student, item) for item in items])
        targets = torch.tensor([item.target for item in items])
        wanted = torch.nn.functional.cross_entropy(logits, targets, torch.tensor([3.0, 1.0]))
        got = sum(objective.loss(student.model, [item], StepTotals.of(items)) for item in items)
    torch.testing.assert_close(got, wanted)
    _, balanced = open_task("text-classification", 24, class_weights="balanced")
    by_class = [sum(item.weight for item in balanced.items if item.target == target) for target in (0, 1)]
    assert by_class == pytest.approx([12, 12])
    with pytest.raises(InputError, match="label 'maybe' is unknown; there are 'no', 'yes'"):
        open_task("text-classification", 24, class_weights={"maybe": 2.0})


def objective_logits(student: Trainable, item: Any) -> Any:
    from distilbert.train.objective import pack

    return student.model.run(pack(student.model, [item]))


@pytest.mark.parametrize("task", HEADS)
def test_the_same_seed_gives_the_same_weights_bit_for_bit_and_another_does_not(task: str, open_task: Any) -> None:
    first, again, other = (trained(*open_task(task, 20), seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_an_epoch_learns_from_every_item_once(open_task: Any) -> None:
    student, objective = open_task("text-classification", 21)
    seen: list[list[int]] = []
    draw = objective.draw

    def counted(item: Any, rng: Any) -> Any:
        seen.append([index for index, got in enumerate(objective.items) if got is item])
        return draw(item, rng)

    objective.draw = counted
    trained(student, objective, epochs=2)
    first, second = seen[:21], seen[21:]
    assert sorted(first) == sorted(second) == [[index] for index in range(21)]
    assert first != second


def test_learning_rates_are_those_of_transformers_schedule_after_the_warm_up() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, 5, 40)
    for step in range(40):
        expected = (step + 1) / 6 if step < 5 else schedule.get_last_lr()[0]  # theirs begins with a step at rate 0
        assert learning_rate_share(step, 40, 0.125) == pytest.approx(expected)
        optimizer.step()
        schedule.step()
    assert learning_rate_share(0, 1, 0.06) > 0.1


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_CUDA])])
@pytest.mark.parametrize("most", [0.5, 1e6])
def test_gradients_are_clipped_as_by_pytorch(most: float, device: str) -> None:
    torch.manual_seed(0)
    drawn = torch.randn(3, 5, device=device).t(), torch.randn(7, device=device)
    parameters = [torch.nn.Parameter(tensor) for tensor in drawn]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    ours = [parameter.grad.clone() for parameter in parameters]
    clip(ours, most)
    torch.nn.utils.clip_grad_norm_(parameters, most)
    for gradient, parameter in zip(ours, parameters, strict=True):
        torch.testing.assert_close(gradient, parameter.grad)


@pytest.mark.gpu
@NO_CUDA
@pytest.mark.parametrize(("precision", "most"), [("float32", 1e-4), ("bfloat16", 0.1)])
def test_gradients_on_a_gpu_are_those_on_the_cpu(open_task: Any, precision: str, most: float) -> None:
    student, objective = open_task("text-classification", texts=32, dropout=0.0, attention_dropout=0.0)
    items = [objective.draw(item, np.random.default_rng(0)) for item in objective.items]
    found = []
    for device, arguments in (("cpu", ARGUMENTS), ("cuda", dataclasses.replace(ARGUMENTS, precision=precision))):
        student.model.to(device).zero_grad()
        with autocast(arguments, torch.device(device)):
            loss = objective.loss(student.model, items, StepTotals.of(items))
        loss.backward()
        found.append(torch.cat([p.grad.cpu().flatten() for p in student.model.parameters() if p.grad is not None]))
    on_cpu, on_gpu = found
    assert (on_gpu - on_cpu).norm() < most * on_cpu.norm()


def test_lower_layers_learn_more_slowly_heads_faster_and_biases_do_not_decay(open_task: Any) -> None:
    student, _ = open_task("text-classification")
    arguments = dataclasses.replace(ARGUMENTS, layer_decay=0.5, head_rate=5.0, weight_decay=0.1)
    groups = parameter_groups(student.model, arguments)
    by_name = {id(p): (group["peak"], group["weight_decay"]) for group in groups for p in group["params"]}
    found = {name: by_name[id(parameter)] for name, parameter in student.model.named_parameters()}
    assert found["classifier.weight"] == (5e-3, 0.1)
    assert found["classifier.bias"] == (5e-3, 0.0)
    assert found["distilbert.transformer.layer.1.ffn.lin1.weight"] == (0.5e-3, 0.1)
    assert found["distilbert.transformer.layer.0.sa_layer_norm.weight"] == (0.25e-3, 0.0)
    assert found["distilbert.embeddings.word_embeddings.weight"] == (0.125e-3, 0.1)


def test_it_stops_when_the_score_no_longer_rises(open_task: Any, tmp_path: Path) -> None:
    from distilbert.train.checkpoints import Checkpoints

    student, objective = open_task("text-classification", 16)
    scores = iter([0.1, 0.5, 0.4, 0.5, 0.9])
    weights = []

    def evaluate() -> dict[str, float]:
        assert not student.model.training
        weights.append(student.model.classifier.weight.detach().clone())
        return {"accuracy": next(scores)}

    arguments = dataclasses.replace(ARGUMENTS, epochs=5, eval_steps=2, patience=2)
    checkpoints = Checkpoints(tmp_path / "checkpoints", "run")
    state = run(
        student.model, objective, arguments, open_accelerator(arguments),
        checkpoints=checkpoints, evaluate=evaluate, main="accuracy", quiet=True,
    )  # fmt: skip
    assert (state.step, state.best_step, state.best_score) == (8, 4, 0.5)
    assert torch.equal(student.model.classifier.weight, weights[1])
    assert checkpoints.steps() == [4, 8]


def test_one_process_trains_in_several_precisions(open_task: Any) -> None:
    first, coarse, again = (
        trained(*open_task("text-classification"), precision=precision)["classifier.weight"]
        for precision in ("float32", "bfloat16", "float32")
    )
    assert torch.equal(first, again)
    assert 0 < (first - coarse).abs().max() < 1e-2


def test_dropout_may_be_another_than_the_model_s(open_task: Any) -> None:
    config = {"dropout": 0.3, "attention_dropout": 0.3, "seq_classif_dropout": 0.3}
    student, objective = open_task("text-classification", **config)
    got = trained(student, objective)["classifier.weight"]
    student, objective = open_task("text-classification", **config)
    none = trained(student, objective, dropout=0.0)["classifier.weight"]
    assert student.model.config.attention_dropout == 0.3  # and what is saved keeps its own
    fresh = trained(*open_task("text-classification", **NO_DROPOUT))["classifier.weight"]
    assert torch.equal(none, fresh)
    assert not torch.equal(none, got)


def test_a_loss_that_is_not_a_number_is_an_error(open_task: Any) -> None:
    with pytest.raises(InputError, match="the loss is nan at step 10: lower the learning rate"):
        trained(*open_task("text-classification", 200), learning_rate=1e30, max_grad_norm=0.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", -1), ("batch_size", -1), ("learning_rate", float("nan")), ("warmup", 1.0), ("beta2", -0.1),
     ("precision", "float16"), ("dropout", 1.0), ("device", "tpu"), ("patience", -1)],
)  # fmt: skip
def test_settings_outside_their_range_are_refused(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=name):
        LoopArguments(**{name: value})
