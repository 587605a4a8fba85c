"""Models by name: which there are, how they are built, and what is refused in one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torchvision

import trainables
from optimizers import InputError
from tests.conftest import REPOSITORY, CommandLine, slow
from tests.trainables.test_image_folder import write_classes
from trainables import TrialSpec
from trainables.data.image_files import ShuffledFiles
from trainables.training.training_run import Training, open_training
from trainables.workloads import _torchvision_models
from trainables.workloads._torchvision_models import _MULTIPLE, _SMALLEST, ModelName, _names, build

FOLDER = trainables.get("torchvision/folder")
CLASSES = 3


def test_the_names_are_those_that_torchvision_registers_for_classification() -> None:
    assert _names("torchvision") == set(torchvision.models.list_models(module=torchvision.models))


def test_the_names_are_those_that_timm_registers() -> None:
    timm = pytest.importorskip("timm")
    assert _names("timm") == set(timm.list_models())


def test_checking_a_name_imports_no_torch() -> None:
    program = (
        "import sys, trainables\n"
        "trainables.get('torchvision/folder').check_options({'model': 'vit_b_16', 'resolution': 32})\n"
        "print({'torch', 'torchvision', 'timm'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert ended.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "resnet_18"}, r"model must be the name of .* got 'resnet_18'\. Did you mean \"resnet18\"\?"),
        (
            {"model": "vit_b_16", "resolution": 40},
            "vit_b_16 is built for images of a multiple of 16 pixels, and resolution is",
        ),
        ({"model": "inception_v3"}, "inception_v3 takes images of 75 pixels or more, and resolution is 64"),
        ({"model": "vgg11_bn", "resolution": 31}, "vgg11_bn takes images of 32 pixels or more"),
        ({"size": 32}, r'no option "size"; .* Did you mean "resolution"\?'),
    ],
)
def test_options_that_cannot_be_are_refused_before_torch_is_needed(options: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        FOLDER.check_options(options)


def test_a_sweep_names_the_line_of_options_that_do_not_go_together(command_line: CommandLine) -> None:
    (command_line.folder / "mine.yaml").write_text(
        "name: mine\nquestion: Which?\nworkload:\n  name: torchvision/folder\n  options:\n    model: vit_b_16\n"
        "    resolution: 40\nmetric: {name: val/loss}\nbaseline: adam\narms:\n  adam: {optimizer: adam, space: [lr]}\n"
    )
    ended = command_line("validate", "mine.yaml")
    assert ended.returncode == 2
    assert (
        "mine.yaml:7: workload.options.resolution: vit_b_16 is built for images of a multiple of 16 pixels"
        in ended.stderr
    )


def test_a_model_of_timm_is_refused_where_timm_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _torchvision_models.find_spec
    monkeypatch.setattr(_torchvision_models, "find_spec", lambda name: None if name == "timm" else found(name))
    _names.cache_clear()
    with pytest.raises(InputError, match=r"timm/resnet18 is a model of the package timm, which is not installed"):
        ModelName().check("timm/resnet18", "model")
    _names.cache_clear()


SIZES = {
    "alexnet": 63, "convnext_tiny": 32, "densenet121": 32, "efficientnet_b0": 32, "efficientnet_v2_s": 32,
    "googlenet": 15, "inception_v3": 75, "maxvit_t": 224, "mnasnet0_5": 32, "mobilenet_v2": 32,
    "mobilenet_v3_small": 32, "regnet_x_400mf": 32, "resnet18": 32, "resnext50_32x4d": 32, "shufflenet_v2_x0_5": 32,
    "squeezenet1_1": 17, "swin_t": 32, "swin_v2_t": 32, "vgg11": 32, "vgg11_bn": 32, "vit_b_32": 32,
}  # fmt: skip
"""One of each family, and of some two."""
# Of those that are built in a way of their own, and one that is not.
WITHOUT_MEMORY = ("googlenet", "inception_v3", "squeezenet1_1", "vit_b_32")


def logits(name: str, size: int) -> torch.Tensor:
    """Of two images in training."""
    model = FOLDER.load({"model": name, "resolution": size}).build_model(CLASSES)
    assert model.training
    return model(torch.zeros(2, 3, size, size))


@pytest.mark.parametrize("name", WITHOUT_MEMORY)
def test_a_model_of_each_kind_gives_a_row_of_logits_for_an_image(name: str) -> None:
    with torch.device("meta"):
        assert logits(name, SIZES[name]).shape == (2, CLASSES)


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_every_family_gives_a_row_of_logits_for_an_image(name: str) -> None:
    assert logits(name, SIZES[name]).shape == (2, CLASSES)


@pytest.mark.parametrize(
    "name", ["squeezenet1_1", *map(slow, sorted({*_SMALLEST, *_MULTIPLE} - {"squeezenet1_1", "vit_h_14"}))]
)
def test_the_sizes_that_are_refused_are_those_that_the_model_refuses(name: str) -> None:
    model = next(known for known in sorted(_names("torchvision")) if known.startswith(name))
    for size in {_SMALLEST[name] - 1} if name in _SMALLEST else {_MULTIPLE[name] - 4, _MULTIPLE[name] + 2}:
        with pytest.raises((RuntimeError, ValueError, AssertionError)):
            build(model, CLASSES, size).eval()(torch.zeros(1, 3, size, size))


@pytest.mark.parametrize("name", ["timm/resnet18", "timm/vit_tiny_patch16_224", "timm/swin_tiny_patch4_window7_224"])
def test_models_of_timm_are_built_for_the_size_of_the_images(name: str) -> None:
    pytest.importorskip("timm")
    model = FOLDER.load({"model": name, "resolution": 64}).build_model(CLASSES)
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, CLASSES)


def test_a_size_that_only_the_model_refuses_is_told_in_a_sentence() -> None:
    pytest.importorskip("timm")
    with pytest.raises(InputError, match=r"timm/vgg11 cannot be built for images of 8x8 pixels: "):
        FOLDER.load({"model": "timm/vgg11", "resolution": 8}).build_model(CLASSES)


def test_one_image_at_a_time_is_refused_where_batch_norm_cannot_learn_from_it() -> None:
    images, labels = torch.randint(256, (1, 3, 32, 32), dtype=torch.uint8), torch.zeros(1, dtype=torch.int64)
    small = FOLDER.load({"model": "shufflenet_v2_x0_5", "resolution": 32})
    with pytest.raises(InputError, match=r"shufflenet_v2_x0_5 cannot be trained on one image at a time .* batch_size"):
        small.parts(small.build_model(CLASSES))[0].loss(images, labels)
    without = FOLDER.load({"model": "squeezenet1_1", "resolution": 32})
    assert without.parts(without.build_model(CLASSES))[0].loss(images, labels).isfinite()


def test_no_epoch_ends_with_a_batch_of_one_image(tmp_path: Path) -> None:
    from trainables.data.splits import Split

    split = Split(torch.zeros(9, 4, dtype=torch.uint8), torch.zeros(9, dtype=torch.int64))
    feed = FOLDER.load().feed(split, 4)
    assert isinstance(feed, ShuffledFiles)
    assert feed.steps_per_epoch == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenet_v2", "efficientnet_b0", "shufflenet_v2_x1_0", "swin_t", "googlenet"]
)
def test_a_run_that_was_stopped_in_mid_epoch_goes_on_to_the_same_bits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With batch norm, dropout and blocks that are left out at random."""
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))
    write_classes(tmp_path / "pets", cat=20, dog=20)
    spec = TrialSpec(
        "torchvision/folder", 2, 8, "adam", {"lr": 1e-3}, seed=5,
        options={"model": name, "folder": "pets", "resolution": 32},
    )  # fmt: skip
    data = FOLDER.load_data(tmp_path, spec.options)

    def opened() -> Training:
        return open_training(spec, data, torch.device("cpu"))

    whole = opened()
    whole.advance(whole.total_steps)
    part = opened()
    part.advance(6)
    assert part.step % part.steps_per_epoch > 0
    torch.save(part.state_dict(), tmp_path / "state.pt")
    torch.manual_seed(4321)
    resumed = opened()
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    resumed.advance(resumed.total_steps)
    assert resumed.finished
    assert resumed.weights_sha256() == whole.weights_sha256()
    assert resumed.test_metrics() == whole.test_metrics()
