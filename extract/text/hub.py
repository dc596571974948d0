"""Whether a text encoder can be had, without loading it."""

import socket
from functools import cache
from urllib.parse import urlsplit
from urllib.request import getproxies

from base.errors import UserError
from extract.text.encoder import PACKAGES, folder_of, is_folder, remedy

PATIENCE = 3.0
"""Seconds in which the model hub answers, or is taken for out of reach."""


def why_not_there(name: str) -> str | None:
    """Why an encoder cannot be loaded and what to do, a sentence each; None where nothing speaks against it.

    A hub name is there when the local cache has its description, or when the hub can be reached, which is tried for
    3 s. Encoders of packages are not looked for: they may be installed only where the jobs run (--use-conda).
    """
    if name in PACKAGES:
        return None
    try:
        source = folder_of(name)
    except UserError as error:
        return str(error)
    if is_folder(source) or _in_cache(source):
        return None
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        reason = "HF_HUB_OFFLINE is set"
    elif _answers(constants.ENDPOINT):
        return None
    else:
        reason = f"{constants.ENDPOINT} does not answer"
    return f"it is not in the local cache ({constants.HF_HUB_CACHE}), and {reason}\n{remedy(name)}"


def _in_cache(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:  # not a name of the hub; loading says so
        return False


@cache
def _answers(endpoint: str) -> bool:
    address = urlsplit(endpoint)
    if address.scheme in getproxies():  # what is behind the proxy is seen only by asking for it
        return True
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname or "", port), PATIENCE).close()
    except OSError:
        return False
    return True
