"""All Python of the workflow: the configuration, the paths, and what is missing before anything starts.

Rules call the console scripts as modules, which also works in the environments of --use-conda, where the packages are
not installed: jobs are told where they lie.
"""

import json
import os
import re
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake_interface_executor_plugins.settings import ExecMode

ROOT = Path(str(workflow.current_basedir)).parents[1]
sys.path.insert(0, str(ROOT))
# Jobs run in the environment of this Snakemake, activated or not; that of --use-conda still comes first.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))
# What the commands of rules begin with. Jobs find our packages in whatever folder they run (Snakemake takes PYTHONPATH
# away from the environments of --use-conda), and `|| show_end {log}` puts the last lines of the log of a command that
# failed among what Snakemake says. `--announce /dev/fd/3 3>&2` puts a line there after each epoch. SIGTERM, which a cluster
# sends to all processes of a job, would end the shell at once, and with it the time in which a training saves its state;
# with a trap it waits for its command.
shell.prefix(
    "set -euo pipefail; trap : TERM; export PYTHONPATH={ROOT:q}${{PYTHONPATH:+:$PYTHONPATH}};"
    ' show_end() {{ local status=$?; echo "The end of $1:" >&2; tail -n 30 "$1" >&2; exit $status; }}; '
)

from eigv.config.experiment import SHOWN, Config, canonical, section  # noqa: E402
from eigv.config.run_path import Run  # noqa: E402
from extract.annotations import READERS, splits  # noqa: E402
from base.errors import UserError  # noqa: E402
from base.gpu import installed_gpus  # noqa: E402
from base import run_lock  # noqa: E402
from extract.layouts import LAYOUTS  # noqa: E402
from extract.networks import lookup  # noqa: E402
from base import settings as strict  # noqa: E402

# A Snakemake that was killed leaves its lock behind. The next one removes it, unless jobs are sent to a cluster, where those
# of the dead one may be at work. One that runs a single job of another's takes no part, nor does one with --nolock.
if workflow.exec_mode == ExecMode.DEFAULT and "--nolock" not in sys.argv:
    at_work = run_lock.enter(Path(".snakemake"), cleared=workflow.resource_settings.nodes is None)
    if at_work and workflow.output_settings.dryrun:
        at_work.close()


def read_config():
    try:
        return strict.parse(Config, config, "the configuration")
    except UserError as error:
        raise WorkflowError(str(error))


CONFIG = read_config()
RESULTS = str(CONFIG.results)
OUT = str(CONFIG.outcomes)
"""Runs, tables, figures; features lie in RESULTS, which several configurations can share."""
STAGES = yaml.safe_load((ROOT / "workflow" / "stages.yaml").read_text())
"""The version of each stage's behaviour: raising a number reruns the stage, editing code does not."""


def settings(model):
    """A group of settings as JSON, for the command line and as the trigger of a rerun."""
    return json.dumps(model.model_dump(mode="json"))


def pair(**models):
    """Several groups of settings as one JSON object."""
    return json.dumps({name: model.model_dump(mode="json") for name, model in models.items()})


def dataset(wildcards):
    return known(CONFIG.datasets, wildcards.dataset, "data set")


def collection_of(wildcards):
    return CONFIG.videos[dataset(wildcards).videos]


def collection(wildcards):
    return known(CONFIG.videos, wildcards.collection, "video collection")


def known(names, name, what):
    if name not in names:
        raise WorkflowError(f"the configuration has no {what} {name!r}; it has {', '.join(names)}")
    return names[name]


def raw_annotations(wildcards):
    """The annotation files of a data set."""
    refuse_if_incomplete()
    found = dataset(wildcards)
    reader = READERS[found.format]
    gold = [str(found.gold)] if found.gold else []
    return sorted({str(path) for split in splits(found) for path in reader.files(found, split)}) + gold


def refuse_if_incomplete():
    """Before the first job, everything that is missing is said at once."""
    if missing := what_is_missing():
        raise WorkflowError("\n".join(missing))


def what_is_missing():
    lines = []
    for name, found in CONFIG.datasets.items():
        reader = READERS[found.format]
        files = sorted({path for split in splits(found) for path in reader.files(found, split)})
        files += [found.gold] if found.gold else []
        files += [Path(found.tokens.format(split=split)) for split in splits(found)] if found.tokens else []
        absent = [path for path in files if not path.is_file()]
        if absent:
            lines.append(f"  annotations of {name} ({found.format}), from {reader.source}:")
            lines += [f"    {path}" for path in absent]
    for name, found in CONFIG.videos.items():
        if found.features:
            layout = LAYOUTS[found.features.layout]
            absent = [path for path in layout.files(found.features) if not path.exists()]
            if absent:
                lines.append(
                    f"  the features of {name} ({found.features.layout}), from {layout.source or 'elsewhere'}:"
                )
                lines += [f"    {path}" for path in absent]
        if found.folder and not found.folder.is_dir():
            lines.append(
                f"  the folder of the videos of {name}: {found.folder}/<video id>.mp4 (or .avi, .mkv, .webm, .mov, .gif)"
            )
        if found.mapping and not found.mapping.is_file():
            lines.append(f"  the mapping of video ids to files of {name}: {found.mapping}")
    for name, found in CONFIG.checkpoints.items():
        if not found.file.is_file():
            lines += [f"  the official checkpoint {name}, from https://github.com/yl3800/EIGV:", f"    {found.file}"]
    # A configuration that shows nothing is there for its annotations and texts, unless it has no data set at all.
    shown = CONFIG.tables or CONFIG.sweeps or CONFIG.rationales or CONFIG.explorers or not CONFIG.datasets
    extracted = [name for name, found in CONFIG.videos.items() if not found.features]
    if shown and not all(Path(f"{RESULTS}/videos/{name}/video.h5").is_file() for name in extracted):
        lines += missing_weights()
    return ["these files are needed and not there:", *lines] if lines else []


