"""Networks of the model hub, by name or local folder: `transformers:NAME`, `timm:NAME`.

Their folders say what they are: `config.json` the architecture, `preprocessor_config.json` the pictures (of timm,
`config.json` too), `model.safetensors` the weights. Nothing is downloaded; a name is looked for in the weights folder,
then in the hub's local cache.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from base.errors import UserError
from base.reading import read_json
from extract.config import FeaturesSettings, NetworkSettings
from extract.networks.entry import FeatureNetwork
from extract.networks.hub_models import TOWERS

if TYPE_CHECKING:
    from torch import nn

    from extract.networks.entry import State

CONFIG, WEIGHTS = "config.json", "model.safetensors"
PICTURES = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")
"""Where transformers says which pictures a model sees; its versions write different ones."""
RESAMPLE = {2: "bilinear", 3: "bicubic"}
"""Pillow's numbers of filters, as transformers writes them."""


class HubFolder(NamedTuple):
    """Where a network of the hub is looked for, there or not."""

    network: str
    """As the configuration names it."""
    path: Path
    repository: str | None
    """Its name on the hub; None for a local folder."""

    @classmethod
    def of(cls, choice: NetworkSettings, features: FeaturesSettings) -> HubFolder:
        """That of a configuration's choice: where the weights are that it names, the local folder, or the hub's."""
        library, _, name = choice.network.partition(":")
        local = name.count("/") > 1 or name.startswith((".", "/")) or Path(name).is_dir()
        repository = None if local else f"timm/{name}" if library == "timm" else name
        if isinstance(choice.weights, Path):
            return cls(choice.network, choice.weights.parent, repository)
        if repository is None:
            return cls(choice.network, Path(name), None)
        placed = features.weights_folder / repository
        return cls(choice.network, placed if placed.is_dir() else _cached(repository) or placed, repository)

    @property
    def files(self) -> tuple[Path, ...]:
        """What says how to build the network and what it sees, whether it is there or not."""
        config = self.path / CONFIG
        if self.network.startswith("timm:"):
            return (config,)
        pictures = [self.path / name for name in PICTURES]
        return config, next((path for path in pictures if path.is_file()), pictures[0])

    @property
    def weights(self) -> Path:
        """The file of the weights, whether it is there or not."""
        return self.path / WEIGHTS

    @property
    def source(self) -> str:
        """Where it is published."""
        return f"https://huggingface.co/{self.repository}" if self.repository else str(self.path)

    @property
    def remedy(self) -> str:
        """What to do where a file is not there."""
        content = f"{CONFIG}, {'' if self.network.startswith('timm:') else PICTURES[0] + ', '}{WEIGHTS} (all in one)"
        if self.repository is None:
            return f"the folder needs what `save_pretrained` writes: {content}"
        return (
            f"download it where there is a network (`hf download {self.repository} --local-dir {self.path}`), which "
            f"brings {content}"
        )


def from_folder(folder: HubFolder) -> FeatureNetwork:
    """The entry of a network of the hub, as its folder says; neither torch nor transformers is imported.

    `UserError` where files are not there or say what cannot be followed.
    """
    for path in folder.files:
        if not path.is_file():
            raise UserError(f"{folder.network} is not there: {path} is missing\n  {folder.remedy}")
    try:
        return _timm(folder) if folder.network.startswith("timm:") else _transformers(folder)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"the files in {folder.path} do not say what {folder.network} sees: {type(error).__name__} {error}\n"
            f"  {folder.remedy}"
        ) from None


