"""Training runs of one data set in one process: each as if it were alone, with a log and a folder of its own.

Two ways. `train_all` trains a list of runs, each into its folder. `train_one_and_ahead` is a job of the workflow: it
trains its own run, and after it others that the same workflow is going to ask for. Their files go on a shelf
(`base.jobs.shelf`), from which their own jobs take them within a second: each run is a job, and a target, of its own.

Nothing here imports torch before a run has to be trained.
"""

import logging
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from base import layers, plug
from base.errors import UserError
from base.formats.run_folder import with_weights
from base.jobs import interruption
from base.jobs.device import working_device
from base.jobs.shelf import Shelf, stamps
from base.locks import exclusive, exclusive_if_free
from base.reading import read_json, sha256
from base.settings import Settings, parse
from base.writing import write_json
from eigv.config.choices import DataOn

if TYPE_CHECKING:
    from eigv.config.run import RunSettings
    from eigv.runs.shared_data import SharedData

log = logging.getLogger(__name__)


class Order(Settings):
    """A run to train."""

    settings: dict[str, Any] = Field({}, description="Those of the run, or what differs from the settings of all.")
    out: Path = Field(description="Folder of the run.")
    state: Path = Field(description="Folder for what is needed to go on after a kill.")
    name: str = Field("", description="What the run is called in its progress; else backbone and method.")
    before: Path | None = Field(
        None,
        description="What it goes on from: the model.json that it puts an indicator on (faithful), that of its guide "
        "(eigv-faithful), or the gold spans (eigv-gold).",
    )
    labels: Path | None = Field(None, description="Gold spans that an indicator learns from.")
    log: Path | None = Field(None, description="File to which what is said goes; by default where all goes.")

    @property
    def called(self) -> str:
        """Its name, else its folder."""
        return self.name or str(self.out)


class How(NamedTuple):
    """What the runs of a process have in common."""

    video: Path
    questions: Path
    text: Path
    device: str = "auto"
    threads: int = 1
    jobs_per_gpu: int = 1
    deterministic: bool = False
    announce: Path | None = None
    stage: int = 0
    loggers: tuple[str, ...] = ()
    curves: Path | None = None
    data_on: DataOn = "auto"

    @property
    def places(self) -> tuple[Path, Path, Path]:
        """Where the data set lies."""
        return self.video, self.questions, self.text

    def shelf(self, order: Order) -> Shelf:
        """The shelf of a run, for files that come from these settings, data and code."""
        plugin = order.settings.get("plugin")
        own = plug.describe(plugin["code"]) if plugin else ""
        texts = [self.text / f"text_{split}.h5" for split in ("train", "val")]
        data = stamps(
            [self.video, *self.questions.glob("*"), *texts, *with_weights(order.before), *with_weights(order.labels)]
        )
        return Shelf(order.state, [order.settings, own, self.stage, self.device, self.deterministic, data])


def orders(entries: Any, common: dict[str, Any], what: str) -> list[Order]:
    """The runs of a list of entries, with `common` settings below their own; `UserError` that begins with `what`."""
    if not isinstance(entries, list) or not entries:
        raise UserError(f"{what}: expected a list with an entry for each run, in keys and values: settings, out, state")
    found = [parse(Order, entry, f"{what}, run {number}") for number, entry in enumerate(entries, 1)]
    for places in ([order.out for order in found], [order.state for order in found]):
        if twice := [place for place in places if places.count(place) > 1]:
            raise UserError(f"{what}: {twice[0]} is the folder of two runs; give each its own `out` and `state`")
    return [order.model_copy(update={"settings": layers.over(common, order.settings)}) for order in found]


def train_all(runs: Sequence[Order], how: How) -> None:
    """Trains runs one after another, without those whose files are there, made from the same.

    One that fails leaves the others alone: at the end a `UserError` lists those that failed, and why.
    """
    failed: list[str] = []
    with (
        working_device(how.device, how.threads, how.jobs_per_gpu, how.deterministic) as device,
        interruption.postponed(),
    ):
        data = _shared(how)
        for order in runs:
            interruption.stop_if_asked()
            shelf, receipt = how.shelf(order), _Receipt(order)
            with exclusive(shelf.lock):
                if receipt.is_of(shelf):
                    log.info("%s: trained before", order.called)
                else:
                    reason = _train(order, order.out, how, device, data, order.log)
                    failed += [f"{order.called}: {reason}"] if reason else []
                    if not reason:
                        receipt.write(shelf)
                shelf.remove()
    if failed:
        raise UserError(f"{len(failed)} of {len(runs)} runs failed:\n" + textwrap.indent("\n".join(failed), "  "))


