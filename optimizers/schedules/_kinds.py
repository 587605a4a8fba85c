"""The kinds of schedule that are ours: for each its formula, its keys and where it comes from."""

from __future__ import annotations

import math

from optimizers.domains import Choice, Integer, Numbers, Real
from optimizers.schedules._kind import Key, Keys, Kind, Need, Nested
from optimizers.schedules._registered import KINDS, evaluate, get


def _constant(base: float, t: float, keys: Keys) -> float:
    return base


def _exponential_decay(base: float, t: float, keys: Keys) -> float:
    return max(keys["floor"], base * math.exp(-t / keys["tau"]))


def _theory_decay(base: float, t: float, keys: Keys) -> float:
    return base * keys["lam"] ** (t - 1)


def _progress(t: float, keys: Keys) -> float:
    return min(max((t - keys["start"]) / (keys["stop"] - keys["start"]), 0.0), 1.0)


def _linear(base: float, t: float, keys: Keys) -> float:
    a = _progress(t, keys)
    return (1 - a) * base + a * keys["to"]


def _cosine(base: float, t: float, keys: Keys) -> float:
    a = (1 - math.cos(math.pi * _progress(t, keys))) / 2
    return (1 - a) * base + a * keys["to"]


def _piecewise(base: float, t: float, keys: Keys) -> float:
    passed = sum(milestone <= t for milestone in keys["milestones"])
    return keys["values"][passed - 1] if passed else base


def _polynomial(base: float, t: float, keys: Keys) -> float:
    return 1 - t ** -keys["c"]


def _inverse_time(base: float, t: float, keys: Keys) -> float:
    return 1 - 1 / t


def _demon(base: float, t: float, keys: Keys) -> float:
    left = base * max(1 - t / keys["total"], 0.0)
    return left / ((1 - base) + left)


def _half_life(base: float, t: float, keys: Keys) -> float:
    a = min(t / keys["total"], 1.0)
    # The half-life of a coefficient b is proportional to 1 / ln b, which goes to 0 with b.
    end = 1 / math.log(base) if base > 0 else 0.0
    half_life = (1 - a) / math.log(keys["start"]) + a * end
    return math.exp(1 / half_life) if half_life else 0.0


def _nadam(base: float, t: float, keys: Keys) -> float:
    return base * (1 - 0.5 * 0.96 ** (t * keys["psi"]))


def _warmup(base: float, t: float, keys: Keys) -> float:
    if t > keys["steps"]:
        then = keys["then"]
        return evaluate(then, base, t - keys["steps"])
    a = t / keys["steps"]
    return (1 - a) * keys["start"] + a * base


def _warmup_breakpoints(keys: Keys) -> list[float]:
    then = keys["then"]
    inner = get(then["kind"]).breakpoints
    return [keys["steps"]] + [keys["steps"] + t for t in (inner(then) if inner else [])]


def _cyclic(base: float, t: float, keys: Keys) -> float:
    a = 1 - abs(1 - 2 * (t % keys["period"]) / keys["period"])
    if keys["shape"] == "cosine":
        a = (1 - math.cos(math.pi * a)) / 2
    return (1 - a) * base + a * keys["low"]


def _cyclic_breakpoints(keys: Keys) -> list[float]:
    # A period is a whole number of counts, so that later cycles repeat the values of the first.
    return [keys["period"] / 2, keys["period"]]


_COUNT = Real(min=0, exclude_min=True)
_FROM_TO = {
    "to": Key(Real(), Need.REQUIRED, "the value at the end"),
    "start": Key(Real(min=0), 0.0, "the count at which the change begins"),
    "stop": Key(_COUNT, Need.BUDGET, "the count at which the change ends"),
}
_TOTAL = Key(_COUNT, Need.BUDGET, "the count T at which the end value is reached; it stays there")


def _from_to_together(keys: Keys) -> str:
    if "stop" in keys and keys["stop"] <= keys["start"]:
        return f"stop must be above start, got {keys['start']:g} to {keys['stop']:g}"
    return ""


def _piecewise_together(keys: Keys) -> str:
    milestones, values = len(keys["milestones"]), len(keys["values"])
    return "" if milestones == values else f"got {values} values for {milestones} milestones; give one for each"


