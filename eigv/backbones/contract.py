"""What a VideoQA model must offer for EIGV to wrap it.

Sizes: B videos, K clips, T texts, L tokens, D width of the encoded features, R width of an answer representation,
P pairs of a video and a text.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, Generic, Literal, NamedTuple, Self, TypeVar

import torch
from torch import Tensor, nn

from base.errors import UserError
from base.settings import Settings

NO_SUBSETS = (
    "cannot leave out clips of a video (`drops_clips`), as the method igv and `inference.environment: dropped` need; "
    "take another backbone, or another method"
)
"""What a backbone is refused for that encodes whole videos alone."""
NO_PARTS = (
    "reads question and candidate as one text, and these token features hold them apart; make them again with "
    "`text.layout: joint`"
)
"""What a backbone is refused for that encodes joint texts."""


def kept_first(keep: Tensor) -> Tensor:
    """The numbers of the clips (B, K), those that `keep` (B, K) bool names first, in their order."""
    return (~keep).long().argsort(dim=1, stable=True)


def stretched(clips: Tensor, keep: Tensor) -> Tensor:
    """The clips (B, K, E) that `keep` (B, K) bool names, each as often as makes K of them, as evenly as can be."""
    K = keep.shape[1]
    slot = torch.arange(K, device=keep.device) * keep.sum(dim=1, keepdim=True) // K
    chosen = kept_first(keep).gather(1, slot)
    return clips.gather(1, chosen[..., None].expand_as(clips))


class _Rows:
    """Row-wise handling of a dataclass of tensors that share their first dimension; subclasses may add fields."""

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return {name: tensor for name, tensor in tensors.items() if tensor is not None}

    def select(self, index: Tensor) -> Self:
        """The rows that `index` (n,) names."""
        return type(self)(**{name: tensor[index] for name, tensor in self._tensors().items()})

    @classmethod
    def cat(cls, parts: Sequence[Self]) -> Self:
        """All rows of `parts`, one part after another; the parts agree in their class and in all other sizes."""
        if len(parts) == 1:
            return parts[0]
        names = parts[0]._tensors()
        return type(parts[0])(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})


@dataclass(frozen=True)
class Clips(_Rows):
    """Encoded videos. A backbone that needs more of them adds fields in a subclass."""

    local: Tensor  # (B, K, D), one row a clip: what the grounding indicator looks at
    mask: Tensor | None = field(default=None, kw_only=True)  # (B, K) bool, which rows are there; None: all

    @classmethod
    def cat(cls, parts: Sequence[Self]) -> Self:
        """As of all rows; some of the parts may have a mask and others none."""
        if any(part.mask is not None for part in parts):
            masks = [part.local.new_ones(part.local.shape[:2], dtype=torch.bool) for part in parts if part.mask is None]
            parts = [part if part.mask is not None else replace(part, mask=masks.pop(0)) for part in parts]
        return super().cat(parts)


@dataclass(frozen=True)
class Tokens(_Rows):
    """Encoded texts. A backbone that needs more of them adds fields in a subclass."""

    pooled: Tensor  # (T, D), what the grounding indicator asks with

    def mix(self, other: Self, ratio: Tensor, keep_length: bool = False) -> Self:
        """Eq. 11: ratio * self + (1 - ratio) * other, text by text, `ratio` (T,).

        A mixed text is as long as the longer of the two: fields of bool, masks, are joined, so no token is lost. With
        `keep_length` it is as long as the one of `self`, as in the official code: masks are those of `self`.
        """

        def mixed(a: Tensor, b: Tensor) -> Tensor:
            if a.dtype == torch.bool:
                return a if keep_length else a | b
            weight = ratio.to(a.dtype).view(-1, *[1] * (a.dim() - 1))
            return weight * a + (1 - weight) * b

        theirs = other._tensors()
        return type(self)(**{name: mixed(tensor, theirs[name]) for name, tensor in self._tensors().items()})


class ClipWidths(NamedTuple):
    """The sizes of the streams of clip features, which stand side by side in a video (B, K, Dv), in this order.

    One that a run does not use is 0 wide.
    """

    appearance: int
    motion: int
    frames: tuple[int, int] = (0, 0)
    """The vectors of single frames: how many a clip has, and their width."""
    clips: int = 0
    """K, for backbones whose parameters depend on it; 0: not said."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """What a clip has of each stream."""
        return {"appearance": (self.appearance,), "motion": (self.motion,), "frames": tuple(self.frames)}

    @property
    def total(self) -> int:
        """Dv."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def described(self) -> dict[str, object]:
        """Its fields; of features without frames, the widths of both kinds alone."""
        kinds: dict[str, object] = {"appearance": self.appearance, "motion": self.motion}
        return kinds | {"frames": self.frames, "clips": self.clips} if self.frames[0] else kinds

    def views(self, video: Tensor) -> dict[str, Tensor]:
        """The streams of clip features (..., K, Dv): (..., K, *shape) each; without those that are not used."""
        parts = video.split([math.prod(shape) for shape in self.shapes.values()], dim=-1)
        each = zip(self.shapes.items(), parts, strict=True)
        return {name: part.unflatten(-1, shape) for (name, shape), part in each if part.shape[-1]}


