"""The demo's DAG through the SLURM profile as it stands, on a real SLURM: its daemons, on this machine alone."""

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from tests.cluster import slurm
from tests.places import ROOT
from tests.workflow.tiny import CONFIG, snakemake

RESULTS = ROOT / "results/cluster"
GPU_RULES = {"features", "finetune", "tokens", "tokens_of_shifted_test", "train", "evaluate", "evaluate_shifted"}
CPU_RULES = {"probe", "decode", "merge", "pictures_rationale"}  # the last is a group: two pictures, one job
PROFILE = ROOT / "profiles/slurm"
# Looks at the queue that suit short jobs.
SHORT = ["--slurm-init-seconds-before-status-checks", "5", "--max-status-checks-per-second", "1"]
# As many threads as a local run's, since they decide the order of sums.
THREADS = ["--set-threads", "features=1", "decode=1", "finetune=2", "tokens=2", "tokens_of_shifted_test=2"]
THERE = "results=results/cluster"
PATIENT = Path("runs/demo-oe/patient/erm/app+mot")
pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    if reason := slurm.missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("slurm")
    with slurm.running(folder) as cluster:
        del cluster.environment["SNAKEMAKE_PROFILE"]  # with locks, as a user's
        cluster.environment["PATH"] = f"{Path(sys.executable).parent}:{cluster.environment['PATH']}"
        yield cluster
        RESULTS.mkdir(parents=True, exist_ok=True)
        for log in ("slurmctld.log", "slurmd.log"):
            shutil.copy(folder / log, RESULTS / log)