def missing_weights():
    """The files of network weights that features are made with and that no package carries."""
    lines = []
    for kind in ("appearance", "motion"):
        choice = getattr(CONFIG.features, kind)
        entry = lookup(kind, choice.network, CONFIG.features)
        if isinstance(choice.weights, Path):
            path, source = choice.weights, "named by `weights:`"
        elif choice.weights == "published" and not entry.locate:
            path, source = CONFIG.features.weights_folder / entry.file, f"from {entry.source}"
        else:
            continue
        if not path.is_file():
            lines += [f"  weights of the {kind} network {choice.network}, {source}:", f"    {path}"]
    return lines


def annotation_folders_of(wildcards):
    """The annotations of every data set that uses a collection; none: all its videos are wanted."""
    users = [name for name, found in CONFIG.datasets.items() if found.videos == wildcards.collection]
    if not users:
        refuse_if_incomplete()
    return [f"{RESULTS}/datasets/{name}/all_annotations" for name in users]


def one_of(names):
    """A regular expression that fits these names and no others."""
    return "|".join(map(re.escape, names)) or r"(?!)"


IMPORTED = one_of(name for name, found in CONFIG.videos.items() if found.features)
IMPORTED_TEXT = one_of(name for name, found in CONFIG.datasets.items() if found.tokens)
OWN_TEXT = one_of(name for name, found in CONFIG.datasets.items() if not found.tokens)
EXTRACTED = one_of(name for name, found in CONFIG.videos.items() if not found.features)


def imported_files(wildcards):
    """The files that features are imported from."""
    features = collection(wildcards).features
    return [str(path) for path in LAYOUTS[features.layout].files(features)]


def splits_of(wildcards):
    return splits(dataset(wildcards))


def test_splits(wildcards):
    return splits(dataset(wildcards))[2:]


def video_features(wildcards):
    return f"{RESULTS}/videos/{dataset(wildcards).videos}/video.h5"


def manifest_of(wildcards):
    return f"{RESULTS}/videos/{dataset(wildcards).videos}/manifest.csv"


def run_settings(wildcards):
    """What decides the numbers of a run: its backbone's sizes, its method's settings, the optimisation."""
    names = (wildcards.dataset, wildcards.backbone, wildcards.method, wildcards.features, int(wildcards.seed))
    try:
        return json.dumps(section(CONFIG, Run(*names, wildcards.point.removeprefix("/"))))
    except UserError as error:
        raise WorkflowError(str(error))


def plugin_of(wildcards):
    """The file of a backbone of the user's own: a change of it trains anew."""
    plugin = CONFIG.plugins.get(wildcards.backbone)
    return [str(plugin.file)] if plugin else []


def answer_from(wildcards):
    """What answers are read from in the evaluation of a run."""
    return json.loads(run_settings(wildcards))["inference"]["answer_from"]


def run_folder(run):
    """The folder of a run, which may be spelled as a path. What its point does not change is left out of it."""
    try:
        return f"{OUT}/runs/{canonical(CONFIG, Run.of(run) if isinstance(run, str) else run)}"
    except UserError as error:
        raise WorkflowError(str(error))


def excerpt(part, name):
    """The configuration with only one of its tables, sweeps, pictures or pages: what the command that makes it reads."""
    values = CONFIG.model_dump(mode="json", exclude_unset=True, exclude=set(SHOWN))
    if name in getattr(CONFIG, part):
        values[part] = {name: getattr(CONFIG, part)[name].model_dump(mode="json", exclude_unset=True)}
    return json.dumps(values)


def table_runs(wildcards):
    known(CONFIG.tables, wildcards.table, "table")
    return table_metrics(wildcards.table)


def table_metrics(name):
    """The metrics of the runs that a table shows."""
    table = CONFIG.tables[name]
    files = []
    for run in CONFIG.runs(name):
        files.append(f"{run_folder(run)}/metrics.json")
        shifted = CONFIG.datasets[run.dataset].shifted_test
        if table.shifted and shifted:
            files.append(f"{run_folder(run)}/{shifted}/metrics.json")
    if table.question_only:
        own = [name for name in table.datasets if not CONFIG.datasets[name].tokens]  # others have no encoder
        files += [f"{question_only_folder(name)}/metrics.json" for name in own]
    return files


