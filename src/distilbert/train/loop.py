"""The loop: one for every task and every objective. `run` is the whole of it, the functions below are its steps.

A step learns from `batch_size` items, whatever their lengths. They are cut into batches of at most
`max_batch_tokens`, packed without padding, and dealt out to the processes; each batch gives its share of the
loss of the whole step, so that one batch or ten, one process or four, come to the same gradient. All that is
random (order, masks, dropout) is seeded by the step, so that a resumed run needs to know no more than where it was.
"""

import ctypes
import math
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from ..arguments import LoopArguments
from ..batch import MAX_PADDING, plan
from ..engine.cpus import available_cpus
from ..errors import InputError, translated
from .checkpoints import Checkpoints, State
from .objective import Item, Objective, StepTotals
from .progress import RunProgress
from .word_gradients import WordGradients

_LAYER = re.compile(r"\blayer\.(\d+)\.")
_WORTH_A_TRIAL = 50  # steps: the time of fewer is not estimated
_LOG_STEPS = 10  # steps between two entries of the log of losses
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_LARGEST = 2**30  # bytes; an int in C


def autocast(arguments: LoopArguments, device: torch.device) -> torch.autocast:
    """A context that computes in `arguments.precision`. Not Accelerate's: that is one for all runs of a program."""
    return torch.autocast(device.type, torch.bfloat16, enabled=arguments.precision == "bfloat16")


