"""Networks of the model hub, from folders: their pictures, their vectors, and what is said where a file lacks."""

import hashlib
import json
import sys

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from base.errors import UserError
from extract.config import FeaturesSettings
from extract.features.extractor import Extractor
from extract.networks import NETWORKS, load_network, lookup, weights_file
from extract.networks.registry import weights_path
from extract.videos.pictures import pictures_of
from tests.extract.networks.small_towers import MODELS, processor, saved, timm_folder, vectors

WIDTHS = {"clip": 24, "siglip": 16, "dinov2": 16, "videomae": 16, "videomae-classifier": 16}
FRAMES = np.random.default_rng(0).integers(0, 255, (4, 45, 78, 3), np.uint8)
"""Half a pixel of each crop's margin has to be rounded."""


def settings(kind: str, network: str, frames: int = 4, **values) -> FeaturesSettings:
    """Features with one network of the hub, and the other the demo's."""
    return FeaturesSettings.model_validate(
        {"sampling": {"clips": 2, "frames": frames}, kind: {"network": network} | values}
    )


def kind_of(model: str) -> str:
    return "motion" if model.startswith("videomae") else "appearance"


@pytest.mark.parametrize("model", MODELS)
def test_a_folder_gives_the_vectors_of_its_model(tmp_path, model):
    whole, kind = saved(tmp_path / "m", model), kind_of(model)
    features = settings(kind, f"transformers:{tmp_path}/m")
    picture, loaded = pictures_of(features)[kind], load_network(kind, features)
    pixels = processor(model)([Image.fromarray(frame) for frame in FRAMES], return_tensors="pt")["pixel_values"]
    pixels = pixels.reshape(-1, *pixels.shape[-3:])  # (frames, 3, S, S)
    ours = torch.from_numpy(np.stack([picture.of(frame) for frame in FRAMES]))  # (frames, S, S, 3)
    torch.testing.assert_close(loaded.normalise(ours.movedim(-1, 1)), pixels, atol=1e-5, rtol=1e-5)
    extractor = Extractor(kind, loaded, features, "cpu")
    clips = ours[None, None] if kind == "motion" else ours[None, :, None]  # (V, K, T or F, S, S, 3)
    found = extractor(clips)[0]
    with torch.inference_mode():
        theirs = vectors(whole, model, pixels[None] if kind == "motion" else pixels)
    assert found.shape == (1 if kind == "motion" else 4, WIDTHS[model]) and extractor.width == WIDTHS[model]
    np.testing.assert_allclose(found, theirs, atol=1e-5, rtol=1e-4)
    assert np.abs(found).mean() > 0.01
    assert not np.allclose(extractor(clips.flip(-2))[0], found, atol=1e-3)  # mirrored frames
    np.testing.assert_allclose(extractor(torch.cat([clips.flip(-2), clips]))[1], found, atol=1e-5, rtol=1e-4)
    said = loaded.description
    digest = hashlib.sha256((tmp_path / "m/model.safetensors").read_bytes()).hexdigest()
    assert (said["network"], said["sha256"]) == (f"transformers:{tmp_path}/m", digest)
    assert set(said["config_sha256"]) == {"config.json", "preprocessor_config.json"}


def test_pictures_are_the_folders_unless_the_configuration_says_others(tmp_path):
    saved(tmp_path / "m", "dinov2")
    network = f"transformers:{tmp_path}/m"
    assert pictures_of(settings("appearance", network))["appearance"] == (32, 37, "crop", "bicubic", "floor")
    other = {"fit": "squash", "resample": "decoder", "size": 48}
    assert pictures_of(settings("appearance", network, **other))["appearance"][:4] == (48, 56, "squash", "decoder")
    recipe = FeaturesSettings(preset="hcrn", appearance={"network": network, "frames": "mean"})
    assert recipe.appearance.mean is None and recipe.sampling.positions == "hcrn" and recipe.motion.fit == "squash"
    mine = {"mine": {"appearance": {"network": network, "size": 64}}}
    assert pictures_of(FeaturesSettings(preset="mine", presets=mine))["appearance"].fit == "crop"
    with pytest.raises(ValueError, match="needs `fit: squash`"):
        settings("appearance", network, resample="decoder")


