"""Which training videos may not give substitutes for a question: its own, or all that share its answer (footnote 1).

Sizes: Q questions, V training videos, G groups of questions, E videos that a group excludes, at most.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class Exclusions:
    """Excluded videos, as numbers in 0..V-1, group by group, since many questions share them."""

    groups: NDArray[np.int64]
    """(G, E) the videos of each group, -1 where they are fewer."""
    group: NDArray[np.int64]
    """(Q,) the group of each question."""

    def of(self, questions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The videos (n, E) that each of `questions` (n,) excludes, -1 where they are fewer."""
        return self.groups[self.group[questions]]

    def cover(self, videos: int) -> tuple[int, int] | None:
        """The sizes of two groups that together exclude all `videos`, V; None if there are no such."""
        counts = (self.groups >= 0).sum(axis=1)
        large = self.groups[counts + counts.max() >= videos]
        there = np.zeros((len(large), videos + 1), dtype=bool)
        np.put_along_axis(there, large, values=True, axis=1)
        there = there[:, :videos]  # without -1, which stands in the last column
        for row in there:
            both = (there | row).all(axis=1)
            if both.any():
                return int(row.sum()), int(there[both.argmax()].sum())
        return None


def own_videos(video: NDArray[np.int64]) -> Exclusions:
    """Each question excludes its own video, `video` (Q,)."""
    return Exclusions(np.arange(video.max() + 1)[:, None], video)


def sharing_answers(answers: pd.Series, video: NDArray[np.int64]) -> Exclusions:
    """Each question excludes the videos of all questions with its answer; `answers` in words and `video` (Q,)."""
    of_answer = pd.DataFrame({"answer": answers.to_numpy(), "video": video}).groupby("answer")["video"].unique()
    groups = np.full((len(of_answer), of_answer.map(len).max()), -1, np.int64)
    for row, videos in enumerate(of_answer):
        groups[row, : len(videos)] = videos
    return Exclusions(groups, of_answer.index.get_indexer(pd.Index(answers)).astype(np.int64))
