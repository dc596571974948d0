"""Clip features: which frames of a video are looked at, and the networks that make vectors of them."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from base import plug
from base.settings import Settings
from extract.config.recipes import RECIPES


class SamplingSettings(Settings):
    """Which frames of a video are looked at: K clips of T consecutive frames."""

    clips: int = Field(16, ge=1, description="K, clips a video.")
    frames: int = Field(16, ge=1, description="T, consecutive frames a clip.")
    positions: Literal["middles", "hcrn", "spread"] = Field(
        "middles",
        description="Clips around the middles of K equal parts; where the code of HCRN (from which NExT-QA's features "
        "come) puts them; or around K frames spread from the first to the last, as MSPAN's code.",
    )

    @model_validator(mode="after")
    def _hcrn_has_two_halves(self) -> "SamplingSettings":
        if self.positions == "hcrn" and self.frames % 2:
            raise ValueError(
                f"`positions: hcrn` needs an even number of `frames`, not {self.frames}: half of a clip lies before "
                "its centre, half after it; take an even number, or other positions"
            )
        return self


RGB = tuple[float, float, float]

HUB_LIBRARIES = ("transformers", "timm")
"""What builds the networks of the model hub, whose folders say themselves which pictures they see."""


def is_of_hub(network: str) -> bool:
    """Whether a name is of a network of the model hub, as `transformers:openai/clip-vit-large-patch14`."""
    return network.startswith(tuple(f"{library}:" for library in HUB_LIBRARIES))


class NetworkSettings(Settings):
    """One feature network, its weights, and the pictures that it sees."""

    network: str = Field(
        description="Name in the registry of feature networks, or under `networks`; or `transformers:NAME`, "
        "`timm:NAME`: a network of the model hub, or a local folder (docs/networks.md)."
    )
    weights: Literal["published", "random"] | Path = Field(
        "published",
        description="`published`: the weights that belong to the network (a package, or a file in `weights_folder`); "
        "`random`: seeded random weights, for tests only, stamped on every file and table; or the path of a file.",
    )
    seed: int = Field(0, description="Seed of random weights.")
    size: int | None = Field(None, ge=16, description="Side of the square input in pixels; the network's own if empty.")
    fit: Literal["squash", "crop"] | None = Field(
        None,
        description="Make the whole frame square, or keep its proportions and cut the centre out, as the published "
        "weights were trained; the network's own if empty.",
    )
    short_side: int | None = Field(
        None, ge=16, description="With `crop`: the shorter side before cutting; what the weights ask for if empty."
    )
    resample: Literal["decoder", "bilinear", "bicubic"] | None = Field(
        None,
        description="What resizes: the decoder, to the larger of both networks' sizes (quick), or Pillow, from the "
        "whole frame, with antialiasing; the network's own if empty.",
    )
    mean: RGB | None = Field(None, description="Subtracted from RGB values in 0..`scale`; the network's if empty.")
    std: RGB | None = Field(None, description="What is left is divided by it; the network's if empty.")
    scale: float | None = Field(None, gt=0, description="Largest RGB value; the network's if empty.")

    @model_validator(mode="after")
    def _crop_has_proportions(self) -> "NetworkSettings":
        resample = self.resample or (None if is_of_hub(self.network) else "decoder")
        if self.fit == "crop" and resample == "decoder":
            raise ValueError("`fit: crop` needs `resample: bilinear` or `resample: bicubic`")
        if self.fit is None and self.resample == "decoder" and is_of_hub(self.network):
            raise ValueError("`resample: decoder` makes the whole frame square: it needs `fit: squash`")
        return self


class AppearanceSettings(NetworkSettings):
    """The network of the appearance features."""

    frames: Literal["middle", "mean", "max", "every"] = Field(
        "middle",
        description="Of a clip: its middle frame, or the mean or the maximum of the features of all frames. With every "
        "the vectors of all frames are kept as well, beside that of the middle one, for backbones that read them "
        "(hcrn).",
    )


class LocalNetwork(Settings):
    """A network of torchvision or of one's own, with its weights as data."""

    kind: Literal["appearance", "motion"] = Field(description="What it sees: frames, or clips.")
    builder: str = Field(
        pattern=plug.PATTERN,
        description="`module:function` or `path/of/a/file.py:function`; the function takes no arguments and returns a "
        "module that maps frames (N, 3, H, W), or clips (N, 3, T, H, W), to features (N, D).",
    )
    head: str | None = Field(None, description="Name of its classifier, which is taken off (`fc`, `classifier`).")
    size: int = Field(ge=16, description="Side of its input in pixels.")
    short_side: int | None = Field(None, ge=16, description="With `crop`: the shorter side before cutting.")
    mean: RGB = Field(description="Mean of RGB values in 0..`scale`.")
    std: RGB = Field(description="Their standard deviation.")
    scale: float = Field(1.0, gt=0, description="Largest RGB value, 1 or 255.")
    file: str = Field(description="Name of the file of its published weights, looked for in `weights_folder`.")
    source: str = Field(description="Where the file is published.")
    sha256: str | None = Field(None, description="The file's SHA-256, or how it begins.")
    licence: str = Field("unknown", description="Licence of the weights.")
    keys: tuple[tuple[str, str | None], ...] = Field(
        (),
        description="From the file's names to the module's: pairs of a regular expression and what it is replaced by, "
        "one after the other; nothing leaves the tensor out.",
    )