def _from_to_breakpoints(keys: Keys) -> list[float]:
    return [keys["start"], keys["stop"]]


def _total_breakpoints(keys: Keys) -> list[float]:
    return [keys["total"]]


_OURS = (
    Kind("constant", _constant, "b0", "Adam, arXiv 1412.6980"),
    Kind(
        "exponential_decay",
        _exponential_decay,
        "max(floor, b0 exp(-t / tau))",
        "this project's origin: the betas decay as exp(-t)",
        {
            "tau": Key(_COUNT, 1.0, "the count over which the value falls by a factor e"),
            "floor": Key(Real(min=0), 0.0, "the value below which it never falls"),
        },
    ),
    Kind(
        "theory_decay",
        _theory_decay,
        "b0 lam^(t-1)",
        "convergence theorem of Adam, arXiv 1412.6980",
        {"lam": Key(Real(0, 1, exclude_min=True), 1 - 1e-8, "the factor from one count to the next")},
    ),
    Kind(
        "linear",
        _linear,
        "b0 to `to` in a straight line",
        "common practice",
        _FROM_TO,
        _from_to_breakpoints,
        _from_to_together,
    ),
    Kind(
        "cosine",
        _cosine,
        "b0 to `to` along half a cosine",
        "SGDR, arXiv 1608.03983",
        _FROM_TO,
        _from_to_breakpoints,
        _from_to_together,
    ),
    Kind(
        "piecewise",
        _piecewise,
        "b0, then the value of the last milestone passed",
        "common practice",
        {
            "milestones": Key(Numbers(ascending=True), Need.REQUIRED, "the counts from which a value holds"),
            "values": Key(Numbers(), Need.REQUIRED, "one value for each milestone"),
        },
        lambda keys: keys["milestones"],
        _piecewise_together,
    ),
    Kind(
        "polynomial",
        _polynomial,
        "1 - t^-c",
        "second moment of Adafactor, arXiv 1804.04235",
        {"c": Key(_COUNT, 0.8, "the power")},
        decay_only=True,
    ),
    Kind("inverse_time", _inverse_time, "1 - 1/t", "the running mean; it turns RMSprop into Adagrad", decay_only=True),
    Kind(
        "demon",
        _demon,
        "b0 (1-t/T) / ((1-b0) + b0 (1-t/T))",
        "Demon, arXiv 1910.04952",
        {"total": _TOTAL},
        _total_breakpoints,
        decay_only=True,
    ),
    Kind(
        "half_life",
        _half_life,
        "1/ln b = (1-a)/ln start + a/ln b0 with a = min(t/T, 1)",
        "slow memory of AdEMAMix, arXiv 2409.03137",
        {
            "start": Key(Real(0, 1, exclude_min=True, exclude_max=True), Need.REQUIRED, "the value at t = 0"),
            "total": _TOTAL,
        },
        _total_breakpoints,
        decay_only=True,
    ),
    Kind(
        "nadam",
        _nadam,
        "b0 (1 - 0.5 0.96^(t psi))",
        "NAdam, OpenReview OM0jvwB8jIp57ZJjtNEZ",
        {"psi": Key(Real(min=0), 0.004, "the speed of the rise from b0/2 to b0")},
    ),
    Kind(
        "warmup",
        _warmup,
        "`start` to b0 in a straight line over `steps`, then another schedule that counts from there",
        "common practice",
        {
            "start": Key(Real(), Need.REQUIRED, "the value at t = 0"),
            "steps": Key(_COUNT, Need.REQUIRED, "the length of the warm-up, in the schedule's unit"),
            "then": Key(Nested(), "constant", "the schedule that follows; its t = 1 is the first one after"),
        },
        _warmup_breakpoints,
    ),
    Kind(
        "cyclic",
        _cyclic,
        "b0 to `low` and back in every period",
        "cyclical momentum, arXiv 1803.09820",
        {
            "low": Key(Real(), Need.REQUIRED, "the value in the middle of a period"),
            "period": Key(Integer(min=2), Need.REQUIRED, "the length of a cycle"),
            "shape": Key(Choice(("triangle", "cosine")), "triangle", "the form of a cycle"),
        },
        _cyclic_breakpoints,
    ),
)

KINDS.begin_with(_OURS)
