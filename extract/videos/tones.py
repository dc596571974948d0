"""Pictures of high dynamic range (HDR) as an ordinary screen shows them.

Phones record HDR as PQ (SMPTE ST 2084) or HLG (ARIB STD-B67), in the colours of BT.2020. Taken as ordinary values such
pictures are grey and flat. Here they become light, light of ordinary colours, and that an ordinary picture:

1. PQ gives the light of the screen in cd/m2. HLG gives that of the scene, and with a system gamma of 1.2 that of a
   screen of 1000 cd/m2 (BT.2100; for each colour by itself, as zimg and with it FFmpeg's `zscale` do).
2. 203 cd/m2 is white (BT.2408). The brightest of a pixel's three colours is left as it is up to KNEE of white; what is
   brighter, up to PEAK, is pressed into the rest. The other two follow in proportion, so that the hue stays.
3. BT.2020 becomes BT.709; what lies outside is clipped; the values are those of a screen with gamma 2.4 (BT.1886).
"""

import functools

import numpy as np
from av.video.reformatter import ColorTrc
from numpy.typing import NDArray

TRANSFERS = {int(ColorTrc.SMPTE2084): "PQ", int(ColorTrc.ARIB_STD_B67): "HLG"}
"""The transfers of HDR by FFmpeg's number."""
NAMES = {1: "bt709", 4: "gamma22", 5: "gamma28", 6: "bt601", 7: "smpte240m", 8: "linear", 13: "srgb", 14: "bt2020"}
"""Those of other pictures that are recorded by name."""
WHITE = 203.0
"""cd/m2 of a white surface (BT.2408)."""
PEAK = 1000.0
"""cd/m2 that become the brightest value; what is brighter is clipped."""
KNEE = 0.8
"""Share of white up to which nothing is changed."""
TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)
"""Linear BT.2020 to linear BT.709 (BT.2087)."""


def transfer_name(number: int) -> str:
    """The name of a transfer characteristic by FFmpeg's number; empty where the file does not say."""
    return TRANSFERS.get(number) or NAMES.get(number, "" if number in (0, 2, 3) else str(number))


def to_sdr(picture: NDArray[np.uint16], transfer: str, wide: bool = True) -> NDArray[np.uint8]:
    """An HDR picture (H, W, 3) of 16-bit values, `wide` in the colours of BT.2020, as an ordinary one of 8 bits."""
    light = _light(transfer)[picture]
    brightest = light.max(axis=-1, keepdims=True)
    light *= _pressed(brightest) / np.maximum(brightest, 1e-6)
    shown = np.power(np.clip(light @ TO_BT709.T if wide else light, 0, 1), 1 / 2.4)
    return np.asarray(np.rint(255 * shown), np.uint8)


def _pressed(bright: NDArray[np.float32]) -> NDArray[np.float32]:
    """Brightness with white as 1, so that PEAK becomes 1: unchanged to the KNEE, then bent with the same slope."""
    room, over = 1 - KNEE, np.clip(bright - KNEE, 0, PEAK / WHITE - KNEE)
    most = PEAK / WHITE - KNEE
    # over -> room * s (1 + s/m^2) / (1 + s), with s = over / room: slope 1 at 0, and 1 at the peak.
    scaled, top = over / room, most / room
    return np.where(bright > KNEE, KNEE + room * scaled * (1 + scaled / top**2) / (1 + scaled), bright)


@functools.cache
def _light(transfer: str) -> NDArray[np.float32]:
    """The light of a screen for each of the 65536 values; white is 1."""
    values = np.arange(65536) / 65535
    if transfer == "PQ":
        m1, m2 = 2610 / 16384, 2523 / 32
        c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
        root = np.power(values, 1 / m2)
        nits = 10000 * np.power(np.maximum(root - c1, 0) / (c2 - c3 * root), 1 / m1)
        return (nits / WHITE).astype(np.float32)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)
    return (PEAK / WHITE * scene**1.2).astype(np.float32)