@pytest.fixture(scope="module")
def jobs(cluster, tiny_demo, tmp_path_factory):
    """The jobs that made Table 1 and two pictures there, those of decoding as an array.

    One shard's job was killed, as by a node that fails.
    """
    shutil.rmtree(RESULTS, ignore_errors=True)
    killer = threading.Thread(target=kill_first, args=(cluster, "features"), daemon=True)
    killer.start()
    profile = edited(tmp_path_factory.mktemp("profile"), ARRAYS="decode")
    done = subprocess.run(
        [*snakemake_with(profile), "table1", "figure6", "figure6-open-ended", *THREADS, *CONFIG, "--config", THERE],
        cwd=ROOT,
        env=cluster.environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=slurm.interrupted_with_parent,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    assert not killer.is_alive()
    return cluster.jobs()


def snakemake_with(profile: Path) -> list[str]:
    return [sys.executable, "-m", "snakemake", "--workflow-profile", str(profile), *SHORT]


def edited(folder: Path, **lines: str | int) -> Path:
    """A copy of the profile with some of its lines edited, as docs/cluster.md says; its folder."""
    text = (PROFILE / "profile.yaml").read_text()
    for name, value in lines.items():
        text, count = re.subn(rf"^  - {name} = (\S+)", f"  - {name} = {json.dumps(value)}", text, flags=re.MULTILINE)
        assert count == 1
    (folder / "profile.yaml").write_text(text)
    return folder


def show(jobs: list[slurm.Job], capsys: pytest.CaptureFixture[str]) -> None:
    """Writes jobs into the log of the tests, passed or not."""
    with capsys.disabled():  # to stderr, which a worker of pytest-xdist has as well
        print("\njobs of a real SLURM: number, partition, GPUs, time limit, state, restarts, name", file=sys.stderr)
        for job in jobs:
            line = f"{job.number:>3} {job.partition} {job.gpus} GPU {job.minutes:>4} min {job.state:<9} {job.restarts}"
            print(f"  {line} {job.name} {job.task and f'({job.task} of an array)'}".rstrip(), file=sys.stderr)


def kill_first(cluster: slurm.Cluster, rule: str) -> None:
    """Kills the first job of a rule that is seen at work."""
    job = at_work(cluster, rule)
    cluster.ask("scancel", "--signal=KILL", "--full", job.handle)


def at_work(cluster: slurm.Cluster, text: str) -> slurm.Job:
    """The first job with a text in its name that is seen at work."""

    def seen() -> list[slurm.Job]:
        return [job for job in cluster.jobs() if text in job.name and job.state == "RUNNING"]

    return slurm.wait_until(seen, 300, text)[0]


def state_of(cluster: slurm.Cluster, job: slurm.Job) -> str:
    return next(found.state for found in cluster.jobs() if found.number == job.number)


def test_every_job_ran_where_its_rule_belongs(jobs, capsys):
    show(jobs, capsys)
    assert {job.rule for job in jobs} == GPU_RULES | CPU_RULES
    for job in jobs:
        assert (job.partition, job.gpus) == (("gpu", 1) if job.rule in GPU_RULES else ("cpu", 0)), job


def test_jobs_of_the_rules_that_the_profile_names_went_as_arrays(jobs):
    assert [job.rule for job in jobs if job.task] == ["decode", "decode"]
    assert sum(job.rule == "decode" for job in jobs) == 2


def test_one_shard_was_made_again_and_no_other(jobs):
    times = Counter(job.name for job in jobs if not job.task)
    again = [name for name, count in times.items() if count > 1]
    assert len(again) == 1 and times[again[0]] == 2
    first, second = (job for job in jobs if job.name == again[0])
    assert first.rule == "features" and first.state != "COMPLETED" and second.state == "COMPLETED"
    assert second.minutes == 2 * first.minutes  # more at each attempt


def test_results_equal_a_local_run_s(jobs, tiny_demo):
    names = ("metrics.json", "predictions.csv", "history.csv", "model.safetensors", "video.h5", "text_*.h5")
    found = [path for name in names for path in RESULTS.rglob(name)]
    assert len(found) > 4 * 4
    for path in found:
        assert path.read_bytes() == (tiny_demo / path.relative_to(RESULTS)).read_bytes(), path
    there, here = (pd.read_csv(folder / "tables/table1.csv") for folder in (RESULTS, tiny_demo))
    about = ["runs", "code", "notes"]  # the folder of a run, and the commit that made it
    pd.testing.assert_frame_equal(there.drop(columns=about), here.drop(columns=about))


def patient_runs(results: str) -> tuple[Path, list[str]]:
    """The folder of the two patient runs on the features of `results`, and what makes them, for Snakemake."""
    out = Path(f"{results}-patient")
    shutil.rmtree(ROOT / out, ignore_errors=True)
    targets = [str(out / PATIENT / f"seed{seed}/metrics.json") for seed in (0, 1)]
    config = [*CONFIG, "tests/cluster/patient.yaml", "--config", f"results={results}", f"output={out}"]
    return ROOT / out, [*targets, *config]


def test_trainings_that_the_cluster_ends_go_on_where_they_were(jobs, cluster, tmp_path, capsys):
    """One reaches its time limit, one is preempted (requeued by SLURM); meanwhile a second Snakemake is refused."""
    there, targets = patient_runs("results/cluster")
    command = [*snakemake_with(PROFILE), *targets]
    log = tmp_path / "snakemake.log"
    patient = tmp_path / "patient"
    patient.touch()
    environment = {**cluster.environment, "EIGV_TEST_PATIENT": str(patient)}
    with log.open("w") as said:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=said, stderr=said, preexec_fn=slurm.interrupted_with_parent
        )
    try:
        limited, preempted = (
            at_work(cluster, f"train_wildcards_demo-oe_patient_erm_app+mot__{seed}") for seed in (0, 1)
        )
        # The shortest that SLURM knows; the profile's limits are hours.
        cluster.ask("scontrol", "update", f"JobId={limited.number}", "TimeLimit=1")
        other = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert other.returncode != 0 and "cannot be locked" in other.stderr
        slurm.wait_until(lambda: any((there / "state" / PATIENT / "seed1").rglob("*.*")), 60, "the first epoch")
        cluster.ask("scontrol", "requeue", preempted.number)
        slurm.wait_until(lambda: state_of(cluster, limited) == "TIMEOUT", 200, "the time limit")
        patient.unlink()
        assert process.wait(900) == 0, log.read_text()[-6000:]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    show([job for job in cluster.jobs() if job not in jobs], capsys)
    attempts = [job for job in cluster.jobs() if job.name == limited.name]
    assert [job.state for job in attempts] == ["TIMEOUT", "COMPLETED"]
    assert attempts[1].minutes == 2 * limited.minutes
    assert [job.restarts for job in cluster.jobs() if job.name == preempted.name] == [1]
    for seed in (0, 1):
        training = (there / "logs/train" / PATIENT.relative_to("runs") / f"seed{seed}.log").read_text()
        went_on = re.search(r"going on in epoch (\d+) after step (\d+)", training)
        assert went_on and (1, 0) < (int(went_on[1]), int(went_on[2])) < (30, 0)

    here, targets = patient_runs("results/tiny")
    snakemake(*targets)
    for seed in (0, 1):
        for name in ("metrics.json", "history.csv", "model.safetensors"):
            run = PATIENT / f"seed{seed}" / name
            assert (there / run).read_bytes() == (here / run).read_bytes()


FAN = """
rule all:
    input: expand("{n}.txt", n=range(5))
    localrule: True

rule fan:
    output: "{n}.txt"
    shell: "touch {output}"
"""


def test_arrays_reach_the_end_with_more_jobs_than_places(cluster, tmp_path):
    """SLURM's executor would wait for ever, with two places for five jobs."""
    (tmp_path / "Snakefile").write_text(FAN)
    before = {job.number for job in cluster.jobs()}
    command = snakemake_with(edited(tmp_path, ARRAYS="fan", JOBS=2))
    done = subprocess.run(command, cwd=tmp_path, env=cluster.environment, check=False, timeout=300)
    assert done.returncode == 0
    assert {path.stem for path in tmp_path.glob("*.txt")} == set("01234")
    assert len([job for job in cluster.jobs() if job.number not in before and job.task]) == 5
