from itertools import combinations, pairwise

import pytest
import torch

from eigv.backbones.parts.buckets import Buckets


def _cost(cuts: list[tuple[int, int]], beside: int, overhead: int) -> int:
    return sum((rows + overhead) * (longest + beside) for rows, longest in cuts)


@pytest.mark.parametrize(("beside", "overhead"), [(0, 0), (0, 2), (3, 4), (1, 50)])
def test_the_cuts_are_the_cheapest_of_all(beside: int, overhead: int) -> None:
    lengths = torch.tensor([3, 9, 1, 4, 4, 8, 2, 9, 3, 1])
    buckets = Buckets(lengths, 12, beside=beside, overhead=overhead)
    found = [(bucket.rows.stop - bucket.rows.start, bucket.longest) for bucket in buckets]
    ordered, present = lengths.sort().values.tolist(), sorted(set(lengths.tolist()))
    every = []
    for count in range(len(present)):
        for ends in combinations(present[:-1], count):
            edges = [0, *ends, present[-1]]
            every.append([(sum(low < n <= high for n in ordered), high) for low, high in pairwise(edges)])
    assert found in every
    assert _cost(found, beside, overhead) == min(_cost(cuts, beside, overhead) for cuts in every)


def test_no_row_is_longer_than_its_bucket_and_all_find_their_places_again() -> None:
    lengths = torch.randint(1, 20, (50,), generator=torch.Generator().manual_seed(0))
    buckets = Buckets(lengths, 25, beside=0, overhead=1)
    ordered = buckets.sort(lengths)
    assert len(list(buckets)) > 1
    assert sum(len(ordered[bucket.rows]) for bucket in buckets) == 50
    for bucket in buckets:
        assert int(ordered[bucket.rows].max()) == bucket.longest
    assert torch.equal(buckets.restore(ordered), lengths)
