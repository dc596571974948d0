"""What tests of asking share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def asked_runs(tmp_path_factory) -> Path:
    """A folder of `made`: rendered videos, and a run of each form."""
    from tests.eigv.asking import made

    folder = tmp_path_factory.mktemp("asked")
    made.videos(folder)
    for form in made.FORMS:
        made.run(folder, form)
    return folder
