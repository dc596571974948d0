"""The disruptor: contrastive twins of the intervened samples (section 4.3, Eq. 15-17).

Sizes: B batch, K clips, Dv width of the clip features, N negatives of each kind for an anchor.
"""

import torch
from torch import Tensor

from eigv.method.draws import Draws
from eigv.method.grounding import Scene
from eigv.method.memory_bank import draw_others


def positive_video(video: Tensor, scene: Scene, substitutes: Tensor) -> Tensor:
    """v+ (B, K, Dv) of Eq. 16: the environment scene of `video` (B, K, Dv) gives way to `substitutes` (B, K, Dv)."""
    causal, _ = scene.split(video)
    _, environment = scene.split(substitutes)
    return causal + environment


def negative_videos(video: Tensor, scene: Scene, substitutes: Tensor) -> Tensor:
    """v- (B, N, K, Dv) of Eq. 17: the causal scene of `video` (B, K, Dv) gives way to `substitutes` (B, N, K, Dv)."""
    _, environment = scene.split(video)
    return environment[:, None] + scene.causal[:, None, :, None] * substitutes


def permuted_questions(size: int, negatives: int, draws: Draws) -> Tensor:
    """Rows (B, N), on the host, of the questions q_r as the official code draws them: N copies of all, permuted.

    An anchor may meet its own question.
    """
    return (draws.permutation(negatives * size) % size).view(negatives, size).T


def shuffle_owners(of_videos: Tensor, of_questions: Tensor) -> tuple[Tensor, Tensor]:
    """The pairs (B, M) of all anchors dealt out as in the official code, M = 2N or N.

    There the negatives lie number by number and are read anchor by anchor, so that most anchors are contrasted with
    negatives of other samples.
    """
    rows, columns = of_videos.shape
    return of_videos.T.reshape(rows, columns), of_questions.T.reshape(rows, columns)


def other_questions(own: Tensor, negatives: int, draws: Draws) -> Tensor:
    """Rows (B, N) of the questions q_r of Eq. 17: uniform over the batch but for `own` (B, E), the anchor's.

    `own` are the rows of the anchor's own sample and of its partner in the mix, which may be the same. Where one anchor
    has all of the batch (a batch of one, or a pair that is mixed), nobody has a negative of this kind: (B, 0). On the
    host, as is `own`.
    """
    size = len(own)
    if size <= own.shape[1] and any(len(row.unique()) == size for row in own):
        return torch.empty(size, 0, dtype=torch.int64, device=own.device)
    return draw_others(own, size, 1, (negatives,), draws)
