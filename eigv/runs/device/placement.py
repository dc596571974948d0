"""Where the data of a run lie while it is at work: on its GPU where they fit, else in memory, copied a batch ahead.

None of it changes a number. On the processor there is nothing to choose, and nothing is said.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar, cast

import torch

from base.errors import UserError
from eigv.config.choices import DataOn
from eigv.runs.data import Split

log = logging.getLogger(__name__)

SHARE = 0.4
"""Of the memory that is free on the device, what `auto` takes for data: the rest is for steps, and for others."""
VIDEOS = "clip features"
Item = TypeVar("Item")


def place(splits: dict[str, Split], device: str, wanted: DataOn = "auto") -> dict[str, Split]:
    """The splits, by name, with what `wanted` and the device's free memory allow on `device`; one line says what.

    The clip features, which all splits share, are the memory bank too. `UserError` where all of it is to lie on the
    device and does not fit.
    """
    if is_processor(device) or not splits:
        return splits
    videos = next(iter(splits.values())).videos
    needs = {VIDEOS: videos.features.nbytes}
    needs |= {f"token features of {name}": split.tokens.tokens.nbytes for name, split in splits.items()}
    free = free_bytes(device)
    chosen = on_device(needs, free, wanted)
    _say(needs, chosen, device, free, wanted)
    if VIDEOS in chosen:
        videos = replace(videos, features=videos.features.to(device))
    placed = {name: replace(split, videos=videos) for name, split in splits.items()}
    return {
        name: split.with_tokens_on(device) if f"token features of {name}" in chosen else split
        for name, split in placed.items()
    }


def on_device(needs: dict[str, int], free: int, wanted: DataOn) -> set[str]:
    """Which of `needs` (bytes by name, what is worth most first) are to lie on a device that has `free` bytes.

    `auto` takes, in their order, what fits into `SHARE` of it. `UserError` where `device` wants all and that does not
    fit.
    """
    if wanted == "host":
        return set()
    whole = sum(needs.values())
    if wanted == "device":
        if whole > free:
            raise UserError(
                f"training.data_on: device: the data of the run take {_size(whole)}, and {_size(free)} are free on the "
                "device; `auto` leaves in memory what does not fit"
            )
        return set(needs)
    left, chosen = SHARE * free, set()
    for name, size in needs.items():
        if size <= left:
            left -= size
            chosen.add(name)
    return chosen


def ahead(items: Iterator[Item], device: str) -> Iterator[Item]:
    """`items`, each of them made, and sent to the device, while the one before it is at work there.

    On the processor, which would do both, one after the other. What makes them may draw nothing.
    """
    if is_processor(device):
        yield from items
        return

    def begin() -> None:
        if torch.device(device).type == "cuda":
            torch.cuda.set_device(device)  # each thread has a GPU of its own, to which pinned memory belongs

    end = object()
    with ThreadPoolExecutor(1, "batches", begin) as worker:
        coming = worker.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = worker.submit(next, items, end)
            yield cast(Item, item)


def is_processor(device: str) -> bool:
    """Whether `device` works in the memory in which the data lie anyway."""
    return torch.device(device).type == "cpu"


def free_bytes(device: str) -> int:
    """The memory that is free on a GPU."""
    free: int = torch.cuda.mem_get_info(device)[0]
    return free


def _say(needs: dict[str, int], chosen: set[str], device: str, free: int, wanted: DataOn) -> None:
    """What lies where, in a line."""

    def listed(names: list[str]) -> str:
        return ", ".join(f"{name} ({_size(needs[name])})" for name in names) or "nothing"

    there = listed([name for name in needs if name in chosen])
    here = [name for name in needs if name not in chosen]
    copied = f"; in memory, copied a batch ahead: {listed(here)}" if here else ""
    share = f", of which data may take {SHARE:.0%}" if wanted == "auto" else ""
    log.info("data on %s: %s%s (%s were free%s)", device, there, copied, _size(free), share)


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e7 else f"{count / 1e6:.2f} MB"
