"""A student with the linear layers that project its hidden states to its teacher's width while it is trained."""

from typing import Any

import numpy as np
import torch
from torch import nn


class StudentWithProjections(nn.Module):
    """A student, and a projection for each of its states that is compared with one of the teacher's.

    Attributes:
        student: a model of `distilbert.nn`.
        state_projections: one for each hidden state that is compared; an identity where the widths are the same.
        vector_projection: of sentence vectors, saved with the student; None where none are compared.
    """

    def __init__(
        self, student: Any, states: int, teacher_dim: int, kept: np.ndarray | None, *, vector_width: int
    ) -> None:
        """`states` hidden states are compared, each with one of the teacher's, of width `teacher_dim`; and sentence
        vectors of `vector_width`, unless that is 0.

        `kept`: int64 [D], the dimensions of the teacher's states that the student's were copied from; None: unknown.
        """
        super().__init__()
        self.student = student
        dim = student.config.dim

        def projection(width: int) -> nn.Module:
            if dim == width:
                return nn.Identity()
            layer = nn.Linear(dim, width)
            with torch.no_grad():
                layer.bias.zero_()
                if kept is not None and width == teacher_dim:  # each dimension starts where it was copied from
                    layer.weight.zero_()[torch.from_numpy(kept), torch.arange(dim)] = 1.0
            return layer

        self.state_projections = nn.ModuleList(projection(teacher_dim) for _ in range(states))
        self.vector_projection = projection(vector_width) if vector_width else None