class OwnRecipe(Settings):
    """A recipe of one's own (see `recipes.py`); what it leaves out is as in `paper`."""

    sampling: dict[str, Any] = Field({}, description="As `sampling` of the features.")
    appearance: dict[str, Any] = Field({}, description="As `appearance` of the features.")
    motion: dict[str, Any] = Field({}, description="As `motion` of the features.")


class FeaturesSettings(Settings):
    """Appearance and motion features of every clip."""

    preset: str = Field(
        "paper",
        description="The recipe, which is followed where this configuration says nothing: `paper`, `hcrn`, `mspan` "
        "(docs/formats.md), or one of `presets`.",
    )
    presets: dict[str, OwnRecipe] = Field({}, description="Recipes of your own, by name.")
    networks: dict[str, LocalNetwork] = Field({}, description="Networks of torchvision or of your own, by name.")
    sampling: SamplingSettings = SamplingSettings()
    appearance: AppearanceSettings = AppearanceSettings(network="resnet152")
    motion: NetworkSettings = NetworkSettings(network="resnext3d-101")
    weights_folder: Path = Field(Path("weights"), description="Where files of published weights are looked for.")
    storage: Literal["float16", "float32"] = Field("float16", description="Number type in the feature file.")
    shards: int = Field(16, ge=1, description="In how many parts the videos of a collection are worked on.")
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        "fp32", description="Numbers that the networks calculate with; docs/benchmarks.md has what each costs in error."
    )
    compile: bool = Field(False, description="Compile the networks with torch.compile before the first video.")
    batch: int | None = Field(
        None, ge=1, description="Videos that go through a network at once; what fits into the memory if empty."
    )

    @model_validator(mode="before")
    @classmethod
    def _over_its_recipe(cls, values: Any) -> Any:
        """Lays what is given over the recipe; of one's own recipes only the one that is used is kept."""
        if not isinstance(values, dict):
            return values
        name, own = values.get("preset", "paper"), values.get("presets") or {}
        if name not in RECIPES and name not in own:
            raise ValueError(f"there is no preset {name!r}; known: {', '.join([*RECIPES, *own])}")
        recipe = RECIPES.get(name, RECIPES["paper"])
        if name in own:
            over = own[name].model_dump() if isinstance(own[name], OwnRecipe) else own[name]
            recipe = {part: _laid_over(RECIPES["paper"][part], over.get(part, {})) for part in RECIPES["paper"]}
        result = values | {"presets": {name: own[name]} if name in own else {}}
        for part in recipe:
            given = values.get(part, {})
            if isinstance(given, Settings):
                given = given.model_dump(exclude_unset=True)
            if isinstance(given, dict):
                result[part] = _laid_over(recipe[part], given)
        return result


def _laid_over(recipe: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """A part of a recipe, and over it what is given; a network of the hub does not see the pictures of the recipe's."""
    network = str(given.get("network", recipe.get("network", "")))
    if is_of_hub(network) and network != recipe.get("network"):
        pictures = {"size", "short_side", "fit", "resample", "mean", "std", "scale"}
        recipe = {key: value for key, value in recipe.items() if key not in pictures}
    return recipe | given
