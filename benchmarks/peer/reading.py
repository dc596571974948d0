"""How the peer reads: features in memory, the tokens of one question after the other from an HDF5 file.

Sizes: V videos, K clips, Q questions, A candidates, L tokens that a text is padded to.
"""

from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from benchmarks.peer.step import PeerBatch

Question = tuple[Tensor, Tensor, Tensor, int, int]
"""The fields of `PeerBatch`, of one question."""


class PerQuestion(Dataset[Question]):
    """Questions with their features; the file of tokens is opened anew for each."""

    def __init__(self, features: Tensor, video_row: list[int], answers: list[int], tokens: Path) -> None:
        """features (V, K, Dv) float32; the dataset `feat` of `tokens` is (Q, A, L, Dt) or (Q, L, Dt)."""
        self.features = {str(row): video for row, video in enumerate(features.numpy())}
        self.video_row, self.answers, self.tokens = video_row, answers, tokens

    def __len__(self) -> int:
        return len(self.answers)

    def __getitem__(self, number: int) -> Question:
        """One question."""
        with h5py.File(self.tokens, "r") as file:
            tokens = torch.from_numpy(file["feat"][number].astype(np.float32))
        lengths = (tokens.sum(-1) != 0).sum(-1)
        row = self.video_row[number]
        return torch.from_numpy(self.features[str(row)]), tokens, lengths, row, self.answers[number]


def loader(questions: PerQuestion, batch: int) -> DataLoader[Question]:
    """Batches of questions, in the same process, in random order."""
    return DataLoader(questions, batch, shuffle=True, drop_last=True, collate_fn=_collate)


def _collate(items: list[Question]) -> PeerBatch:
    return PeerBatch(*default_collate(items))