def _transformers(folder: HubFolder) -> FeatureNetwork:
    config, pictures = (read_json(path, f"a file of {folder.network}") for path in folder.files)
    tower = TOWERS.get(str(config.get("model_type")))
    if tower is None:
        raise UserError(
            f"{folder.network} is of the type {config.get('model_type')!r}; known: {', '.join(TOWERS)}. Describe "
            "another under `features.networks`"
        )

    def state(path: Path) -> State:
        from extract.networks import towers

        return towers.state(tower, folder.path, path)

    def build() -> nn.Module:
        from extract.networks import towers

        return towers.build(tower, folder.path)

    said = pictures.get("image_processor", pictures.get("video_processor", pictures))
    fit, size, short_side = _geometry(said, folder)
    normalised = said.get("do_normalize", True)
    return FeatureNetwork(
        kind=tower.kind,
        build=build,
        size=size,
        short_side=short_side,
        mean=_rgb(said["image_mean"]) if normalised else (0.0, 0.0, 0.0),
        std=_rgb(said["image_std"]) if normalised else (1.0, 1.0, 1.0),
        scale=round(255.0 * said.get("rescale_factor", 1 / 255), 6) if said.get("do_rescale", True) else 255.0,
        file=WEIGHTS,
        source=folder.source,
        licence="see its page",
        load=state,
        fit=fit,
        resample=_filter(said["resample"], folder),
        margin="floor",
        frames=config.get("num_frames") if tower.kind == "motion" else None,
        one_size=tower.one_size,
        beside=folder.files,
    )


def _geometry(said: dict[str, Any], folder: HubFolder) -> tuple[Any, int, int]:
    """`fit`, the side of the picture, and the shorter side before cutting."""
    if not said.get("do_resize", True):
        raise UserError(f"{folder.network} sees frames that are not resized; say `fit`, `size` and `resample` yourself")
    size, crop = said["size"], said.get("crop_size")
    cuts = said.get("do_center_crop", False)
    if isinstance(size, int):
        size = {"shortest_edge": size} if cuts else {"height": size, "width": size}
    if cuts and "shortest_edge" in size:
        return "crop", crop if isinstance(crop, int) else _side(crop, folder), int(size["shortest_edge"])
    side = _side(size, folder)
    if cuts and _side(crop, folder) != side:
        raise UserError(f"{folder.network} squashes frames to {side} and cuts {crop} out; no picture of ours does")
    return "squash", side, side


def _side(size: Any, folder: HubFolder) -> int:
    if size["height"] != size["width"]:
        raise UserError(f"{folder.network} sees pictures of {size['width']} x {size['height']}; here they are squares")
    return int(size["height"])


def _filter(resample: int, folder: HubFolder) -> Any:
    if resample not in RESAMPLE:
        raise UserError(f"{folder.network} resizes with Pillow's filter {resample}; known: 2 (bilinear), 3 (bicubic)")
    return RESAMPLE[resample]


def _timm(folder: HubFolder) -> FeatureNetwork:
    def build() -> nn.Module:
        from extract.networks import towers

        return towers.build_timm(folder.network, config)

    def state(path: Path) -> State:
        from extract.networks import towers

        return towers.timm_state(config, path)

    config = read_json(folder.files[0], f"a file of {folder.network}")
    said = config["pretrained_cfg"]
    _, height, width = said["input_size"]
    size = _side({"height": height, "width": width}, folder)
    short_side, mode = int(size / said.get("crop_pct", 0.875)), said.get("crop_mode", "center")
    if mode not in ("center", "squash") or (mode == "squash" and short_side != size):
        raise UserError(f"{folder.network} has the crop_mode {mode!r} at {short_side}; no picture of ours is so")
    if said["interpolation"] not in RESAMPLE.values():
        raise UserError(f"{folder.network} resizes by {said['interpolation']!r}; known: {', '.join(RESAMPLE.values())}")
    return FeatureNetwork(
        kind="appearance",
        build=build,
        size=size,
        short_side=short_side,
        mean=_rgb(said["mean"]),
        std=_rgb(said["std"]),
        scale=1.0,
        file=WEIGHTS,
        source=folder.source,
        licence=said.get("license", "see its page"),
        load=state,
        fit="squash" if mode == "squash" else "crop",
        resample=said["interpolation"],
        one_size=said.get("fixed_input_size", False),
        beside=folder.files,
    )


def _rgb(values: list[float]) -> Any:
    red, green, blue = values
    return float(red), float(green), float(blue)


def _cached(repository: str) -> Path | None:
    """The folder of a repository in the hub's local cache."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(repository, CONFIG)
    except HFValidationError:
        raise UserError(f"{repository!r} is no name of the model hub, and no folder of that name is there") from None
    return Path(found).parent if isinstance(found, str) else None
