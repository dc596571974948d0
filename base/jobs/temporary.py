"""A folder for the sockets of worker processes, whose names the kernel allows 107 bytes."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import util
from pathlib import Path

from base.errors import UserError

ROOM = 75
"""Bytes that a folder's name may have: multiprocessing appends `/pymp-` and 8 letters, `/listener-` and 8 letters."""
OTHERS = ("/tmp", "/var/tmp", "/dev/shm")
"""Where sockets go if the name of the folder for temporary files is too long."""


def short_folder() -> str:
    """The folder for temporary files, or where its name is too long for sockets another one that can be written to.

    `UserError` where there is none.
    """
    tried = []
    for folder in (_configured(), *OTHERS):
        if not folder:
            continue
        if len(os.fsencode(folder)) <= ROOM and os.access(folder, os.W_OK | os.X_OK) and Path(folder).is_dir():
            return folder
        tried.append(folder)
    raise UserError(
        f"there is no folder for the sockets of worker processes: {', '.join(tried)} cannot be written to or have "
        f"names of more than {ROOM} bytes; set TMPDIR to one that is shorter, such as TMPDIR=$(mktemp -d -p /tmp)"
    )


@contextmanager
def short_names() -> Iterator[None]:
    """Within the block multiprocessing makes its folder, which it uses and removes at its end, where names are short.

    `UserError` where there is no such place.
    """
    before = tempfile.tempdir
    tempfile.tempdir = short_folder()
    try:
        util.get_temp_dir()
        yield
    finally:
        tempfile.tempdir = before


def _configured() -> str:
    """TMPDIR, or where it cannot be written to what Python takes instead; empty for nothing at all."""
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        return ""
