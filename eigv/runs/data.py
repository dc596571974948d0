"""Questions with their features, joined by id and checked, and dealt out in batches.

Sizes: B batch, K clips, L tokens, A candidates, D widths.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from base.answers import comparable
from base.errors import UserError
from base.formats.questions import CANDIDATES, read_annotations
from base.formats.statuses import FAILED
from base.formats.token_features import LAYOUT, TokenFeatures, text_sha256
from base.formats.video_features import VideoFeatures
from base.formats.vocabulary import class_numbers, read_vocabulary
from base.tensors import moved
from eigv.backbones import ClipWidths
from eigv.config.names import PARTS, Exclude
from eigv.method.batch import Batch
from eigv.rationales.clips import gold_clips
from eigv.runs.exclusions import Exclusions, own_videos, sharing_answers

CHUNK = 2**16
"""Tokens that are sent to a device at once."""


@dataclass(frozen=True)
class Videos:
    """The clip features of a collection, as one run sees them."""

    store: VideoFeatures
    """With views of `features`."""
    features: Tensor
    """(N, K, D) in the type that the file has: appearance, motion or both side by side. In memory or on a device."""
    widths: ClipWidths
    """Of each kind; 0 for one that the run does not use."""

    @classmethod
    def read(cls, path: Path, choice: str) -> "Videos":
        """Reads `video.h5` and takes the features of `choice`; `UserError` where it lacks some.

        That is app, mot or app+mot, or streams by their names (`eigv.backbones.registry.streams_of`).
        """
        streams = PARTS.get(choice) or sorted(choice.split("+"), key=ClipWidths._fields.index)  # as they are laid out
        store = VideoFeatures.read(path, streams)
        if absent := [kind for kind, values in store.features.items() if 0 in values.shape[2:]]:
            raise UserError(f"{path} has no {' and no '.join(absent)} features, which a run with {choice} reads")
        shapes = {kind: values.shape[2:] for kind, values in store.features.items()}
        widths = {kind: shape[0] for kind, shape in shapes.items() if len(shape) == 1}
        features = torch.from_numpy(store.joined)
        sizes = {"appearance": 0, "motion": 0} | widths | {k: s for k, s in shapes.items() if len(s) > 1}
        return cls(store, features, ClipWidths(**sizes, clips=features.shape[1]))

    def of(self, rows: NDArray[np.int64]) -> Tensor:
        """The features of some videos, (B, K, D) float32, where the features are."""
        return self.features.index_select(0, moved(torch.from_numpy(rows), self.features.device)).float()


@dataclass(frozen=True)
class Split:
    """The questions of one split that have features."""

    table: pd.DataFrame
    """In the columns of the annotation contract."""
    videos: Videos
    video_row: NDArray[np.int64]
    """Of each question, the row of its video in `videos`."""
    tokens: TokenFeatures
    token_row: NDArray[np.int64]
    """Of each question, its number in `tokens`."""
    answers: NDArray[np.int64]
    """Of each question, its right candidate or class; -1 outside the vocabulary."""
    left_out: int
    """Questions whose video has no features (status failed) or, in training, no answer in the vocabulary."""
    gold: NDArray[np.bool_] | None = None
    """(Q, K) the clips of the gold spans, where they were asked for."""
    tokens_on_device: Tensor | None = None
    """The rows of `tokens` once more, (sum of lengths, D), where they lie on a device too."""

    @classmethod
    def read(cls, name: str, questions: Path, text: Path, videos: Videos, *, training: bool) -> "Split":
        """Joins the annotations, token features and video features of the split `name`; `UserError` for gaps."""
        table = read_annotations(questions / f"{name}.csv")
        tokens = TokenFeatures.read(text / f"text_{name}.h5")
        vocabulary = read_vocabulary(questions)
        _refuse_other_texts(table, tokens)
        candidates = len(CANDIDATES) if CANDIDATES[0] in table.columns else 1
        if tokens.sequences - tokens.apart != candidates:
            raise UserError(f"{tokens.path} holds {tokens.sequences} sequences a question, expected {candidates}")
        video_row = _rows(table, "video_id", videos.store.ids, f"{videos.store.path} has no features for")
        token_row = _rows(table, "qid", tokens.qids, f"{tokens.path} has no token features for")
        if candidates > 1:
            answers = table["answer"].astype(int).to_numpy()
        else:
            answers = np.array(class_numbers(table["answer"], vocabulary, training=training))
        failed = np.array([status == FAILED for status in videos.store.status], dtype=bool)
        kept = ~failed[video_row]
        if training:
            kept &= answers >= 0
        if not kept.any():
            raise UserError(f"the split {name} has no question that can be used")
        return cls(
            table[kept].reset_index(drop=True),
            videos,
            video_row[kept],
            tokens,
            token_row[kept],
            answers[kept].astype(np.int64),
            int((~kept).sum()),
        )

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def _qids(self) -> NDArray[np.object_]:
        return self.table["qid"].to_numpy(object)

    @property
    def candidates(self) -> int:
        """A: 5 for multiple choice, 1 for open-ended."""
        return self.tokens.sequences - self.tokens.apart

    @property
    def about(self) -> dict[str, Any]:
        """Of the train split, for records: what the features were made with, and how many questions there are."""
        video, text = self.videos.store.attributes, self.tokens.attributes
        return {
            "appearance": video["appearance_network"],
            "motion": video["motion_network"],
            "sampling": video["sampling"],
            "text_encoder": text["encoder"],
            "train_questions": len(self),
            "train_questions_left_out": self.left_out,
        }

    def made_by(self, questions: Path, text: Path) -> dict[str, Any]:
        """The settings that the features were made by, and the places, as they were given, of what made the tokens."""
        video, said = self.videos.store.attributes, self.tokens.attributes
        return {
            "features": None if "imported" in video else video["config"],
            "text": {name: said.get(name) for name in ("encoder", "length", "truncate", "layer", "finetuning")}
            | ({LAYOUT: "apart"} if self.tokens.apart else {}),
            "questions": str(questions),
            "encoder": str(text / "encoder"),
        }

    def bank(self, exclude: Exclude) -> tuple[Tensor, Exclusions]:
        """For the memory bank: the rows (V,) of the split's videos among all, and what each question excludes of them.

        `UserError` where two questions together would exclude every video.
        """
        rows, own = np.unique(self.video_row, return_inverse=True)
        if exclude == "own-videos":
            return torch.from_numpy(rows), own_videos(own)
        exclusions = sharing_answers(self._answer_texts().map(comparable), own)
        if counts := exclusions.cover(len(rows)):
            raise UserError(
                f"disruptor.exclude: two answers are shared by {counts[0]} and {counts[1]} of {len(rows)} training "
                "videos, all of them together, so a sample and its partner would leave no video for substitutes; use "
                "`own-videos`"
            )
        return torch.from_numpy(rows), exclusions

    def _answer_texts(self) -> pd.Series:
        """Of each question, the right answer in words."""
        if self.candidates == 1:
            return self.table["answer"]
        words = self.table[list(CANDIDATES)].to_numpy()
        return pd.Series(words[np.arange(len(self)), self.answers])

    def only(self, kept: NDArray[np.bool_]) -> "Split":
        """The questions where `kept` (Q,), in their order."""
        rows = {name: getattr(self, name)[kept] for name in ("video_row", "token_row", "answers")}
        table = self.table.iloc[np.flatnonzero(kept)].reset_index(drop=True)
        return replace(self, table=table, gold=None if self.gold is None else self.gold[kept], **rows)

    def with_gold(self, spans: Mapping[str, Sequence[Sequence[float]]]) -> "Split":
        """The questions that have a clip within their gold spans, with these clips; `UserError` where there is none."""
        gold = self._gold_clips(spans)
        kept = np.asarray(gold.any(axis=1))
        left_out = self.left_out + int((~kept).sum())
        return replace(self, gold=gold, left_out=left_out).only(kept)

    def with_labels(self, spans: Mapping[str, Sequence[Sequence[float]]], share: float, seed: int) -> "Split":
        """All questions, with the gold clips of those about a `share` of the videos, at least one, drawn by `seed`; the
        others have none. `UserError` as of `with_gold`."""
        gold = self._gold_clips(spans)
        videos = np.unique(self.video_row[gold.any(axis=1)])
        drawn = np.random.default_rng(seed).permutation(videos)[: max(1, round(share * len(videos)))]
        return replace(self, gold=gold & np.isin(self.video_row, drawn)[:, None])

    def _gold_clips(self, spans: Mapping[str, Sequence[Sequence[float]]]) -> NDArray[np.bool_]:
        """(Q, K) of each question; `UserError` where no question has one."""
        of_questions = [[(start, end) for start, end in spans.get(str(qid), [])] for qid in self.table["qid"]]
        gold = gold_clips(self.videos.store.frame_time[self.video_row], of_questions)
        if not gold.any():
            raise UserError("no question of the split has a clip within the gold spans, or its clips have no times")
        return gold

    @cached_property
    def longest(self) -> NDArray[np.int64]:
        """(Q,) of each question, the tokens of the longest of its texts."""
        return np.diff(self.tokens.offsets).reshape(-1, self.tokens.sequences).max(axis=1)[self.token_row]

    def batches(self, size: int, order: Tensor | None = None, excluded: Exclusions | None = None) -> Iterator[Batch]:
        """Batches of questions, in the split's order or in `order`."""
        numbers = np.arange(len(self)) if order is None else order.numpy()
        for start in range(0, len(numbers), size):
            yield self.batch(numbers[start : start + size], excluded)

    def batch(
        self, questions: NDArray[np.int64], excluded: Exclusions | None = None, share_videos: bool = False
    ) -> Batch:
        """One batch; texts are padded to the longest in it. `share_videos`: each video is in it once, by its row."""
        texts, lengths = self._texts(self.token_row[questions])
        alone: dict[str, Tensor] = {}
        if self.tokens.apart:
            (asked, texts), (of_asked, lengths) = (_first_and_others(x, len(questions)) for x in (texts, lengths))
            alone = {"questions": asked, "question_lengths": of_asked}
        rows = np.full((len(questions), 1), -1) if excluded is None else excluded.of(questions)
        videos, of = self.video_row[questions], None
        if share_videos:
            videos, of = np.unique(videos, return_inverse=True)
        return Batch(
            video=self.videos.of(videos),
            tokens=texts,
            lengths=lengths,
            **alone,
            answer=torch.from_numpy(self.answers[questions]),
            excluded=torch.from_numpy(rows.astype(np.int64)),
            candidates=self.candidates,
            qids=self._qids[questions].tolist(),
            video_row=None if of is None else torch.from_numpy(of),
            gold=None if self.gold is None else torch.from_numpy(self.gold[questions]),
        )

    def with_tokens_on(self, device: str) -> "Split":
        """The split with its token features on `device`, from which batches then take them."""
        tokens = torch.empty(self.tokens.tokens.shape, dtype=torch.float16, device=device)
        for start in range(0, len(tokens), CHUNK):  # mapped from the file, they need not be in memory whole
            tokens[start : start + CHUNK] = torch.from_numpy(self.tokens.tokens[start : start + CHUNK].copy())
        return replace(self, tokens_on_device=tokens)

    def _texts(self, questions: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Token features (B * A, L, D) float32 of questions by their numbers in `tokens`, padded, and the lengths."""
        if self.tokens_on_device is None:
            padded, lengths = self.tokens.batch(questions)
            return torch.from_numpy(padded).float(), torch.from_numpy(lengths)
        places, lengths = self.tokens.places(questions)
        rows = moved(torch.from_numpy(places), self.tokens_on_device.device)
        found = self.tokens_on_device.index_select(0, rows.clamp_min(0).flatten()).view(*rows.shape, -1)
        return found.masked_fill((rows < 0)[:, :, None], 0).float(), torch.from_numpy(lengths)


def _first_and_others(sequences: Tensor, questions: int) -> tuple[Tensor, Tensor]:
    """Of the sequences (B * A, ...) of each question the first (B, ...), and the others (B * (A - 1), ...)."""
    each = sequences.unflatten(0, (questions, -1))
    return each[:, 0], each[:, 1:].flatten(0, 1)


def _refuse_other_texts(table: pd.DataFrame, tokens: TokenFeatures) -> None:
    """`UserError` where the features are of other texts than the questions that now go by their ids.

    The file knows the texts of all its questions as one; where only some of them are used (imported features of a data
    set with videos that are left out), it cannot be told.
    """
    stored = tokens.attributes.get("text_sha256")
    if stored is None or set(tokens.qids) != set(table["qid"]):
        return
    in_order = table.set_index("qid").loc[tokens.qids].reset_index()
    if text_sha256(in_order) != stored:
        raise UserError(
            f"{tokens.path} was made from other texts than these annotations have under the same question ids: make it "
            "again from them"
        )


def _rows(table: pd.DataFrame, column: str, ids: list[str], problem: str) -> NDArray[np.int64]:
    """The position of each row's id in `ids`."""
    position = {name: row for row, name in enumerate(ids)}
    absent = [name for name in table[column].unique() if name not in position]
    if absent:
        more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
        raise UserError(f"{problem} {', '.join(map(str, absent[:5]))}{more}; make them again from these annotations")
    return np.array([position[name] for name in table[column]], dtype=np.int64)