def train_one_and_ahead(own: Order, ahead: Sequence[Order], how: How) -> None:
    """Trains a run into its folder, or takes what another process has trained ahead; then trains others ahead.

    Those that another process is at are left to it, as are those that fail: their own jobs will say so.
    """
    shelf = how.shelf(own)
    with exclusive(shelf.lock):
        if shelf.is_full():
            shelf.fetch(own.out)
            return
        shelf.lock.touch()  # from now on, by the clock of the disk
        begun = shelf.lock.stat().st_mtime
        shelf.empty()
        with working_device(how.device, how.threads, how.jobs_per_gpu, how.deterministic) as device:
            data = _shared(how)
            from base.jobs.alone import as_if_alone

            with as_if_alone():
                # What is done is kept where no kill and no workflow removes it, until the job is over.
                out = shelf.folder if ahead else own.out
                settings = _parsed(own, "--settings")
                _make(settings, own, out, how, device, data)
            if ahead:
                shelf.fill()
                _work_ahead(ahead, how, device, data, begun)
                shelf.fetch(own.out)
        shelf.remove()


def _work_ahead(ahead: Sequence[Order], how: How, device: str, data: "SharedData", begun: float) -> None:
    """SIGTERM ends it early, at the next place where a training can go on from."""
    done = 0
    try:
        with interruption.postponed():
            for order in ahead:
                interruption.stop_if_asked()
                shelf = how.shelf(order)
                with exclusive_if_free(shelf.lock) as held:
                    if not held or shelf.is_full():
                        continue
                    if _made_since(begun, order):
                        shelf.remove()
                        continue
                    shelf.empty()
                    if reason := _train(order, shelf.folder, how, device, data, shelf.log):
                        log.warning("%s, ahead of its job: %s", order.called, reason)
                        shelf.remove()
                    else:
                        shelf.fill()
                        done += 1
    except interruption.Terminated:
        log.warning("ended by SIGTERM; what is trained stays")
    log.info("trained %d more runs ahead of their jobs, which take them over", done)


def _made_since(begun: float, order: Order) -> bool:
    """Whether the run's own job has ended after this one began, and so asks for nothing any more."""
    model = order.out / "model.json"
    return model.is_file() and model.stat().st_mtime >= begun


def _train(order: Order, out: Path, how: How, device: str, data: "SharedData", into: Path | None) -> str | None:
    """Trains a run as if it were alone; why it failed, if it did."""
    from base.jobs.alone import as_if_alone, saying_into

    begun = time.monotonic()
    with saying_into(into):
        try:
            with as_if_alone():
                settings = _parsed(order, f"the settings of {order.called}")
                _make(settings, order, out, how, device, data)
        except Exception as error:  # of whatever kind: the others go on
            log.error("failed: %s", error, exc_info=not isinstance(error, UserError))
            return f"{error}" if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        log.info("trained in %.1f s", time.monotonic() - begun)
    return None


def _make(settings: "RunSettings", order: Order, out: Path, how: How, device: str, data: "SharedData") -> None:
    """Trains a run, or puts an indicator on the model that it goes on from."""
    from eigv.config.methods import method
    from eigv.runs.explaining import explain
    from eigv.runs.training import train

    if method(settings.method).selects != "afterwards":
        train(
            *(settings, *how.places, out, order.state, device),
            name=order.name,
            announce=how.announce,
            stage=how.stage,
            loggers=how.loggers,
            curves=how.curves,
            shared=data,
            before=order.before,
            data_on=how.data_on,
            labels=order.labels,
        )
        return
    if order.before is None:
        raise UserError(f"{settings.method} goes on from a trained model: name its model.json with --before")
    explain(
        *(order.before, *how.places, out, order.state, device, settings),
        name=order.name,
        announce=how.announce,
        stage=how.stage,
        shared=data,
        data_on=how.data_on,
        labels=order.labels,
    )


def _parsed(order: Order, where: str) -> "RunSettings":
    from eigv.config.run import RunSettings

    return parse(RunSettings, order.settings, where)


def _shared(how: How) -> "SharedData":
    from eigv.runs.shared_data import SharedData

    return SharedData(how.video, how.questions, how.text)


class _Receipt:
    """That a run was trained by `train_all`: what it was made from, and the hashes of its files."""

    def __init__(self, order: Order) -> None:
        self._out = order.out
        self._file = order.state.with_name(f"{order.state.name}.done.json")

    def is_of(self, shelf: Shelf) -> bool:
        if not self._file.is_file():
            return False
        return bool(read_json(self._file, "the receipt") == self._content(shelf.identity))

    def write(self, shelf: Shelf) -> None:
        write_json(self._file, self._content(shelf.identity))

    def _content(self, identity: str) -> dict[str, Any]:
        files = [self._out / name for name in ("model.json", "model.safetensors", "history.csv")]
        return {"identity": identity, "files": {file.name: sha256(file) if file.is_file() else "" for file in files}}