def open_accelerator(arguments: LoopArguments) -> Accelerator:
    """Device and processes: one, or those that `accelerate launch` started.

    Raises InputError for what Accelerate refuses, such as the CPU in a process that trained on a GPU before.
    """
    with translated(ValueError, InputError, f"device {arguments.device!r} cannot be had in this process"):
        accelerator = Accelerator(cpu=arguments.device == "cpu")
    torch.set_num_threads(arguments.threads or max(1, available_cpus() // accelerator.num_processes))
    _tune_memory()
    return accelerator


def _tune_memory() -> None:
    """Steps allocate large tensors whose sizes rarely repeat; oneDNN's and glibc's defaults expect sizes that do."""
    # oneDNN, and PyTorch above it, cache code for every size of a matrix product, gigabytes after a while; read at the
    # first use. A step has some 20 sizes, and 4 more for each part (distilbert.nn.packed)
    for cache in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(cache, "512")
    # glibc returns freed memory and asks for it again, and fresh pages cost a tenth of a step's time
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:  # other C libraries have none
        mallopt(_M_MMAP_THRESHOLD, _LARGEST)
        mallopt(_M_TRIM_THRESHOLD, _LARGEST)


def _set_dropout(model: nn.Module, probability: float | None) -> None:
    if probability is not None:
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = probability


def run(
    model: nn.Module,
    objective: Objective,
    arguments: LoopArguments,
    accelerator: Accelerator,
    *,
    checkpoints: Checkpoints | None = None,
    evaluate: Callable[[], Mapping[str, float]] | None = None,
    main: str = "",
    quiet: bool = False,
) -> State:
    """Train `model`, in place. At the end it has its best weights by `main`, or its last where nothing is evaluated.

    Args:
        checkpoints: where to write them, and to resume from the last one that is there.
        evaluate: gives the scores of the model as it is now; more is better of the one called `main`.
        quiet: show no progress.

    Raises CheckpointError where a checkpoint cannot be written, and InputError where the loss is not finite, and where
    a step that compares its items has but one.
    """
    check_steps(objective, arguments, accelerator)
    last_step = step_count(arguments, len(objective.items))
    eval_steps = arguments.eval_steps or math.ceil(len(objective.items) / arguments.batch_size)
    save_steps = arguments.save_steps or eval_steps

    model.to(accelerator.device).train()
    _set_dropout(model, arguments.dropout)
    optimizer = _optimizer(model, arguments)
    state = checkpoints.load_last(model, optimizer) if checkpoints else State()
    items_of, gradients = _Sampler(objective, arguments), _Gradients(model, objective, arguments, accelerator)
    log = _LossLog(state, accelerator.device)

    shown = RunProgress(state.step, last_step, quiet=quiet or not accelerator.is_main_process)
    with WordGradients(model) as words, shown as progress:
        if not quiet and last_step - state.step >= _WORTH_A_TRIAL:
            progress.expect((last_step - state.step) * gradients.trial_seconds(items_of(state.step), state.step))
            log.restart_clock()
        while state.step < last_step and not (arguments.patience and state.stale >= arguments.patience):
            items = items_of(state.step)
            totals = StepTotals.of(items)
            log.add(gradients.add(items, totals, state.step))
            _update(words, optimizer, arguments, learning_rate_share(state.step, last_step, arguments.warmup))
            state.step += 1
            state.tokens += totals.tokens
            progress.step(state.step)

            ends = state.step == last_step
            evaluates = evaluate is not None and (state.step % eval_steps == 0 or ends)
            saves = checkpoints is not None and (evaluates or state.step % save_steps == 0 or ends)
            if evaluates or saves or ends or state.step % _LOG_STEPS == 0:
                log.write()
                progress.logged(state)
            if evaluate is not None and evaluates:
                score = _evaluate(model, state, evaluate, main)
                progress.scored(state, f"{main} {score:.4f}{' (best)' if not state.stale else ''}")
            if checkpoints is not None and saves:
                if accelerator.is_main_process:
                    checkpoints.save(model, optimizer, state)
                accelerator.wait_for_everyone()
            if evaluates or saves:
                log.restart_clock()

    if checkpoints is not None and state.best_step not in (0, state.step):
        checkpoints.load_weights(model, state.best_step)
    model.eval()
    return state


def check_steps(objective: Objective, arguments: LoopArguments, accelerator: Accelerator) -> None:
    """Raises InputError for an objective that compares a step's items, where a step has but one or is dealt out."""
    if not objective.whole_steps:
        return
    if accelerator.num_processes > 1:
        raise InputError("pairs with in-batch negatives are trained in one process: a step is one batch")
    if min(arguments.batch_size, len(objective.items)) < 2:
        raise InputError("a step compares its texts with one another: it takes two examples, and a batch_size of 2")


def step_count(arguments: LoopArguments, items: int) -> int:
    """How many steps a run over so many items has, unless its patience ends first."""
    return arguments.max_steps or math.ceil(arguments.epochs * math.ceil(items / arguments.batch_size))


class _Sampler:
    """The items of a step: all items in an order of their own for each epoch, each drawn anew."""

    def __init__(self, objective: Objective, arguments: LoopArguments) -> None:
        self._objective, self._seed, self._size = objective, arguments.seed, arguments.batch_size
        self._steps_per_epoch = math.ceil(len(objective.items) / self._size)
        self._order, self._epoch = np.empty(0, np.int64), -1

    def __call__(self, step: int) -> list[Item]:
        epoch, place = divmod(step, self._steps_per_epoch)
        items = self._objective.items
        if epoch != self._epoch:
            self._order, self._epoch = np.random.default_rng((self._seed, 0, epoch)).permutation(len(items)), epoch
        rng = np.random.default_rng((self._seed, 1, step))
        chosen = self._order[place * self._size : (place + 1) * self._size]
        return [self._objective.draw(items[index], rng) for index in chosen]


class _LossLog:
    """The mean loss since the entry before, and the seconds of training; both are written into the state."""

    def __init__(self, state: State, device: torch.device) -> None:
        self._state = state
        self._sum = torch.zeros((), device=device)
        self.restart_clock()

    def restart_clock(self) -> None:
        """What came before is not training."""
        self._started = time.perf_counter()

    def add(self, loss: Tensor) -> None:
        self._sum += loss

    def write(self) -> None:
        """Raises InputError where the mean is not finite."""
        state = self._state
        before = state.losses[-1][0] if state.losses else 0
        mean = float(self._sum) / (state.step - before)
        if not math.isfinite(mean):
            raise InputError(f"the loss is {mean} at step {state.step}: lower the learning rate")
        state.losses.append((state.step, mean))
        self._sum.zero_()
        state.seconds += time.perf_counter() - self._started
        self.restart_clock()


class _Gradients:
    """Of the mean loss of a step, in the model's parameters."""

    def __init__(
        self, model: nn.Module, objective: Objective, arguments: LoopArguments, accelerator: Accelerator
    ) -> None:
        self._model, self._objective, self._arguments, self._accelerator = model, objective, arguments, accelerator

    def add(self, items: Sequence[Item], totals: StepTotals, step: int) -> Tensor:
        """Add those of a step, and give its loss. Each process computes its share of the batches."""
        arguments, accelerator, processes = self._arguments, self._accelerator, self._accelerator.num_processes
        batches = [np.arange(len(items))]
        if not self._objective.whole_steps:
            most = min(arguments.max_batch_tokens, math.ceil(totals.tokens / processes))
            # what padding takes is bounded by the memory that there is, not by how few tokens this step has
            padding = MAX_PADDING * arguments.max_batch_tokens / most
            batches = plan([item.tokens for item in items], most, max_padding=padding)
        loss = torch.zeros((), device=accelerator.device)
        for number in range(accelerator.process_index, len(batches), processes):
            rng = np.random.default_rng((arguments.seed, 2, step, number))
            torch.manual_seed(int(rng.integers(1 << 62)))  # of dropout
            with autocast(arguments, accelerator.device):
                share = self._objective.loss(self._model, [items[i] for i in batches[number].tolist()], totals)
            share.backward()  # type: ignore[no-untyped-call]
            loss += share.detach()
        return _summed(self._model, loss, accelerator) if processes > 1 else loss

    def trial_seconds(self, items: Sequence[Item], step: int) -> float:
        """How long a step's take: of the second of two trials, for the first one prepares. All stays as it was."""
        seconds = 0.0
        for _ in range(2):
            started = time.perf_counter()
            float(self.add(items, StepTotals.of(items), step))
            seconds = time.perf_counter() - started
            self._model.zero_grad(set_to_none=True)
        return seconds


def step_seconds(model: nn.Module, objective: Objective, arguments: LoopArguments, accelerator: Accelerator) -> float:
    """About how long a step takes, by a trial that leaves the weights as they are."""
    model.to(accelerator.device).train()
    _set_dropout(model, arguments.dropout)
    gradients = _Gradients(model, objective, arguments, accelerator)
    return gradients.trial_seconds(_Sampler(objective, arguments)(0), 0)


def _update(
    words: WordGradients, optimizer: torch.optim.Optimizer, arguments: LoopArguments, learning_rate_share: float
) -> None:
    """Apply the gradients and clear them."""
    gradients = words.collect()
    if arguments.max_grad_norm:
        clip(gradients, arguments.max_grad_norm)
    words.spread()
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * learning_rate_share
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    words.clear()


def clip(gradients: list[Tensor], most: float) -> None:
    """Scale them, if need be, so that their norm as one vector is `most`.

    PyTorch's `clip_grad_norm_` is the same; its norms take a CPU twice as long as such products, where a GPU takes them
    all at once.
    """
    if gradients[0].device.type == "cpu":
        flat = [gradient.reshape(-1) for gradient in gradients]
        norm = torch.stack([torch.dot(vector, vector) for vector in flat]).sum().sqrt()
    else:
        norm = nn.utils.get_total_norm(gradients)
    torch._foreach_mul_(gradients, (most / (norm + 1e-6)).clamp(max=1.0))


def _evaluate(model: nn.Module, state: State, evaluate: Callable[[], Mapping[str, float]], main: str) -> float:
    """Score the model as it is, note the scores, and give that of the metric `main`."""
    model.eval()
    scores = dict(evaluate())  # every process does: their weights are the same bit for bit
    model.train()
    state.scores.append((state.step, scores))
    state.stale += 1
    if scores[main] > state.best_score:
        state.best_step, state.best_score, state.stale = state.step, scores[main], 0
    return scores[main]


def _optimizer(model: nn.Module, arguments: LoopArguments) -> torch.optim.Optimizer:
    groups, betas = parameter_groups(model, arguments), (arguments.beta1, arguments.beta2)
    return torch.optim.AdamW(groups, betas=betas, eps=arguments.epsilon, fused=True)


def learning_rate_share(step: int, last_step: int, warmup: float) -> float:
    """Of the peak learning rate: up over the warm-up, then down to 0.

    It is Transformers' linear schedule, but for the warm-up, which begins above 0: no step learns nothing.
    """
    rising = math.ceil(warmup * last_step)
    if step < rising:
        return (step + 1) / (rising + 1)
    return (last_step - step) / max(1, last_step - rising)


def parameter_groups(model: nn.Module, arguments: LoopArguments) -> list[dict[str, Any]]:
    """The parameters by learning rate and weight decay: lower layers learn more slowly by `layer_decay`, what lies
    above the encoder faster by `head_rate`.

    Biases and LayerNorms do not decay.
    """
    named = list(model.named_parameters())
    layers = 1 + max((int(found[1]) for name, _ in named if (found := _LAYER.search(name))), default=-1)
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, parameter in named:
        found = _LAYER.search(name)
        below = layers - int(found[1]) if found else layers + 1 if "embeddings." in name else 0
        decays = parameter.ndim > 1
        groups.setdefault((below, decays), []).append(parameter)
    return [
        {
            "params": parameters,
            "peak": arguments.learning_rate * (arguments.layer_decay**below if below else arguments.head_rate),
            "lr": 0.0,
            "weight_decay": arguments.weight_decay if decays else 0.0,
        }
        for (below, decays), parameters in groups.items()
    ]


def _summed(model: nn.Module, loss: Tensor, accelerator: Accelerator) -> Tensor:
    """Put the sum of all processes' gradients into each of them; gives the sum of their losses."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    gradients = [torch.zeros_like(x) if x.grad is None else x.grad.to_dense() for x in parameters]
    flat = accelerator.reduce(torch.cat([loss.view(1), *(gradient.flatten() for gradient in gradients)]), "sum")
    start = 1
    for parameter in parameters:
        parameter.grad = flat[start : start + parameter.numel()].view_as(parameter).clone()
        start += parameter.numel()
    return flat[0]
