"""Which video stream of a file is the video: the one that a player shows.

As FFmpeg and players choose: cover pictures never; the stream marked as the default before others; the larger one
before smaller ones; else the first. Thumbnails and other single pictures stand back behind any stream that moves.
"""

import contextlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import av
from av.stream import Disposition
from av.video.stream import VideoStream

STILL = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
ASIDE = Disposition.visual_impaired | Disposition.hearing_impaired | Disposition.dependent | Disposition.dub
"""Marks of streams that a player shows only when asked to."""


def shown(path: Path, streams: Sequence[VideoStream]) -> tuple[VideoStream | None, int]:
    """The stream of a file that a player shows, or None; and how many others there are that are no cover picture."""
    candidates = [stream for stream in streams if not int(stream.disposition) & Disposition.attached_pic]
    if len(candidates) < 2:
        return next(iter(candidates), None), 0
    moving = _moving(path, [stream.index for stream in candidates])
    # The first of several that are alike.
    return max(candidates, key=lambda stream: _rank(stream, stream.index in moving)), len(candidates) - 1


def _moving(path: Path, numbers: list[int]) -> set[int]:
    """Which of the streams have more than one packet. Not every file says how many frames its streams have."""
    seen: Counter[int] = Counter()
    with av.open(str(path), metadata_errors="ignore") as container, contextlib.suppress(av.FFmpegError, OSError):
        for packet in container.demux([container.streams[number] for number in numbers]):
            seen[packet.stream_index] += packet.size > 0
            if all(seen[number] > 1 for number in numbers):
                break
    return {number for number in numbers if seen[number] > 1}


def _rank(stream: VideoStream, moves: bool) -> tuple[bool, bool, bool, int]:
    marks = int(stream.disposition)
    still = bool(marks & STILL) or not moves
    context = stream.codec_context
    return not still, not marks & ASIDE, bool(marks & Disposition.default), context.width * context.height
