"""What the frames of a video look like beside their pixels: turned, of high dynamic range, interlaced."""

from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries

from extract.videos.geometry import UPRIGHT, Orientation, orientation
from extract.videos.tones import TRANSFERS, transfer_name


class Look:
    """Gathered while the frames of a file are decoded."""

    def __init__(self) -> None:
        self.orientation: Orientation = UPRIGHT
        self.transfer = ""
        """The transfer characteristic: PQ, HLG, bt709 ...; empty where the file does not say."""
        self.interlaced = 0
        """Frames that are two fields of different times."""
        self._frames = 0
        self._changes = 0
        self._dolby = False
        self._wide = False

    def note(self, frame: VideoFrame) -> None:
        """The next frame."""
        way = orientation(frame)
        if not self._frames:
            self.transfer = transfer_name(frame.color_trc)
            self._dolby = Type.DOVI_METADATA in frame.side_data
            self._wide = frame.color_primaries == ColorPrimaries.BT2020
        elif way != self.orientation:
            self._changes += 1
        self._frames += 1
        self.orientation = way
        self.interlaced += frame.interlaced_frame

    @property
    def objection(self) -> str:
        """What speaks against decord, which knows quarter turns and nothing else; empty where nothing does."""
        if self.orientation.mirrored or self._changes:
            return "decord does not mirror pictures"
        return "decord does not convert HDR" if self.transfer in TRANSFERS.values() else ""

    @property
    def remarks(self) -> list[str]:
        """What is not as usual, in words."""
        said = []
        if self.orientation.mirrored:
            said.append("the picture is stored mirrored and is turned back")
        if self.orientation.askew:
            said.append(f"a player turns the picture by {self.orientation.askew:g} degrees more, which is not done")
        if self._changes:
            said.append(f"the picture is turned {self._changes} times on the way")
        hdr = self.transfer in TRANSFERS.values()
        if hdr:
            said.append(f"HDR ({self.transfer}) is tone-mapped to SDR")
        if self._dolby and not hdr:
            said.append("Dolby Vision is not converted to SDR")
        if self._wide and not hdr:
            said.append("colours of BT.2020 are shown as they are stored")
        if self.interlaced:
            said.append(f"{self.interlaced} of {self._frames} frames are interlaced and stay so")
        return said
