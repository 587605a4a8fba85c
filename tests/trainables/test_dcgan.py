"""The DCGAN: its nets are the paper's, its losses and its distance those of the formulas, its two optimizers apart."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

import trainables
from optimizers import InputError
from tests.conftest import slow
from trainables import TrialSpec
from trainables.data.splits import DataSet, Split
from trainables.training.training_run import Training, open_training
from trainables.workloads import _frechet, feature_nets
from trainables.workloads.dcgan import Dcgan, GenerativePair

SMALL = {"width": 8, "latent": 6, "samples": 64}


def workload(name: str = "dcgan/mnist", **options: Any) -> Dcgan:
    loaded = trainables.get(name).load({**SMALL, **options})
    assert isinstance(loaded, Dcgan)
    return loaded


def digits(count: int = 64) -> DataSet:
    """Bars and blocks as digits: there is something to learn and nothing to download."""
    draw = torch.Generator().manual_seed(1)
    images = torch.zeros(count, 28, 28, dtype=torch.uint8)
    for image, left in zip(images, torch.randint(4, 20, (count,), generator=draw).tolist(), strict=True):
        image[4:24, left : left + 4] = 255
    split = Split(images.view(count, 784), torch.zeros(count, dtype=torch.int64))
    return DataSet(split, split, split, fingerprint="bars", classes=10)


def real_data(name: str) -> DataSet:
    entry, root = trainables.get(name), Path(os.environ.get("ADAMANT_DATA", "nowhere"))
    try:
        entry.check_data(root)
    except InputError as error:
        pytest.skip(f"no data under ADAMANT_DATA: {error}")
    return entry.load_data(root)


def train(optimizer: str = "adam", hyperparameters: dict[str, Any] | None = None, **options: Any) -> Training:
    settings = hyperparameters or {"lr": 1e-3}
    spec = TrialSpec("dcgan/mnist", 2, 16, optimizer, settings, 3, "val/frechet_distance", options={**SMALL, **options})
    return open_training(spec, digits(), torch.device("cpu"))


def test_the_papers_nets_have_the_papers_size() -> None:
    """At 64x64 the layers of PyTorch's DCGAN example, which has 3,576,704 and 2,765,568 parameters."""
    pair = GenerativePair(channels=3, resolution=64, latent=100, width=64, critic=False)
    sizes = [sum(p.numel() for p in net.parameters()) for net in (pair.generator, pair.discriminator)]
    assert sizes == [3_576_704, 2_765_568]
    images = pair.generator(torch.randn(2, 100))
    assert images.shape == (2, 3, 64, 64)
    assert pair.discriminator(images).shape == (2,)


@pytest.mark.parametrize(("name", "channels", "side"), [("dcgan/mnist", 1, 28), ("dcgan/cifar10", 3, 32)])
def test_images_come_back_as_they_were_stored(name: str, channels: int, side: int) -> None:
    gan = workload(name)
    stored = torch.randint(256, (5, channels * side * side), dtype=torch.uint8)
    seen = gan.prepare(stored)
    assert seen.shape == (5, channels, 32, 32)
    assert seen.min() >= -1
    assert seen.max() <= 1
    assert torch.equal(gan.to_bytes(seen).flatten(1), stored)
    assert workload(name, resolution=64).prepare(stored).shape == (5, channels, 64, 64)
    generated = workload(name, resolution=64).generate(workload(name, resolution=64).build_model(10), 3)
    assert generated.shape == (3, channels, side, side)
    assert generated.dtype == torch.uint8


def test_losses_are_those_of_the_formulas() -> None:
    gan = workload()
    pair, data = gan.build_model(10).eval(), digits(16).train

    def judged(images: Tensor) -> Tensor:
        return pair.discriminator(images).sigmoid()

    torch.manual_seed(0)
    loss = gan.discriminator_loss(pair, data.inputs, data.targets)
    torch.manual_seed(0)
    generated = pair.generator(torch.randn(16, 6))
    expected = -judged(gan.prepare(data.inputs)).log().mean() - (1 - judged(generated)).log().mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.manual_seed(0)
    loss = gan.generator_loss(pair, data.inputs, data.targets)
    assert loss.item() == pytest.approx(-judged(generated).log().mean().item(), rel=1e-5)


def test_the_penalty_is_on_the_slope_of_the_critic() -> None:
    """A linear critic has its weights' norm as its slope everywhere."""
    gan = workload(loss="wgan_gp", penalty=10.0)
    pair, data = gan.build_model(10), digits(8).train
    critic = nn.Sequential(nn.Flatten(), nn.Linear(32 * 32, 1), nn.Flatten(0))
    pair.discriminator = critic
    slope = critic[1].weight.norm().item()  # pyright: ignore[reportCallIssue]
    torch.manual_seed(0)
    loss = gan.discriminator_loss(pair, data.inputs, data.targets)
    torch.manual_seed(0)
    scores = critic(pair.generator(torch.randn(8, 6))).mean() - critic(gan.prepare(data.inputs)).mean()
    assert loss.item() == pytest.approx(scores.item() + 10 * (slope - 1) ** 2, rel=1e-4)


