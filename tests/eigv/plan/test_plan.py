"""Planning imports no torch; paths without a name are patterns; how many threads jobs take."""

import subprocess
import sys

import pytest

from eigv.plan.arguments import flags
from eigv.plan.threads import decoding_threads, network_threads
from tests.eigv.plan.small import plan
from tests.places import ROOT

IMPORTS = """
import sys
from base import settings
from eigv.config.experiment import Config, load
from eigv.plan.plan import Plan

plan = Plan(load(["config/config.yaml"]))
assert len(plan.targets.artefacts()) > 258
try:
    plan.data.raw_annotations("nextqa")
except Exception as error:
    assert type(error).__name__ == "UserError", error
print(*sorted({name.split(".")[0] for name in sys.modules} & {"torch", "torchvision", "transformers", "matplotlib"}))
"""


def test_planning_the_paper_imports_no_torch():
    done = subprocess.run([sys.executable, "-c", IMPORTS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_a_path_without_names_is_a_pattern():
    paths = plan().paths
    assert str(paths.run().metrics) == (
        "results/small/runs/{dataset}/{backbone}/{method}/{features}{point}/seed{seed}/metrics.json"
    )
    assert paths.text() == "results/small/datasets/{dataset}/text/text_{split}.h5"
    assert paths.text("val", "one") == "results/small/datasets/one/text/text_val.h5"
    assert paths.shard("csv", "{{collection}}") == "results/small/videos/{{collection}}/shards/{scatteritem}.csv"


def test_features_are_shared_and_outcomes_are_not():
    paths = plan(output="mine").paths
    assert paths.video("raw").startswith("results/small/") and paths.questions("one").startswith("results/small/")
    outcomes = (
        paths.run("r").path,
        paths.checkpoint("d", "c").path,
        paths.table("md", "t"),
        paths.page("p"),
        paths.report,
    )
    assert all(str(path).startswith("mine/") for path in outcomes)


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (8, 4), (64, 8), (None, 8)])
def test_decoding_leaves_half_of_the_machine(cores, threads):
    assert decoding_threads(cores) == threads


@pytest.mark.parametrize(
    ("cores", "gpus", "shards", "threads"),
    [(8, 0, 2, 2), (2, 0, 16, 1), (64, 0, 16, 2), (16, 1, 16, 8), (16, 4, 16, 3), (None, 4, 16, 8)],
)
def test_networks_share_the_machine(cores, gpus, shards, threads):
    assert network_threads(cores, gpus, shards) == threads


def test_an_option_is_repeated():
    assert flags("--frames", ["a.h5", "b.h5"]) == ["--frames", "a.h5", "--frames", "b.h5"]