C = TypeVar("C", bound=Clips)
T = TypeVar("T", bound=Tokens)


class Backbone(nn.Module, ABC, Generic[C, T]):
    """A VideoQA model without its heads.

    Three steps, so that what depends on one video or on one text is computed once however many pairs share it.
    In evaluation, neither padding nor the other rows of a batch may change a row's result.
    It is built by `__init__(settings, clip_widths, token_width)` with `settings` of `settings_type`.
    """

    settings_type: ClassVar[type[Settings]] = Settings
    """Its settings, each with a default or required; none, unless a backbone has some."""

    streams: ClassVar[tuple[str, ...]] = ("appearance", "motion")
    """The streams of clip features that it reads (`ClipWidths`); a run loads no others."""

    texts: Literal["joint", "apart"] = "joint"
    """What the texts of multiple choice are: question and candidate together, or each by itself (`encode_apart`)."""

    width: int
    """D, the width of `Clips.local` and `Tokens.pooled`."""

    contrast_reaches_answer_head: bool = False
    """Whether contrasted pairs also pass the answer head in training, for statistics that it keeps."""

    drops_clips: bool = False
    """Whether `encode_kept` encodes parts of videos; it need not."""

    weighs_clips: bool = False
    """Whether `clip_weights` says how much each clip weighs; it need not."""

    @property
    def answer_width(self) -> int:
        """R, the width of an answer representation; D unless a backbone says otherwise."""
        return self.width

    @abstractmethod
    def encode_clips(self, video: Tensor) -> C:
        """Encodes clip features `video` (B, K, Dv)."""

    def map_clips(self, video: Tensor) -> Tensor:
        """What encoding does first to the features of each clip, (..., K, Dv) to (..., K, E), if it is linear.

        Without a bias, so that of scenes that are mixed the maps are mixed instead, and features, which are wide, are
        mapped once. By default nothing is done.
        """
        return video

    def encode_mapped(self, mapped: Tensor) -> C:
        """What `encode_clips` does after `map_clips`, (B, K, E)."""
        return self.encode_clips(mapped)

    def encode_kept(self, mapped: Tensor, keep: Tensor) -> C:
        """What `map_clips` gives, (B, K, E), of which only the clips `keep` (B, K) bool are there, in their order.

        At least one a row is; the others have no influence, whatever stands in their place. A backbone that can leave
        out clips says so with `drops_clips`.
        """
        raise UserError(f"the backbone {type(self).__name__} {NO_SUBSETS}")

    @abstractmethod
    def encode_tokens(self, tokens: Tensor, lengths: Tensor) -> T:
        """Encodes token features `tokens` (T, L, Dt), of which the first `lengths` (T,), on the host, are valid."""

    def encode_apart(self, questions: Tensor, of_questions: Tensor, candidates: Tensor, of_candidates: Tensor) -> T:
        """Encodes candidates (T, L, Dt) and their questions (B, L', Dt), A candidates each: T rows.

        `of_questions` (B,) and `of_candidates` (T,) are their lengths. What holds a question stands in the rows of all
        its candidates. Only for a backbone whose `texts` are apart.
        """
        raise UserError(f"the backbone {type(self).__name__} {NO_PARTS}")

    @abstractmethod
    def fuse(self, clips: C, tokens: T, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """Answer representations (P, R) of the pairs of video `clip_index` (P,) and text `token_index` (P,)."""

    def clip_weights(self, clips: C, tokens: T, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """How much each clip weighs in what `fuse` gives for the pairs: (P, K), not negative, at most 1 in all.

        Only for explanations. A backbone that has such weights says so with `weighs_clips`.
        """
        raise NotImplementedError(f"{type(self).__name__} weighs no clips")

    def answer_head(self, outputs: int) -> nn.Module:
        """A new head that maps answer representations (P, R) to logits (P, `outputs`): linear, unless overridden."""
        return nn.Linear(self.answer_width, outputs)

    def projection_head(self) -> nn.Module:
        """A new head that maps answer representations (..., R) to the vectors that are contrasted: W ReLU(z) + b."""
        return nn.Sequential(nn.ReLU(), nn.Linear(self.answer_width, self.answer_width))
