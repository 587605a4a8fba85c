"""How a run is trained beside its optimizer: rates over the steps, clipped, accumulated and rounded gradients."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import optimizers
import trainables
from optimizers import InputError, user_code
from optimizers.factory import OPTIMIZERS
from optimizers.own_class import entry_of
from tests.optimizers.other_people import NoLr
from trainables import TrialSpec
from trainables.training.learning_rate import LearningRate
from trainables.training.training_run import Training, open_training


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path_factory.getbasetemp() / "data-cache"))
    torch.set_num_threads(1)


def run(optimizer: str = "sgd", **training: Any) -> Training:
    spec = TrialSpec("mlp/digits", 2, 64, optimizer, {"lr": 0.5}, seed=1, training=training)
    return open_training(spec, trainables.get("mlp/digits").load_data(Path()), torch.device("cpu"))


def weights(training: Training) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in training.model.parameters()])


def rates(**given: Any) -> list[float]:
    """Over ten steps in two passes."""
    rate = LearningRate(trainables.get("mlp/digits").check_training(given), 10, 2)
    return [rate.factor(step, 1 + (step > 5)) for step in range(1, 11)]


def test_rates_over_the_steps() -> None:
    assert rates() == [1.0] * 10
    assert rates(warmup=0.4) == pytest.approx([0.25, 0.5, 0.75, 1, *[1] * 6])
    assert rates(lr_schedule="linear") == pytest.approx([1 - done / 10 for done in range(10)])
    assert rates(lr_schedule="cosine") == pytest.approx([(1 + math.cos(math.pi * done / 10)) / 2 for done in range(10)])
    assert rates(lr_schedule="step", milestones=[0.3, 0.6]) == pytest.approx([1] * 3 + [0.1] * 3 + [0.01] * 4)
    assert rates(lr_schedule="linear", warmup=0.5)[4:7] == pytest.approx([1, 1, 0.8])


OWN = """
def root(step, least=0.0):
    return max(least, step**-0.5)


def halves(epoch, total):
    return 1 - epoch / (2 * total)


def falling(step, base, total):
    return base - 2 * step / total