def test_a_critic_has_no_batch_norm_and_its_generator_steps_less_often() -> None:
    training = train(loss="wgan_gp", discriminator_steps=3)
    discriminator, generator = training.parts
    assert not any(isinstance(module, nn.BatchNorm2d) for module in discriminator.module.modules())
    training.advance(8)
    steps = [part.optimizer.state_dict()["state"][0]["step"].item() for part in training.parts]
    assert steps == [8, 2]
    assert generator.every == 3
    assert {"train/discriminator_loss", "train/generator_loss"} <= set(training.curve[-1])
    assert training.curve[-1]["optim/generator_update_norm"] > 0


def test_each_part_learns_by_its_own_optimizer_alone() -> None:
    training = train(hyperparameters={"lr": 1e-3, "generator": {"lr": 0.0}})
    assert isinstance(training.model, GenerativePair)
    before = {name: p.clone() for name, p in training.model.named_parameters()}
    training.advance(3)
    moved = {name for name, p in training.model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {name for name in before if name.startswith("discriminator")}
    assert [part.optimizer.param_groups[0]["lr"] for part in training.parts] == [1e-3, 0.0]


@pytest.mark.parametrize("options", [{}, {"loss": "wgan_gp", "discriminator_steps": 3}])
@pytest.mark.parametrize("stop", [slow(1), slow(4), 5])
def test_a_stopped_run_goes_on_to_the_same_bits(options: dict[str, Any], stop: int) -> None:
    whole = train("moment_adam", {"lr": 1e-3, "beta1_schedule": {"kind": "demon"}}, **options)
    whole.advance(100)
    part = train("moment_adam", {"lr": 1e-3, "beta1_schedule": {"kind": "demon"}}, **options)
    part.advance(stop)
    state = part.state_dict()
    torch.manual_seed(99)
    resumed = train("moment_adam", {"lr": 1e-3, "beta1_schedule": {"kind": "demon"}}, **options)
    resumed.load_state_dict(state)
    resumed.advance(100)
    assert resumed.weights_sha256() == whole.weights_sha256()
    assert [{**point, "timestamp": 0} for point in resumed.curve] == [
        {**point, "timestamp": 0} for point in whole.curve
    ]


@pytest.mark.slow
@pytest.mark.realdata
def test_training_moves_generated_digits_towards_the_real_ones() -> None:
    data = real_data("mlp/mnist")
    data = dataclasses.replace(data, validation=Split(*(part[:1000] for part in vars(data.validation).values())))
    hyperparameters = {"lr": 2e-3, "beta1": 0.5}
    spec = TrialSpec(
        "dcgan/mnist", 1, 32, "adam", hyperparameters, 0, options={**SMALL, "samples": 500}, evaluate_every=240
    )
    training = open_training(spec, data, torch.device("cpu"))
    start = training.workload.evaluate(training.model, data.validation)["frechet_distance"]
    training.advance(240)
    assert training.curve[-1]["val/frechet_distance"] < start / 1.5


def test_pictures_are_taken_at_every_evaluation() -> None:
    training = train()
    training.advance(1_000)
    pictures = training.take_pictures()
    assert [(step, name) for step, name, _ in pictures] == [(4, "generated"), (8, "generated")]
    for _, _, picture in pictures:
        assert picture.dtype == torch.uint8
        assert picture.shape == (3, 8 * 30 + 2, 8 * 30 + 2)
    assert training.take_pictures() == []


def test_the_distance_of_gaussians_is_its_closed_form() -> None:
    """Of N(m, diag(s^2)) and N(0, 1) it is |m|^2 + sum (s - 1)^2; samples whitened so that this holds exactly."""
    width, count = 4, 1_000
    draw = torch.Generator().manual_seed(0)
    samples = torch.randn(count, width, generator=draw, dtype=torch.float64)
    samples -= samples.mean(0)
    samples = samples @ torch.linalg.inv(torch.linalg.cholesky(samples.T.cov())).T
    mean, deviation = torch.tensor([1.0, -2.0, 0.5, 0.0]), torch.tensor([0.5, 1.0, 2.0, 3.0])
    expected = mean.square().sum() + (deviation - 1).square().sum()
    found = _frechet.distance(samples * deviation + mean, samples, lambda images: images)
    assert found == pytest.approx(expected.item(), rel=1e-9)
    # Correlated: of covariances A and B of one eigenbasis, sum (sqrt a - sqrt b)^2.
    turn, _ = torch.linalg.qr(torch.randn(width, width, generator=draw, dtype=torch.float64))
    one, other = (samples * deviation) @ turn.T, (samples * deviation.flip(0)) @ turn.T
    expected = (deviation - deviation.flip(0)).square().sum()
    assert _frechet.distance(one, other, lambda images: images) == pytest.approx(expected.item(), rel=1e-9)


def test_the_real_images_are_looked_at_once() -> None:
    gan, split = workload(), digits().validation
    model = gan.build_model(10)
    before = _frechet._statistics_of_real.cache_info()
    assert gan.evaluate(model, split) == gan.evaluate(model, split)
    after = _frechet._statistics_of_real.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 1)


