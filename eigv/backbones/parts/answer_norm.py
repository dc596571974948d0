"""Batch normalisation of answer heads."""

import torch.nn.functional as F
from torch import Tensor, nn


class AnswerNorm(nn.BatchNorm1d):
    """Batch normalisation; a batch of one row, which has no statistics, is normalised by those of training so far."""

    def forward(self, input: Tensor) -> Tensor:
        """(P, D) to (P, D)."""
        if self.training and len(input) == 1:
            return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(input)