"""


@pytest.fixture
def own_code(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "rates.py").write_text(OWN, encoding="utf-8")
    user_code.load(user_code.read_bundle(["rates.py"], tmp_path))
    yield
    user_code.load(user_code.CodeBundle())


@pytest.mark.usefixtures("own_code")
def test_the_rate_may_be_a_schedule_or_a_function_of_ones_own() -> None:
    assert rates(lr_schedule={"kind": "exponential_decay", "tau": 5})[9] == math.exp(-2)
    assert rates(lr_schedule={"kind": "linear", "to": 0.5})[4:6] == [0.75, 0.7]
    assert rates(lr_schedule="rates:root") == [step**-0.5 for step in range(1, 11)]
    assert rates(lr_schedule={"kind": "rates:root", "least": 0.5})[9] == 0.5
    assert rates(lr_schedule="rates:halves") == [0.75] * 5 + [0.5] * 5
    assert rates(lr_schedule="rates:halves", warmup=0.4)[:5] == [0.1875, 0.375, 0.5625, 0.75, 0.75]
    assert trainables.get("mlp/digits").check_training({"lr_schedule": "rates:root"})["lr_schedule"] == "rates:root"


@pytest.mark.usefixtures("own_code")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("cosin", r'lr_schedule must be one of constant, linear, cosine, step, got \'cosin\'. Did you mean "cosine"'),
        ({"to": 0.5}, "lr_schedule needs a kind: constant"),
        ({"kind": "linear"}, r"lr_schedule \(linear\) needs to: the value at the end"),
        ({"kind": "linear", "to": -1}, r"gives -.* at step \d+; every value must be >= 0"),
        ("polynomial", "lr_schedule: polynomial is a schedule of decays"),
        ("rates:rot", 'rates has no "rot".*"root"'),
        ("rates:falling", r"lr_schedule \(rates:falling\) gives -0.1.* at step 6; every value must be >= 0"),
    ],
)
def test_a_schedule_that_gives_no_factor_is_refused(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rates(lr_schedule=given)


@pytest.mark.usefixtures("own_code")
def test_an_interrupted_run_has_the_rates_of_one_that_was_not() -> None:
    own = {"lr_schedule": {"kind": "rates:root", "least": 0.2}, "warmup": 0.1}
    whole, first, second = run(**own), run(**own), run(**own)
    whole.advance(1000)
    first.advance(7)
    second.load_state_dict(first.state_dict())
    second.advance(1000)
    assert second.weights_sha256() == whole.weights_sha256() != run(warmup=0.1).weights_sha256()


def test_the_rate_reaches_every_group_of_the_optimizer() -> None:
    training = run("muon", lr_schedule="linear")
    built = [group["lr"] for group in training.parts[0].optimizer.param_groups]
    training.advance(21)
    done = 20 / training.total_steps
    assert [group["lr"] for group in training.parts[0].optimizer.param_groups] == pytest.approx(
        [(1 - done) * lr for lr in built]
    )


def test_a_schedule_of_the_rate_needs_an_optimizer_that_has_one() -> None:
    optimizers.register(dataclasses.replace(entry_of("tests.optimizers.other_people:NoLr", NoLr), name="no_lr"))
    try:
        spec = TrialSpec("mlp/digits", 1, 64, "no_lr", {"eta": 0.5}, seed=1)
        data = trainables.get("mlp/digits").load_data(Path())
        training = open_training(spec, data, torch.device("cpu"))
        training.advance(3)
        for how in ({"lr_schedule": "cosine"}, {"warmup": 0.1}):
            with pytest.raises(InputError, match="no_lr has no lr in its param groups"):
                open_training(dataclasses.replace(spec, training=how), data, torch.device("cpu"))
    finally:
        OPTIMIZERS.unregister("no_lr")


def test_a_resumed_run_follows_the_same_rates() -> None:
    whole = run("adam", lr_schedule="cosine", warmup=0.3)
    whole.advance(10_000)
    part, resumed = run("adam", lr_schedule="cosine", warmup=0.3), run("adam", lr_schedule="cosine", warmup=0.3)
    part.advance(13)
    resumed.load_state_dict(part.state_dict())
    resumed.advance(10_000)
    assert resumed.weights_sha256() == whole.weights_sha256()


def test_a_clipped_gradient_moves_the_weights_by_the_rate_times_its_norm() -> None:
    training = run(clip_norm=0.01)
    before = weights(training)
    training.advance(1)
    assert (weights(training) - before).norm().item() == pytest.approx(0.5 * 0.01, rel=1e-4)


def test_the_norm_of_an_update_is_how_far_the_last_step_went() -> None:
    training, twin = run("adam"), run("adam")
    training.advance(training.steps_per_epoch)
    twin.advance(twin.steps_per_epoch - 1)
    before = weights(twin)
    assert training.curve[0]["optim/update_norm"] == pytest.approx((weights(training) - before).norm().item(), rel=1e-5)
    assert training.curve[0]["optim/beta1"] == 0.9


def test_an_accumulated_gradient_is_that_of_the_whole_batch() -> None:
    whole, parts = run(), run(accumulate=5)
    for training in (whole, parts):
        training.advance(25)
    torch.testing.assert_close(weights(parts), weights(whole), rtol=1e-4, atol=1e-5)
    assert parts.curve[0]["train/loss"] == pytest.approx(whole.curve[0]["train/loss"], rel=1e-4)


def test_bfloat16_rounds_the_forward_pass_alone() -> None:
    exact, rounded = run("adam"), run("adam", precision="bfloat16")
    for training in (exact, rounded):
        training.advance(1)
    assert all(p.dtype is torch.float32 for p in rounded.model.parameters())
    difference = (weights(rounded) - weights(exact)).norm() / weights(exact).norm()
    assert 0 < difference < 0.2


def test_label_smoothing_is_that_of_the_formula() -> None:
    workload: Any = trainables.get("mlp/digits").load({"label_smoothing": 0.3})
    model = workload.build_model(10)
    inputs, targets = torch.randint(17, (6, 64), dtype=torch.uint8), torch.arange(6)
    logs = model(workload.prepare(inputs)).log_softmax(1)
    expected = -(0.7 * logs[range(6), targets] + 0.3 * logs.mean(1)).mean()
    assert workload.loss(model, inputs, targets).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="torch.compile needs a C++ compiler")
@pytest.mark.slow
def test_a_compiled_run_learns_the_same_and_resumes_to_the_same_bits() -> None:
    runs = {"plain": run("adam"), "compiled": run("adam", compile=True)}
    for training in runs.values():
        training.advance(30)
    torch.testing.assert_close(weights(runs["compiled"]), weights(runs["plain"]), rtol=1e-3, atol=1e-4)
    # In the middle of the first epoch, whose last batch is smaller and so has a program of its own.
    stopped = run("adam", compile=True)
    stopped.advance(13)
    state = stopped.state_dict()
    resumed = run("adam", compile=True)
    resumed.load_state_dict(state)
    resumed.advance(17)
    assert torch.equal(weights(resumed), weights(runs["compiled"]))


def test_bad_options_are_named() -> None:
    with pytest.raises(InputError, match=r"mlp/digits: training: clip_norm must be a number > 0, got 0"):
        run(clip_norm=0)
    with pytest.raises(InputError, match=r"mlp/digits has no option \"layers\"; it has label_smoothing\."):
        trainables.get("mlp/digits").load({"layers": 2})
