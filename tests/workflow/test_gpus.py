"""Jobs that run side by side never hold the same GPU, here two pretended ones; a crashed job gives its GPU back."""

import subprocess
import sys
from pathlib import Path

import pytest
from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, ResourceSettings

from base.jobs import gpu
from tests.places import ROOT

pytestmark = pytest.mark.workflow

SNAKEFILE = """
rule all:
    input: expand("{n}.txt", n=range(6))

rule job:
    output: "{n}.txt"
    resources: gpu=1
    shell: "python job.py {wildcards.n} {output}"
"""
# The first two jobs die in the middle of their work, once, without a chance to clean up.
JOB = """
import os, signal, sys, time
from pathlib import Path
from base.jobs.gpu import one_gpu

number, out = sys.argv[1], Path(sys.argv[2])
with one_gpu("cuda") as device:
    held = Path(f"{device}.held")
    crashed = Path(f"{number}.crashed")
    if int(number) < 2 and not crashed.exists():
        crashed.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    try:
        held.mkdir()
    except FileExistsError:  # another job is at work on this GPU; remembered, since a second try may go well
        Path("overlap").touch()
        raise
    time.sleep(1)
    held.rmdir()
    out.write_text(device)
"""


def test_two_gpus_are_shared_out(tmp_path, monkeypatch):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "job.py").write_text(JOB)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--resources", "gpu=2", "--retries", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert not (tmp_path / "overlap").exists()
    assert {path.name for path in tmp_path.glob("*.crashed")} == {"0.crashed", "1.crashed"}
    used = [(tmp_path / f"{number}.txt").read_text() for number in range(6)]
    assert set(used) == {"cuda:0", "cuda:1"}


@pytest.mark.parametrize(("given", "device", "limit"), [({}, "auto", 2), ({"gpu": 12}, "auto", 12), ({}, "cpu", None)])
def test_no_more_jobs_at_once_than_gpus_unless_somebody_says_so(tmp_path, monkeypatch, given, device, limit):
    for number in range(2):
        (tmp_path / "driver" / str(number)).mkdir(parents=True)
    monkeypatch.setattr(gpu, "DRIVER", tmp_path / "driver")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.chdir(tmp_path)
    with SnakemakeApi() as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=2, resources=given),
            config_settings=ConfigSettings(config={"device": device}, configfiles=[ROOT / "config/demo.yaml"]),
            snakefile=ROOT / "Snakefile",
        )
        workflow.list_rules()
        resources = workflow._workflow.global_resources
        assert (resources["gpu"].value if "gpu" in resources else None) == limit
