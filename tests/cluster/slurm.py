"""A real SLURM of one node on the loopback interface, for tests: no systemd, no cgroups, nothing outside its folder."""

import ctypes
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")
DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct")
SYSTEM = f"{os.environ['PATH']}:/usr/sbin:/sbin"

# The node claims more than the machine has, so that jobs may ask for what the profile says. Whole minutes are the
# shortest time limit that SLURM knows; KillWait is its default, the seconds between SIGTERM and SIGKILL; a requeued job
# waits for cred_expire seconds (120 by default) before it starts again.
CONFIGURATION = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=20
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
JobContainerType=job_container/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
KillWait=30
MinJobAge=7200
ReturnToService=2
JobRequeue=1
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=64 RealMemory=512000 Gres=gpu:pretended:2 State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=1-00:00:00 State=UP
PartitionName=gpu Nodes={host} MaxTime=1-00:00:00 State=UP
"""


# Reads the numbers of the daemons until the process that writes them is gone, one way or the other, and ends them then.
WATCHDOG = """
daemons=$(cat)
timeout 20 scancel --user="$1"
sleep 2
kill $daemons
"""


@dataclass(frozen=True)
class Job:
    """A job as `scontrol show job` tells it; a requeued one keeps its number."""

    number: str
    rule: str
    name: str
    """The rule with its wildcards, as Snakemake's executor writes it into the comment."""
    partition: str
    state: str
    gpus: int
    minutes: int
    """Its time limit."""
    restarts: int
    task: str
    """Its place in an array, as SLURM's commands take it (`4_2`); empty if it is in none. All have the first's name."""

    @property
    def handle(self) -> str:
        """What SLURM's commands know it by: the number of an array's last task is that of the whole array."""
        return self.task or self.number


class Cluster:
    """A running cluster.

    Attributes:
        environment: what a process needs to speak to it.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        # SLURM's executor drops SLURM_CONF within jobs; what stands in PATH stays.
        tools = folder / "bin"
        tools.mkdir()
        for name in CLIENTS:
            tool = tools / name
            tool.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which(name)} "$@"\n')
            tool.chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{tools}:{SYSTEM}", "SLURM_CONF": f"{folder}/slurm.conf"}

    def ask(self, *command: str) -> str:
        """What a command of SLURM prints."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout

    def jobs(self) -> list[Job]:
        """Every job so far, in the order of submission."""
        found = []
        for line in self.ask("scontrol", "show", "jobs", "--oneliner").splitlines():
            fields = dict(re.findall(r"(\w+)=(\S*)", line))
            if "JobId" not in fields:
                continue
            gpus = re.search(r"gres[:/]gpu[:=](\d+)", fields.get("TresPerJob", ""))
            days, hours, minutes = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d+):\d+", fields["TimeLimit"]).groups()
            limit = int(days or 0) * 1440 + int(hours) * 60 + int(minutes)
            name = fields.get("Comment", "").removeprefix("rule_")
            found.append(
                Job(
                    fields["JobId"],
                    name.split("_wildcards_")[0],
                    name,
                    fields["Partition"],
                    fields["JobState"],
                    int(gpus[1]) if gpus else 0,
                    limit,
                    int(fields["Restarts"]),
                    f"{fields['ArrayJobId']}_{fields['ArrayTaskId']}" if "ArrayTaskId" in fields else "",
                )
            )
        return sorted(found, key=lambda job: int(job.number))


def missing() -> str:
    """Why no cluster can be started here; empty if one can."""
    absent = [name for name in (*DAEMONS, *CLIENTS) if not shutil.which(name, path=SYSTEM)]
    if absent:
        return f"needs {', '.join(absent)} (Debian, as root: apt-get install slurm-wlm munge)"
    try:
        address = socket.gethostbyname(socket.gethostname())
    except OSError:
        return f"the name of this machine, {socket.gethostname()}, leads to no address: it is not in /etc/hosts"
    if not address.startswith("127."):
        return f"SLURM would listen on {address}: the name of this machine is not one of 127.0.0.1 in /etc/hosts"
    return ""


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A cluster with its key, sockets, logs and state in a folder; its daemons end with the context or its process."""
    host = socket.gethostname().split(".")[0]
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    folder.chmod(0o755)
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(host=host, user=user, folder=folder, ports=free_ports(2)).lstrip()
    )
    gres = ["AutoDetect=off"]
    for number in range(2):
        gpu = folder / f"gpu{number}"  # a character device that does nothing
        gpu.symlink_to("/dev/null")
        gres.append(f"NodeName={host} Name=gpu Type=pretended File={gpu}")
    (folder / "gres.conf").write_text("\n".join(gres) + "\n")
    (folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
    cluster = Cluster(folder)
    daemons = [
        ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket",
         f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/munge.seed"],
        ["slurmctld", "-D", "-f", f"{folder}/slurm.conf"],
        ["slurmd", "-D", "-f", f"{folder}/slurm.conf"],
    ]  # fmt: skip
    started: list[subprocess.Popen] = []
    watchdog = subprocess.Popen(
        ["sh", "-c", WATCHDOG, "sh", user],
        env=cluster.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        for command in daemons:
            output = (folder / f"{command[0]}.out").open("w")
            environment = {**cluster.environment, "PATH": SYSTEM}
            started.append(subprocess.Popen(command, env=environment, stdout=output, stderr=output))
            print(started[-1].pid, file=watchdog.stdin, flush=True)
            if command[0] == "munged":
                wait_until(lambda: (folder / "munge.socket").exists(), 20, "munged")
        wait_until(lambda: cluster.ask("sinfo", "-h", "-o", "%t").split() == ["idle"], 60, "an idle node")
        yield cluster
    finally:
        watchdog.stdin.close()
        for daemon in reversed(started):
            daemon.wait(60)


def interrupted_with_parent() -> None:
    """For `preexec_fn`: the process gets SIGINT when the one that starts it ends, even if that is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG


def wait_until(ready: Callable[[], Found], seconds: float, what: str) -> Found:
    """Waits until something is true, and returns it; until then it may also fail with an error of a subprocess."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := ready():
                return found
        except subprocess.CalledProcessError:
            pass
        time.sleep(0.5)
    raise TimeoutError(f"waited {seconds:.0f} s for {what}")


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports
