"""environment.yml is understood by conda's and pip's parsers, and agrees with requirements.lock and pyproject.toml."""

import re

import pytest

pytest.importorskip("rattler", reason="needs py-rattler, the parser of conda's match specifications")

from tests.environments.pins import disagreements, read_environment
from tests.places import ROOT

FILES = {name: (ROOT / name).read_text() for name in ("environment.yml", "requirements.lock", "pyproject.toml")}


def compared(**changed: str) -> list[str]:
    environment, lock, project = (FILES | changed).values()
    return disagreements(read_environment(environment), lock, project)


def test_the_three_files_agree():
    assert compared() == []


def test_only_conda_forge_is_asked():
    assert read_environment(FILES["environment.yml"]).channels == ["conda-forge", "nodefaults"]


@pytest.mark.parametrize(
    ("file", "pattern", "replacement", "said"),
    [
        ("environment.yml", r"numpy==\S+", "numpy==1.0", "numpy is 1.0 in environment.yml"),
        ("environment.yml", r"numpy==", "numpy=", "numpy is not pinned in environment.yml"),
        ("environment.yml", r"torch==\S+", "torch==1.0", "torch is 1.0 in environment.yml"),
        ("environment.yml", r"torch==", "torch>=", "torch is not pinned in environment.yml"),
        ("environment.yml", r"(decord==[\d.]+);.*", r"\1", "decord is 0.6.0 in environment.yml"),
        ("environment.yml", r"  - h5py==\S+\n", "", "environment.yml has no h5py, which"),
        (
            "environment.yml",
            r" +- snakemake-executor-plugin-slurm.*\n",
            "",
            "environment.yml has no snakemake-executor-",
        ),
        ("environment.yml", r"  - pip\n", "  - pip\n  - scipy==1.0\n", "environment.yml has scipy, which"),
        ("environment.yml", r"  - pip:\n", "  - pip:\n      - numpy==1.0\n", "environment.yml has numpy twice"),
        ("environment.yml", r"python=3\.11", "python=3.12", "Python is 3.12.* in environment.yml"),
        ("requirements.lock", r"(?m)^numpy==.*", "numpy==1.0", "in environment.yml, 1.0 in requirements.lock"),
        ("requirements.lock", r"(?m)^ruff==.*", "ruff==0.1", "ruff is 0.1 in requirements.lock"),
        ("requirements.lock", r"(?m)^av==.*\n(    #.*\n)+", "", "requirements.lock has no av, which"),
        ("requirements.lock", r"with Python \S+", "with Python 3.10", "pyproject.toml wants >=3.11"),
        ("pyproject.toml", r'"h5py>=.*"', '"h5py>=99"', "pyproject.toml wants h5py>=99"),
        ("pyproject.toml", r' +"tqdm>=.*\n', "", "requirements.lock has tqdm, which"),
        ("pyproject.toml", r' +"tqdm>=.*\n', "", "environment.yml has tqdm, which"),
        ("pyproject.toml", r'"decord>=.*",', '"decord>=0.6",', "decord is 0.6.0"),
    ],
)
def test_a_difference_is_said(file, pattern, replacement, said):
    changed = re.sub(pattern, replacement, FILES[file], count=1)
    assert changed != FILES[file]
    assert any(said in line for line in compared(**{file: changed}))


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (r"numpy==\S+", "num py==2.4.6"),
        (r"numpy==\S+", "numpy=>2.4"),
        (r"numpy==\S+", "numpy==2..4"),
        (r"pytorchvideo==\S+", "pytorchvideo=0.1.5"),
        (r"pytorchvideo==\S+", "pytorch video==0.1.5"),
    ],
)
def test_a_misspelt_line_is_refused_by_name(pattern, line):
    with pytest.raises(ValueError, match=re.escape(f"environment.yml: {line!r}")):
        read_environment(re.sub(pattern, line, FILES["environment.yml"]))