def question_only_folder(name):
    """The folder of the run that sees no video, of a data set or of the wildcard."""
    return f"{OUT}/runs/{name}/question-only/seed{CONFIG.text.finetuning.seed}"


def sweep_runs(wildcards):
    known(CONFIG.sweeps, wildcards.sweep, "sweep")
    return sweep_metrics(wildcards.sweep)


def sweep_metrics(name):
    return [f"{run_folder(run)}/metrics.json" for run in CONFIG.runs(name)]


def predictions(runs):
    return [f"{run_folder(run)}/predictions.csv" for run in runs]


def runs_on(dataset):
    """The runs of all tables on one data set."""
    runs = [run for name in CONFIG.tables for run in CONFIG.runs(name) if run.dataset == dataset]
    return list(dict.fromkeys(runs))


def histories(wildcards):
    return [f"{run_folder(run)}/history.csv" for run in runs_on(wildcards.dataset)]


def trained_datasets():
    """The data sets of the tables."""
    return list(dict.fromkeys(name for table in CONFIG.tables.values() for name in table.datasets))


def picture_run(wildcards):
    return run_folder(known(CONFIG.rationales, wildcards.picture, "rationale picture").run)


def checkpoint(wildcards):
    return known(CONFIG.checkpoints, wildcards.checkpoint, "checkpoint")


def checkpoint_file(wildcards):
    refuse_if_incomplete()
    return str(checkpoint(wildcards).file)


def page_runs(wildcards):
    """The runs of a page to browse, by their paths below the folder of runs."""
    return list(known(CONFIG.explorers, wildcards.page, "page to browse").runs)


def shown_dataset(wildcards):
    """The data set of a rationale picture or of a page to browse."""
    if hasattr(wildcards, "page"):
        return Run.of(page_runs(wildcards)[0]).dataset
    return Run.of(known(CONFIG.rationales, wildcards.picture, "rationale picture").run).dataset


def shown_videos(wildcards):
    """The folder of the features of its videos."""
    return f"{RESULTS}/videos/{CONFIG.datasets[shown_dataset(wildcards)].videos}"


PAPER = ("table1", "table2", "table3", "figure5a", "figure5b", "figure6", "explorer")
"""Targets that exist in every configuration, if only to say what is missing."""


def targets():
    """The files of every target that has a name, with those of the runs that it shows.

    Snakemake does not miss a file that is only needed for one that is there: a run that was removed would stay away.
    """
    files = {name: [f"{OUT}/tables/{name}.md", *table_metrics(name)] for name in CONFIG.tables}
    files |= {name: [f"{OUT}/figures/{name}.png", *sweep_metrics(name)] for name in CONFIG.sweeps}
    files |= {name: [f"{OUT}/figures/{name}.png", *predictions([p.run])] for name, p in CONFIG.rationales.items()}
    files |= {
        name: [f"{OUT}/checkpoints/{found.dataset}/{name}/metrics.json"] for name, found in CONFIG.checkpoints.items()
    }
    pages = {name: [f"{OUT}/explorer/{name}.html", *predictions(p.runs)] for name, p in CONFIG.explorers.items()}
    if pages:
        files |= pages | {"explorer": [file for page in pages.values() for file in page]}
    return files | {name: not_configured(name) for name in PAPER if name not in files}


def not_configured(name):
    def refuse(wildcards):
        raise WorkflowError(f"the configuration {CONFIG.name!r} has no {name}; it has {', '.join(CONFIG.shown)}")

    return refuse


def artefacts():
    """Everything that a configuration shows, without the report."""
    files = [path for target in targets().values() if isinstance(target, list) for path in target]
    for name in trained_datasets():
        files.append(f"{OUT}/figures/learning-curves-{name}.png")
        files += [f"{run_folder(run)}/history.csv" for run in runs_on(name)]
    collections = {CONFIG.datasets[name].videos for name in CONFIG.datasets}
    return list(dict.fromkeys(files)) + [f"{OUT}/report/problems-{name}.html" for name in sorted(collections)]


def decoding_threads(wildcards):
    """Half of this machine, so that the networks have the other half; 8 where jobs are sent elsewhere."""
    return max(1, min(8, workflow.cores // 2)) if workflow.cores else 8


def network_threads(wildcards):
    """So many that the networks of all shards run side by side: several of one thread do more than one of several.

    With GPUs, each of which one job holds, so many that a job is ready for the next free GPU and videos are decoded
    meanwhile.
    """
    if not workflow.cores:
        return 8
    gpus = installed_gpus()
    return max(1, workflow.cores // (gpus + 1 if gpus else 2 * CONFIG.features.shards))


def flags(option, values):
    """A repeated option of the command line."""
    return " ".join(f"{option} {value}" for value in values)