def test_equal_images_have_no_distance_and_broken_ones_no_number() -> None:
    images = torch.randint(256, (300, 1, 28, 28), dtype=torch.uint8)
    features = _frechet.own_features("mnist", torch.device("cpu"))
    assert _frechet.distance(images, images, features) == pytest.approx(0, abs=1e-3)
    broken = _frechet.distance(images, images, lambda some: features(some) * math.inf)
    assert math.isnan(broken)


@pytest.mark.slow
def test_fid_is_measured_by_torch_fidelitys_net_under_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "inception.pth"
    torch.manual_seed(0)
    with monkeypatch.context() as patch:
        # Its class can only be made with weights, so the first ones are made without reading any.
        patch.setattr("torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        net: Any = FeatureExtractorInceptionV3("any", ["2048"])
    torch.save(net.state_dict(), weights)
    monkeypatch.setattr(_frechet, "INCEPTION_SHA256", hashlib.sha256(weights.read_bytes()).hexdigest())
    gan = workload(inception=str(weights), samples=4)
    split = digits(6).validation
    measured = gan.evaluate(gan.build_model(10), split)
    assert set(measured) == {"frechet_distance", "fid"}
    real = split.inputs.view(-1, 1, 28, 28).expand(-1, 3, -1, -1).contiguous()
    features = _frechet.inception_features(str(weights), torch.device("cpu"))(split.inputs.view(-1, 1, 28, 28))
    assert torch.equal(features, net(real)[0])
    assert trainables.get("dcgan/mnist").metrics_with({"inception": str(weights)}) == (
        "val/frechet_distance",
        "val/fid",
    )
    assert trainables.get("dcgan/mnist").metrics_with({"inception": None}) == ("val/frechet_distance",)


class Planted:
    """Leaves a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("published", [False, True], ids=["another file", "a file that passes for the published one"])
def test_a_file_of_weights_that_holds_code_runs_none_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: bool
) -> None:
    weights, trace = tmp_path / "weights-inception-2015-12-05-6726825d.pth", tmp_path / "ran"
    torch.save({"fc.weight": Planted(trace)}, weights)
    torch.load(weights, weights_only=False)
    assert trace.exists()
    trace.unlink()
    if published:
        monkeypatch.setattr(_frechet, "INCEPTION_SHA256", hashlib.sha256(weights.read_bytes()).hexdigest())
    with pytest.raises(pickle.UnpicklingError if published else InputError):
        _frechet.inception_features(str(weights), torch.device("cpu"))
    assert not trace.exists()


def test_weights_that_are_not_there_are_named_with_the_data(tmp_path: Path) -> None:
    entry = trainables.get("dcgan/mnist")
    assert entry.check_options({"inception": "weights.pth"})["inception"] == str(Path.cwd() / "weights.pth")
    with pytest.raises(InputError, match="inception must be the path of a file, got 3"):
        entry.check_options({"inception": 3})
    root = Path(os.environ.get("ADAMANT_DATA", "nowhere"))
    if not (root / "MNIST").exists():
        pytest.skip("no MNIST under ADAMANT_DATA")
    with pytest.raises(InputError, match=r"absent\.pth: there is no such file; correct dcgan/mnist's option inception"):
        entry.check_data(root, {"inception": str(tmp_path / "absent.pth")})


@pytest.mark.realdata
@pytest.mark.parametrize("name", feature_nets.NETS)
def test_feature_nets_classify_as_well_as_they_say(name: str) -> None:
    trained = feature_nets.NETS[name]
    split, net = real_data(trained.workload).test, feature_nets.load(name, torch.device("cpu"))
    images = split.inputs.view(-1, trained.channels, trained.side, trained.side)[:2000]
    with torch.no_grad():
        right = (net.classify(net(images.float() / 127.5 - 1)).argmax(1) == split.targets[:2000]).float().mean()
    assert right.item() == pytest.approx(trained.accuracy, abs=0.03)
