"""How many threads a job takes; no number in a result depends on it. Elsewhere than here, a profile says it."""

ELSEWHERE = 8
"""Threads of a job where Snakemake sends jobs to other machines, and so has no cores of its own to share out."""


def decoding_threads(cores: int | None) -> int:
    """Half of this machine, so that the networks have the other half."""
    return max(1, min(8, cores // 2)) if cores else ELSEWHERE


def network_threads(cores: int | None, gpus: int, shards: int) -> int:
    """So many that the networks of all shards run side by side: several of one thread do more than one of several.

    With GPUs, each of which one job holds, so many that as much is left to decode videos meanwhile.
    """
    if not cores:
        return ELSEWHERE
    return max(1, cores // (gpus + 1 if gpus else 2 * shards))
