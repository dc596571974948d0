"""Everything that is pinned installs on every Python that the README names, not only on the one that pinned it."""

import re
from importlib import metadata

from packaging.specifiers import SpecifierSet

from tests.places import ROOT

OLDEST = "3.11.0"
"""What `requires-python` promises; Debian 12 has 3.11.2."""
PINS = re.findall(r"(?m)^([\w.-]+)==([^ ;\n]+)", (ROOT / "requirements.lock").read_text())


def too_new(pins: list[tuple[str, str]], python: str) -> list[str]:
    """The pinned packages that do not install on that Python, of those that are installed in the pinned version."""
    found = {}
    for name, version in pins:
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # of another platform
            continue
        if package.version == version:
            found[f"{name}=={version}"] = package.metadata.get("Requires-Python") or ""
    assert len(found) > 150
    return [f"{pin} wants Python {wanted}" for pin, wanted in found.items() if python not in SpecifierSet(wanted)]


def test_every_pin_installs_on_the_oldest_python():
    assert too_new(PINS, OLDEST) == []


def test_a_pin_that_does_not_is_named():
    assert any(line.startswith("numpy==") for line in too_new(PINS, "3.8.0"))
