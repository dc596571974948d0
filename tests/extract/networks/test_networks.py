"""Networks by name: their weights are data, loaded strictly, and never made up."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from base.errors import UserError
from base.settings import parse
from extract.config import AppearanceSettings, FeaturesSettings, LocalNetwork, NetworkSettings
from extract.features.extractor import Extractor
from extract.networks import NETWORKS, load_network, lookup, weights_file
from extract.networks.resnext3d import RESNEXT3D_101, ResNeXt3D, hara_key
from tests.places import ROOT

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def appearance(**values) -> FeaturesSettings:
    return FeaturesSettings(appearance={"network": "resnet152"} | values)


def test_weights_that_are_not_there_say_where_to_get_them(tmp_path):
    with pytest.raises(UserError, match=r"resnext-101-kinetics.pth(.|\n)*github.com/kenshohara"):
        load_network("motion", FeaturesSettings(weights_folder=tmp_path))
    with pytest.raises(
        UserError, match=r"weights/resnet152-394f9c45.pth(.|\n)*download.pytorch.org(.|\n)*sha256 394f9c45"
    ):
        load_network("appearance", FeaturesSettings(weights_folder=tmp_path / "weights"))


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path):
    torch.save({"fc.weight": torch.zeros(1)}, tmp_path / "resnet152-394f9c45.pth")
    with pytest.raises(UserError, match="is not the published file: its sha256 is"):
        load_network("appearance", FeaturesSettings(weights_folder=tmp_path))


def test_a_file_of_other_tensors_or_of_code_is_refused(tmp_path):
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(UserError, match="does not fit resnet152"):
        load_network("appearance", appearance(weights=tmp_path / "a.pth"))
    torch.save({"state_dict": {}, "callback": print}, tmp_path / "b.pth")
    with pytest.raises(UserError, match="holds more than tensors"):
        load_network("appearance", appearance(weights=tmp_path / "b.pth"))


def test_resnet_152_is_torchvisions(tmp_path):
    torch.manual_seed(3)
    reference = torchvision.models.resnet152(weights=None).eval()
    torch.save(reference.state_dict(), tmp_path / "resnet152.pth")
    network = load_network("appearance", appearance(weights=tmp_path / "resnet152.pth"))
    reference.fc = torch.nn.Identity()
    frames = torch.randint(0, 255, (1, 3, 96, 96), dtype=torch.uint8)
    transform = torchvision.transforms.Normalize(*IMAGENET.values())
    with torch.inference_mode():
        ours, theirs = network.module(network.normalise(frames)), reference(transform(frames / 255))
    assert torch.linalg.norm(ours - theirs) < 1e-4 * torch.linalg.norm(theirs)
    assert network.description["sha256"] == hashlib.sha256((tmp_path / "resnet152.pth").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "weights", ["ResNet152_Weights.IMAGENET1K_V1", "ResNet152_Weights.IMAGENET1K_V2", "ResNet101_Weights.IMAGENET1K_V1"]
)
def test_what_is_said_of_torchvisions_weights_is_what_it_says(weights):
    name = {"ResNet152_Weights.IMAGENET1K_V2": "resnet152-v2"}.get(weights, weights[:9].lower())
    entry, theirs = NETWORKS[name], torchvision.models.get_weight(weights)
    transforms = theirs.transforms()
    assert entry.source.startswith(theirs.url) and entry.file == Path(theirs.url).name
    assert list(entry.mean) == transforms.mean and list(entry.std) == transforms.std
    assert ([entry.size], [entry.short_side]) == (transforms.crop_size, transforms.resize_size)


@pytest.mark.slow
@pytest.mark.parametrize("extra", [{}, {"without_counts": True}])
def test_haras_file_loads_strictly(tmp_path, extra):
    torch.manual_seed(1)
    network = ResNeXt3D(RESNEXT3D_101).eval()
    state = {f"module.{hara_key(name)}": value for name, value in network.state_dict().items()}
    if extra:  # PyTorch of 2017 did not count batches
        state = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    state |= {"module.fc.weight": torch.zeros(400, 2048), "module.fc.bias": torch.zeros(400)}
    path = tmp_path / "resnext-101-kinetics.pth"
    torch.save({"arch": "resnext-101", "epoch": 1, "state_dict": state}, path)
    loaded = load_network("motion", FeaturesSettings(weights_folder=tmp_path))
    clip = torch.rand(1, 3, 16, 32, 32)
    with torch.inference_mode():
        assert torch.equal(loaded.module(clip), network(clip))
    del state["module.layer4.2.conv3.weight"]
    torch.save({"state_dict": state}, path)
    with pytest.raises(UserError, match=r"layer4.2.conv3.weight"):
        load_network("motion", FeaturesSettings(weights_folder=tmp_path))
    torch.save({"state_dict": state | {"module.layer5.weight": torch.zeros(1)}}, path)
    with pytest.raises(UserError, match="does not fit"):
        load_network("motion", FeaturesSettings(weights_folder=tmp_path))


def test_where_weights_are_looked_for_is_known_before_anything_is_loaded(tmp_path):
    published = weights_file("appearance", FeaturesSettings(weights_folder=tmp_path))
    assert published.path == tmp_path / "resnet152-394f9c45.pth" and "download.pytorch.org" in published.origin
    assert not published.is_there
    published.path.touch()
    assert published.is_there
    assert weights_file("appearance", appearance(weights=tmp_path / "mine.pth")).path == tmp_path / "mine.pth"
    assert weights_file("appearance", appearance(weights="random")) is None
    assert (
        weights_file("motion", FeaturesSettings(motion={"network": "resnext3d-tiny"})) is None
    )  # the package carries them


def test_random_weights_are_seeded_and_stamped():
    networks = [load_network("motion", FeaturesSettings(motion=tiny(seed=seed))) for seed in (0, 0, 1)]
    first, second, third = (next(network.module.parameters()) for network in networks)
    assert torch.equal(first, second) and not torch.equal(first, third)
    assert networks[2].description["weights"] == "random (seed 1)"


def tiny(**values) -> NetworkSettings:
    return NetworkSettings(network="resnext3d-tiny", weights="random", **values)


def own(**values) -> LocalNetwork:
    settings = {"kind": "appearance", "builder": "torchvision.models:squeezenet1_1", "head": "classifier", "size": 64}
    return LocalNetwork(**settings | IMAGENET | {"file": "w.pth", "source": "https://example.org/w.pth"} | values)


def test_any_network_of_torchvision_by_configuration(tmp_path):
    torch.manual_seed(0)
    reference = torchvision.models.squeezenet1_1(weights=None)
    state = {f"net.{name}": value for name, value in reference.state_dict().items()}
    torch.save(state, tmp_path / "w.pth")
    network = own(
        keys=((r"^net\.", ""), (r"^classifier\.", None)),
        sha256=hashlib.sha256((tmp_path / "w.pth").read_bytes()).hexdigest(),
    )
    features = FeaturesSettings(networks={"mine": network}, appearance={"network": "mine"}, weights_folder=tmp_path)
    assert lookup("appearance", "mine", features).size == 64
    extractor = Extractor("appearance", load_network("appearance", features), features, "cpu")
    assert extractor.width == 512 * 3 * 3
    with pytest.raises(UserError, match=r"no motion network 'mine'; known: .*resnet3d-152, .*; and transformers:NAME"):
        lookup("motion", "mine", features)


def test_a_network_of_ones_own_file_and_its_mistakes(tmp_path):
    (tmp_path / "net.py").write_text(
        "import torch\n"
        "class Mean(torch.nn.Module):\n"
        "    def forward(self, clips): return clips.mean(dim=(2, 3, 4))\n"
        "def build(): return Mean()\n"
        "def maps(): return torch.nn.Identity()\n"
        "def nothing(): return 3\n"
    )
    torch.save({}, tmp_path / "w.pth")

    def extractor(function: str) -> Extractor:
        network = own(kind="motion", builder=f"{tmp_path}/net.py:{function}", head=None, size=16)
        features = FeaturesSettings(networks={"mine": network}, motion={"network": "mine"}, weights_folder=tmp_path)
        return Extractor("motion", load_network("motion", features), features, "cpu")

    found = extractor("build")
    assert found.width == 3
    assert "sha256" in found.description(FeaturesSettings())["builder"]
    with pytest.raises(UserError, match=r"gives .* not a vector for each"):
        extractor("maps")
    with pytest.raises(UserError, match="returns int, not a torch module"):
        extractor("nothing")
    with pytest.raises(UserError, match=r"networks.mine: .*net\.py has no 'mapz'; did you mean 'maps'"):
        extractor("mapz")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_is_close_and_stamped(precision):
    pictures = torch.randint(0, 255, (1, 2, 1, 96, 96, 3), dtype=torch.uint8)
    values = {}
    for name in ("fp32", precision):
        features = FeaturesSettings(appearance={"network": "efficientnet-lite0", "size": 96}, precision=name)
        extractor = Extractor("appearance", load_network("appearance", features), features, "cpu")
        assert extractor.description(features)["precision"] == name
        values[name] = extractor(pictures)
        assert values[name].dtype == np.float32
    error = np.linalg.norm(values[precision] - values["fp32"]) / np.linalg.norm(values["fp32"])
    assert 0 < error < 0.1


@pytest.mark.slow
def test_a_compiled_network_gives_the_same():
    pictures = torch.randint(0, 255, (1, 2, 4, 56, 56, 3), dtype=torch.uint8)
    values = []
    for compile_ in (False, True):
        features = FeaturesSettings(motion=tiny(), compile=compile_, sampling={"frames": 4})
        values.append(Extractor("motion", load_network("motion", features), features, "cpu")(pictures))
    np.testing.assert_allclose(values[0], values[1], rtol=1e-3, atol=1e-4)


def test_presets_are_laid_under_what_is_given():
    assert FeaturesSettings().sampling.positions == "middles" and FeaturesSettings().motion.network == "resnext3d-101"
    hcrn = FeaturesSettings(preset="hcrn", appearance={"frames": "mean"})
    assert (hcrn.sampling.positions, hcrn.appearance.resample, hcrn.appearance.frames) == ("hcrn", "bicubic", "mean")
    assert hcrn.appearance.std == (0.229, 0.224, 0.224) and hcrn.motion.mean == (0.0, 0.0, 0.0)
    assert FeaturesSettings(preset="mspan").motion.network == "resnet3d-152"
    mine = FeaturesSettings(
        preset="mine", presets={"mine": {"sampling": {"clips": 8}}, "other": {}}, sampling={"frames": 4}
    )
    assert (mine.sampling.clips, mine.sampling.frames) == (8, 4)
    assert set(mine.presets) == {"mine"}, "a change of a preset that is not used would rerun everything"
    assert parse(FeaturesSettings, mine.model_dump(mode="json"), "again") == mine
    with pytest.raises(UserError, match=r"no preset 'papr'; known: paper, hcrn, mspan"):
        parse(FeaturesSettings, {"preset": "papr"}, "features")


@pytest.mark.parametrize("preset", ["paper", "hcrn", "mspan"])
def test_every_network_of_a_preset_is_known(preset):
    features = FeaturesSettings(preset=preset)
    for kind in ("appearance", "motion"):
        lookup(kind, getattr(features, kind).network, features)


def test_a_crop_needs_a_filter():
    with pytest.raises(UserError, match="`fit: crop` needs `resample"):
        parse(AppearanceSettings, {"network": "resnet152", "fit": "crop"}, "appearance")


def test_what_needs_no_torch_does_not_import_it():
    features = ", ".join(f"extract.features.{name}" for name in ("shards", "imported", "inspection", "comparison"))
    code = f"import sys, extract.videos.probe, extract.videos.decode, extract.cli, {features}"
    code += "; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
