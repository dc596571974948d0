"""Evaluations of one data set in one process: a job of the workflow evaluates its own run, then others ahead.

Their files go on a shelf (`base.jobs.shelf`), from which their own jobs take them within a second. What a small
evaluation costs is the start of its process.

Nothing here imports torch before a run has to be evaluated.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from base.errors import UserError
from base.formats.run_folder import RunFolder, with_weights
from base.jobs import interruption
from base.jobs.device import working_device
from base.jobs.shelf import Shelf, stamps
from base.locks import exclusive, exclusive_if_free
from base.reading import read_json
from base.settings import Settings, parse
from eigv.config.run import InferenceSettings
from eigv.runs.several import How

log = logging.getLogger(__name__)


class Evaluation(Settings):
    """A run to evaluate on a split."""

    model: Path = Field(description="The model.json of the run.")
    out: Path = Field(description="Folder for metrics.json and predictions.csv.")
    split: str = Field("test", description="The split.")
    inference: InferenceSettings = Field(
        InferenceSettings(), description="How it answers, and on how many questions its rationales are tested."
    )
    gold: Path | None = Field(None, description="Gold spans, to measure the rationales against.")
    state: Path | None = Field(None, description="Beside it lies the shelf of files that are made ahead.")

    def shelf(self, how: How) -> Shelf:
        """The shelf of its files, as they come from this model and these data."""
        text = how.text / f"text_{self.split}.h5"
        read = stamps([how.video, *how.questions.glob("*"), text, *with_weights(self.model), *with_weights(self.gold)])
        inference = self.inference.model_dump(mode="json")
        return Shelf(self.state or self.out, [self.split, inference, how.stage, how.device, read])

    def is_ready(self) -> bool:
        """Whether its model is there."""
        return self.model.is_file() and RunFolder(self.model.parent).weights.is_file()


def evaluations(entries: Any, what: str) -> list[Evaluation]:
    """The evaluations of a list of entries; `UserError` that begins with `what`."""
    if not isinstance(entries, list):
        raise UserError(f"{what}: expected a list with an entry for each evaluation: model, out, split, state")
    return [parse(Evaluation, entry, f"{what}, evaluation {number}") for number, entry in enumerate(entries, 1)]


def evaluate_one_and_ahead(own: Evaluation, ahead: Sequence[Evaluation], how: How) -> dict[str, Any]:
    """Evaluates a run into its folder, or takes what another process has made ahead; then evaluates others ahead.

    Returns the metrics of its own. Others whose model is not there yet, or which another process is at, are left alone,
    as are those that fail: their own jobs will say so. An evaluation without `state` has no shelf.
    """
    if own.state is None:
        with working_device(how.device, how.threads, how.jobs_per_gpu) as device:
            return _evaluate(own, own.out, how, device)
    shelf = own.shelf(how)
    with exclusive(shelf.lock):
        if not shelf.is_full():
            shelf.lock.touch()  # from now on, by the clock of the disk
            begun = shelf.lock.stat().st_mtime
            shelf.empty()
            with working_device(how.device, how.threads, how.jobs_per_gpu) as device:
                _evaluate(own, shelf.folder, how, device)
                shelf.fill()
                _work_ahead(ahead, how, device, begun)
        shelf.fetch(own.out)
    return dict(read_json(RunFolder(own.out).metrics, "the metrics"))


def _work_ahead(ahead: Sequence[Evaluation], how: How, device: str, begun: float) -> None:
    """SIGTERM ends it after the evaluation that is at work."""
    from base.jobs.alone import saying_into

    done = 0
    try:
        with interruption.postponed():
            for other in ahead:
                interruption.stop_if_asked()
                shelf = other.shelf(how)
                if not other.is_ready():
                    continue
                with exclusive_if_free(shelf.lock) as held:
                    if not held or shelf.is_full():
                        continue
                    if _made_since(begun, other):
                        shelf.remove()
                        continue
                    shelf.empty()
                    try:
                        with saying_into(shelf.log):
                            _evaluate(other, shelf.folder, how, device)
                    except Exception as error:  # of whatever kind: the others go on
                        log.warning("%s on %s, ahead of its job: %s", other.model, other.split, error)
                        shelf.remove()
                    else:
                        shelf.fill()
                        done += 1
    except interruption.Terminated:
        log.warning("ended by SIGTERM; what is evaluated stays")
    log.info("evaluated %d more runs ahead of their jobs, which take them over", done)


def _made_since(begun: float, other: Evaluation) -> bool:
    """Whether its own job has ended after this one began, and so asks for nothing any more."""
    metrics = RunFolder(other.out).metrics
    return metrics.is_file() and metrics.stat().st_mtime >= begun


def _evaluate(asked: Evaluation, out: Path, how: How, device: str) -> dict[str, Any]:
    from base.jobs.alone import as_if_alone
    from eigv.runs.evaluation import evaluate

    inference = asked.inference
    answer_from, environment = (
        getattr(inference, name) if name in inference.model_fields_set else None  # as the method trains
        for name in ("answer_from", "environment")
    )
    with as_if_alone():
        return evaluate(
            *(asked.model, asked.split, how.video, how.questions, how.text, answer_from, out, device),
            gold=asked.gold,
            faithful=inference.faithfulness,
            noise_draws=inference.noise_draws,
            environment=environment,
        )
