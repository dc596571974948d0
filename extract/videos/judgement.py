"""What is said of a video that can be decoded: its status, and remarks on what was found or assumed."""

import pandas as pd

from base.formats.statuses import CUT, DAMAGED, FAILED, MISSING, OK, SHORT
from extract.config import SamplingSettings, VideoCollection
from extract.videos.survey import Survey


def judge(seen: Survey, sampling: SamplingSettings) -> tuple[str, str]:
    """The status of a file that can be decoded, and what is to be said of it."""
    status, reasons = OK, list(seen.remarks)
    if seen.frames < sampling.frames:
        status = SHORT
        reasons.append(f"{seen.frames} frames, a clip has {sampling.frames}: the last one is repeated")
    if seen.passed_over:
        status = CUT
        reasons.append(f"the file begins with {seen.passed_over} packets that cannot be decoded")
    if seen.breaks_off:
        status = CUT
        reasons.append(f"the file breaks off after {seen.frames} frames: {seen.breaks_off}")
    if seen.damaged or seen.lost:
        status = status if seen.breaks_off else DAMAGED
        held = f"{seen.frames} frames can be decoded ({seen.damaged} of them damaged)"
        reasons.append(f"the file is damaged: {held} and {seen.lost} cannot")
    return status, "; ".join(reasons)


def policy(status: str, collection: VideoCollection) -> str:
    """What a collection does with a video of this status: `use`, `skip`, `zeros` or `error`."""
    policies = {
        MISSING: collection.missing,
        FAILED: collection.unreadable,
        CUT: collection.damaged,
        DAMAGED: collection.damaged,
    }
    return policies.get(status, "use")


def leave_out(manifest: pd.DataFrame, collection: VideoCollection) -> pd.Series:
    """Which rows the policy leaves out: no features are made for them and their questions are not used."""
    return manifest["status"].map(lambda status: policy(status, collection) == "skip").astype(bool)