def test_a_name_of_the_hub_is_looked_for_in_the_weights_folder(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    features = settings("appearance", "transformers:openai/clip").model_copy(update={"weights_folder": tmp_path})
    file = weights_file("appearance", features)
    assert file.path == tmp_path / "openai/clip/config.json" and not file.is_there
    advice = f"hf download openai/clip --local-dir {tmp_path}/openai/clip"
    assert "https://huggingface.co/openai/clip" in file.origin and advice in file.origin
    with pytest.raises(UserError, match=rf"transformers:openai/clip is not there(.|\n)*{advice}"):
        load_network("appearance", features)
    saved(tmp_path / "openai/clip", "clip")
    path = tmp_path / "openai/clip/model.safetensors"
    assert weights_file("appearance", features).path == weights_path("appearance", features) == path
    assert load_network("appearance", features).description["source"] == "https://huggingface.co/openai/clip"
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(UserError, match=rf"weights of transformers:openai/clip are not there: {path}(.|\n)*{advice}"):
        load_network("appearance", features)
    cache = tmp_path / "cache/models--openai--other"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs/main").write_text("0" * 40)
    (tmp_path / "openai/clip").rename(tmp_path / "moved")
    (cache / "snapshots").mkdir()
    (tmp_path / "moved").rename(cache / "snapshots" / ("0" * 40))
    other = settings("appearance", "transformers:openai/other").model_copy(update={"weights_folder": tmp_path})
    assert weights_file("appearance", other).path == cache / "snapshots" / ("0" * 40) / "model.safetensors"
    weights_file("appearance", other).path.write_bytes(kept)
    assert lookup("appearance", "transformers:openai/other", other).size == 32


def test_what_a_folder_can_not_be_taken_for(tmp_path):
    from safetensors.torch import load_file, save_file

    saved(tmp_path / "m", "videomae")
    network = f"transformers:{tmp_path}/m"
    with pytest.raises(
        UserError, match=r"no appearance network .*known: efficientnet(.|\n)*and transformers:NAME, timm"
    ):
        lookup("appearance", network, settings("appearance", network))
    with pytest.raises(UserError, match=r"takes clips of 4 frames, and `features.sampling.frames` is 8"):
        lookup("motion", network, settings("motion", network, frames=8))
    with pytest.raises(UserError, match=r"pictures of 32 pixels alone, and `size` is 64"):
        lookup("motion", network, settings("motion", network, size=64))
    state = load_file(tmp_path / "m/model.safetensors")
    lost = next(name for name in state if name.startswith("videomae.encoder"))
    save_file({name: value for name, value in state.items() if name != lost}, tmp_path / "m/model.safetensors")
    with pytest.raises(UserError, match=r"does not fit transformers:(.|\n)*no tensors of the right shape for"):
        load_network("motion", settings("motion", network))
    said = json.loads((tmp_path / "m/config.json").read_text())
    (tmp_path / "m/config.json").write_text(json.dumps(said | {"model_type": "bert"}))
    with pytest.raises(UserError, match="is of the type 'bert'; known: clip, "):
        lookup("motion", network, settings("motion", network))
    (tmp_path / "m/preprocessor_config.json").write_text("{}")
    (tmp_path / "m/config.json").write_text(json.dumps(said))
    with pytest.raises(UserError, match=r"do not say what transformers:.* sees: KeyError 'size'"):
        lookup("motion", network, settings("motion", network))


def test_a_network_of_timm_is_read_off_its_folder(tmp_path, monkeypatch):
    timm_folder(tmp_path / "timm/resnet10t.x")
    features = settings("appearance", "timm:resnet10t.x").model_copy(update={"weights_folder": tmp_path})
    assert pictures_of(features)["appearance"] == (64, 71, "crop", "bicubic", "even")
    entry = lookup("appearance", "timm:resnet10t.x", features)
    assert (entry.mean, entry.licence) == ((0.5, 0.4, 0.3), "apache-2.0")
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r"needs timm, which is not installed: pip install '\.\[timm\]'"):
        load_network("appearance", features)
    timm_folder(tmp_path / "timm/border", crop_mode="border")
    features = settings("appearance", "timm:border").model_copy(update={"weights_folder": tmp_path})
    with pytest.raises(UserError, match="crop_mode 'border'"):
        lookup("appearance", "timm:border", features)


def test_a_network_of_timm_gives_its_vectors(tmp_path):
    timm = pytest.importorskip("timm", reason="timm is an extra")
    from safetensors.torch import save_file

    timm_folder(tmp_path / "timm/resnet10t.x")
    torch.manual_seed(0)
    whole = timm.create_model("resnet10t", num_classes=7).eval()
    save_file(whole.state_dict(), tmp_path / "timm/resnet10t.x/model.safetensors")
    features = settings("appearance", "timm:resnet10t.x").model_copy(update={"weights_folder": tmp_path})
    loaded, frames = load_network("appearance", features), torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        theirs = whole.forward_head(whole.forward_features(frames), pre_logits=True)
        torch.testing.assert_close(loaded.module(frames), theirs)


VIDEO = {
    name: entry.source.rpartition(", ")[2].rstrip(")")
    for name, entry in NETWORKS.items()
    if "torchvision, K" in entry.source
}


@pytest.mark.parametrize("name", VIDEO)
def test_what_is_said_of_torchvisions_video_networks_is_what_it_says(name):
    theirs = torchvision.models.get_model_weights(name.removesuffix("-22k"))[VIDEO[name]]
    entry, sees = NETWORKS[name], theirs.transforms()
    assert entry.source.startswith(theirs.url) and theirs.url.endswith(entry.file)
    assert (list(entry.mean), list(entry.std)) == (sees.mean, sees.std)
    assert (entry.size, entry.short_side) == (sees.crop_size[0], sees.resize_size[0])


@pytest.mark.parametrize(
    ("name", "head", "shape", "width"),
    [
        ("r2plus1d_18", "fc", (4, 32, 32), 512),
        pytest.param("s3d", "classifier", (16, 224, 224), 1024, marks=pytest.mark.slow),
        pytest.param("mvit_v2_s", "head", (16, 224, 224), 768, marks=pytest.mark.slow),
        pytest.param("swin3d_t", "head", (4, 64, 64), 768, marks=pytest.mark.slow),
    ],
)
def test_a_video_network_of_torchvision_is_its_own_without_the_classifier(tmp_path, name, head, shape, width):
    torch.manual_seed(0)
    whole = getattr(torchvision.models.video, name)(weights=None).eval()
    torch.save(whole.state_dict(), tmp_path / "w.pth")
    setattr(whole, head, torch.nn.Identity())
    features, clip = settings("motion", name, frames=16, weights=tmp_path / "w.pth"), torch.rand(1, 3, *shape)
    with torch.inference_mode():
        found = load_network("motion", features).module(clip)
        torch.testing.assert_close(found, whole(clip))
    assert found.shape == (1, width)
