"""Students begin as parts of their teacher."""

import dataclasses
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from conftest import Maker  # noqa: E402
from distilbert.arguments import Shape  # noqa: E402
from distilbert.distill.initial_weights import chosen_layers, shrink, student_config  # noqa: E402
from distilbert.errors import InputError  # noqa: E402
from distilbert.folder.checkpoint import Head  # noqa: E402
from distilbert.nn import DistilBertForMaskedLM, DistilBertForSequenceClassification  # noqa: E402


def test_layers_are_chosen_as_in_the_paper() -> None:
    assert chosen_layers(12, 6) == [0, 2, 4, 7, 9, 11]
    assert chosen_layers(6, 6) == [0, 1, 2, 3, 4, 5]
    assert chosen_layers(6, 3) == [0, 2, 5]
    assert chosen_layers(6, 1) == [0]


def shrunken(teacher: Any, shape: Shape, pieces: np.ndarray) -> tuple[Any, np.ndarray]:
    config = student_config(teacher.config, shape, len(pieces))
    student = type(teacher)(config)
    layers = chosen_layers(teacher.config.n_layers, config.n_layers)
    return student, shrink(student, teacher.by_table_name(), teacher.config, pieces, layers)


def test_a_student_as_large_as_its_teacher_is_its_teacher(make_checkpoint: Maker) -> None:
    teacher = DistilBertForSequenceClassification.from_pretrained(make_checkpoint(n_layers=3)).eval()
    student, kept = shrunken(teacher, Shape(layers=3), np.arange(6000))
    ids = torch.randint(5, 6000, (2, 9))
    torch.testing.assert_close(student.eval()(ids).logits, teacher(ids).logits, rtol=0, atol=0)
    np.testing.assert_array_equal(kept, np.arange(32))


def test_fewer_pieces_alone_change_nothing_but_their_numbers(make_checkpoint: Maker) -> None:
    teacher = DistilBertForMaskedLM.from_pretrained(make_checkpoint(Head.MASKED_LM)).eval()
    pieces = np.sort(np.random.default_rng(0).permutation(6000)[:500])
    student, _ = shrunken(teacher, Shape(layers=2), pieces)
    ids = torch.randint(0, 500, (2, 9))
    wanted = teacher(torch.from_numpy(pieces)[ids]).logits[..., pieces]
    torch.testing.assert_close(student.eval()(ids).logits, wanted, rtol=0, atol=1e-5)


def test_numbers_heads_and_units_that_carry_nothing_are_left_out(make_checkpoint: Maker) -> None:
    """A teacher with parts that are zero, and a student with room for the rest: they say the same."""
    teacher = DistilBertForSequenceClassification.from_pretrained(make_checkpoint()).eval()
    with torch.no_grad():
        for block in teacher.distilbert.transformer.layer:
            block.ffn.lin1.weight[10:14] = 0  # four of 64 units
            block.ffn.lin1.bias[10:14] = 0
            block.attention.out_lin.weight[:, 8:16] = 0  # the second of four heads
    student, _ = shrunken(teacher, Shape(layers=2, hidden_dim=60), np.arange(6000))
    ids = torch.randint(5, 6000, (2, 9))
    torch.testing.assert_close(student.eval()(ids).logits, teacher(ids).logits, rtol=0, atol=1e-5)
    narrow, kept = shrunken(teacher, Shape(layers=2, dim=24), np.arange(6000))
    assert narrow.config.n_heads == 3
    assert narrow.config.hidden_dim == 48
    ours = narrow.distilbert.transformer.layer[0].attention.q_lin.weight
    theirs = teacher.distilbert.transformer.layer[0].attention.q_lin.weight
    heads = np.r_[0:8, 16:32]
    torch.testing.assert_close(ours, theirs[heads][:, kept])


def test_shapes_that_do_not_fit_are_refused(make_checkpoint: Maker) -> None:
    teacher = DistilBertForSequenceClassification.from_pretrained(make_checkpoint())
    for shape in (Shape(layers=9), Shape(dim=64)):
        with pytest.raises(InputError, match="is more than the teacher's"):
            student_config(teacher.config, shape, 100)
    config = student_config(teacher.config, Shape(), 100)
    assert (config.n_layers, config.dim, config.n_heads, config.hidden_dim) == (1, 32, 4, 64)
    assert dataclasses.replace(config, labels=()).vocab_size == 100
