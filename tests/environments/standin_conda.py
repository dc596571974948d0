"""A stand-in for the `conda` command, for machines without conda and without its channels.

It does with py-rattler what conda does with an environment file for Snakemake: it parses every match specification,
solves them against a channel (a folder), and links the packages into the prefix. Only the packages are pretend ones:
`python` hands over to the interpreter of the tests and writes down what it was called for; the others hold nothing.

What it leaves open: whether the packages and versions are on conda-forge, whether the real ones fit together and what
else they need, and the pip section, of which it parses every line and installs nothing.
"""

import argparse
import asyncio
import hashlib
import io
import json
import os
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from rattler import Channel, Platform, VirtualPackage, install, solve
from rattler.index import index_fs

from tests.environments.pins import Environment, read_environment
from tests.places import ROOT

PLACEHOLDER = "/where/this/package/will/be"
"""Stands in packages for the prefix; linking replaces it."""
CALLS = "calls.log"
"""The file in a prefix that its `python` writes to, a line a call: `extract.cli probe`."""
PYTHON = f"""#!/bin/sh
test "$1" = -m && echo "$2 $3" >> "{PLACEHOLDER}/{CALLS}"
exec "{sys.executable}" "$@"
"""
TOO_NEW = "9999"
"""Of every package the channel also has this version, which a solver takes where no pin forbids it."""


def install_conda(folder: Path, environment: Environment) -> Path:
    """A stand-in with a channel that can satisfy an environment; returns the folder of its command, for PATH."""
    for spec in environment.conda:
        for version in (str(spec.version or "1").strip("=.*"), TOO_NEW):
            files = {"bin/python": PYTHON} if spec.name.normalized == "python" else {}
            _make_package(folder / "channel/noarch", spec.name.normalized, version, files)
    asyncio.run(index_fs(folder / "channel"))
    commands = folder / "bin"
    commands.mkdir()
    (commands / "conda").write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m tests.environments.standin_conda "{folder}" "$@"\n'
    )
    (commands / "conda").chmod(0o755)
    (commands / "activate").write_text('export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n')
    return commands


def main(folder: Path, arguments: Sequence[str]) -> None:
    """`conda` with these arguments, as far as Snakemake uses it."""
    match arguments:
        case ["--version"]:
            print("conda 26.1.0")
        case ["info", "--json"]:
            print(json.dumps({"conda_prefix": str(folder), "platform": str(Platform.current())}))
        case ["config", "--get", "channel_priority", "--json"]:
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case ["clean", *_]:
            pass  # Snakemake asks for it after every environment
        case ["env", "create", *options]:
            parser = argparse.ArgumentParser()
            parser.add_argument("--file", type=Path, required=True)
            parser.add_argument("--prefix", type=Path, required=True)
            parser.add_argument("--quiet", action="store_true")
            parser.add_argument("--no-default-packages", action="store_true")
            asked = parser.parse_args(options)
            asyncio.run(_create(folder, read_environment(asked.file.read_text()), asked.prefix))
        case _:
            raise ValueError(f"the stand-in does not know: conda {' '.join(arguments)}")


async def _create(folder: Path, environment: Environment, prefix: Path) -> None:
    records = await solve(
        [Channel((folder / "channel").as_uri())], environment.conda, virtual_packages=VirtualPackage.detect()
    )
    await install(records, target_prefix=prefix, cache_dir=folder / "cache", show_progress=False)


def _make_package(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
    """A conda package for every platform, with executables whose text may hold the placeholder."""
    about = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": [], "noarch": "generic"}
    paths = [
        {
            "_path": path,
            "path_type": "hardlink",
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "size_in_bytes": len(text),
            "prefix_placeholder": PLACEHOLDER,
            "file_mode": "text",
        }
        for path, text in files.items()
    ]
    information = {
        "info/index.json": json.dumps(about | {"subdir": "noarch"}),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / f"{name}-{version}-0.tar.bz2", "w:bz2") as package:
        for path, text in (information | files).items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(text), 0o755 if path in files else 0o644
            package.addfile(entry, io.BytesIO(text.encode()))


if __name__ == "__main__":
    status = 0
    try:
        main(Path(sys.argv[1]), sys.argv[2:])
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # py-rattler's threads may still hold Python objects, and abort an interpreter that ends meanwhile
