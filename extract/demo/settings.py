"""Settings of the demo data set."""

from typing import Literal

from pydantic import Field, model_validator

from base.settings import Settings

SPLITS = ("train", "val", "test", "test-shifted")


class DemoSettings(Settings):
    """What is generated. Everything but the four sizes and `processes` decides what a video looks like."""

    train: int = Field(360, ge=1, description="Videos in train.")
    val: int = Field(60, ge=1, description="Videos in val.")
    test: int = Field(70, ge=1, description="Videos in test: made like train.")
    test_shifted: int = Field(
        70, ge=1, description="Videos in test-shifted: backgrounds independent of actions, all else as in test."
    )
    questions: int = Field(6, ge=1, le=20, description="Questions a video (fewer where a video has not that many).")
    seed: int = Field(0, ge=0, description="Video i of a split depends on the seed, the split and i alone.")
    bias: float = Field(
        0.8, ge=0, le=1, description="Probability that a scene shows the background that goes with its action."
    )
    environment: Literal["same-scene", "other-scene"] = Field(
        "same-scene",
        description="Where that background is: in the scene of the action itself, or in the scenes without an actor. "
        "With `other-scene` actors act anywhere, every video asks for one action, and empty scenes tell it by `bias`.",
    )
    noise: float = Field(0.02, ge=0, le=0.3, description="Standard deviation of the pixel noise; 1 is white.")
    scenes: tuple[int, int] = Field((2, 4), description="Fewest and most scenes of a video, empty ones included.")
    empty_scenes: tuple[int, int] = Field((0, 1), description="Fewest and most scenes of a video without an actor.")
    scene_seconds: tuple[float, float] = Field((1.5, 3.0), description="Shortest and longest scene, in seconds.")
    fps: int = Field(12, ge=8, le=60, description="Frames a second; the shipped motion network knows 12.")
    width: int = Field(160, ge=32, multiple_of=2, description="Width of a frame in pixels.")
    height: int = Field(120, ge=32, multiple_of=2, description="Height of a frame in pixels.")
    processes: int | None = Field(
        None, ge=1, description="Worker processes; as many as there are cores if empty. Changes no file."
    )

    @model_validator(mode="after")
    def _fits(self) -> "DemoSettings":
        for name in ("scenes", "empty_scenes", "scene_seconds"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"`{name}`: the first number may not be larger than the second")
        if self.empty_scenes[0] < 0 or self.scenes[0] - self.empty_scenes[1] < 1:
            raise ValueError("`scenes` and `empty_scenes` must leave at least one scene with an actor in every video")
        if self.environment == "other-scene" and self.empty_scenes[0] < 1:
            raise ValueError("`environment: other-scene` needs an empty scene in every video: `empty_scenes` from 1 on")
        if self.scenes[1] - self.empty_scenes[0] > 5:
            raise ValueError("`scenes`: at most five scenes may have an actor, since there are five shapes")
        if self.scene_seconds[0] * self.fps < 1:
            raise ValueError("`scene_seconds`: a scene must last at least one frame")
        return self

    def videos(self, split: str) -> int:
        """The number of videos in a split."""
        return int(getattr(self, split.replace("-", "_")))

    def split_bias(self, split: str) -> float:
        """The bias that a split is made with."""
        return 0.0 if split == "test-shifted" else self.bias

    def content(self) -> dict[str, object]:
        """The settings that decide what video i of a split is; two folders that agree here hold the same videos."""
        unread = {"train", "val", "test", "test_shifted", "processes"}
        if self.environment == "same-scene":
            unread.add("environment")  # folders of before the setting are the same
        return self.model_dump(mode="json", exclude=unread)
