"""MomentAdam: Adam with scheduled and debiased memories, moments of any order, skewness, and a long memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.optim.optimizer import ParamsT

from optimizers import schedules
from optimizers.base.dense_optimizer import DenseOptimizer, Work
from optimizers.moment_adam._rule import Form
from optimizers.moment_adam._tensors import Tensors
from optimizers.moment_adam._update import apply
from optimizers.moment_adam.coefficients import Counters, form_of, next_step, scheduled
from optimizers.moment_adam.moment_options import ENGINE, GROUP_KEYS, RULE, checked_options


class MomentAdam(DenseOptimizer):
    """One rule around Adam's, in which each change to Adam is a setting and every default is Adam's.

    {rule}

    Special cases, bit-equal in the reference and foreach implementations where marked with =, and in every
    implementation where marked with ==, each against torch's own of that kind:

        == Adam (decoupled=False), AdamW          everything else at its default
        =  RMSprop                                betas[0] = 0, debias off
        =  Adamax                                 order = inf
        =  AdaBelief                              central, eps_acc = eps
           sign descent                           betas = (0, 0), eps -> 0
           SGD                                    betas[0] = 0, order off, eps = 1
           Adagrad                                betas[0] = 0, beta2_schedule inverse_time, lr and eps over sqrt(t)
           AdEMAMix                               beta3, alpha; warmed up: half_life and warmup schedules
           QHAdam; HAdam                          nu1, nu2; order = 4, eps -> 0
           NAdam with constant momentum           nesterov

    Not among them: torch's default NAdam, Lion, Signum, ADOPT, AggMo.

    Args:
        params: tensors, named tensors or param groups, as for every torch optimizer.
        lr: learning rate, >= 0.
        betas: decays in [0, 1) of the short memory and of the moment; the base values of their schedules.
        eps: >= 1e-38, in units of the gradient; added to the root. For order inf it is added to each |r|, as in Adamax.
        weight_decay: >= 0; taken from the parameters times `lr`, or added to the gradient when not `decoupled`.
        beta1_schedule, beta2_schedule, beta3_schedule, beta4_schedule, alpha_schedule: see `optimizers.schedules`.
            They count the steps of each parameter, or the epochs that `set_epoch` announces.
        order: p in (1, 16], or inf (the maximum), or None: no root, d is eps (and the skewness). Kept as the
            root itself for p other than 2, which overflows for no gradient up to 8e37 (beyond, differences of gradients
            do); at p = 2 as the plain second moment, which overflows where torch's does, from 1.8e19 on.
        order_time: "fixed" decays the p-th moment by beta2; "matched" by beta2^(p/2), so that its root forgets
            at the rate of p = 2.
        gauss_norm: divide the root by c_p = (E|z|^p)^(1/p) of a unit Gaussian: 1.169 at p = 3, 1.316 at 4, 1.570 at 6.
        beta3: decay of the long memory in [0, 1); None: there is none.
        alpha: >= 0, weight of the long memory (5 in AdEMAMix); with mix "convex" its share in [0, 1].
        slow_debias: debias the long memory; AdEMAMix does not.
        mix: "add" takes m' + alpha l'; "convex" (1 - alpha) m' + alpha l'; "inject" adds alpha l' to the gradient
            before anything else sees it, as GrokFast does.
        beta4: decay of the average of r^3, in [0, 1).
        kappa, kappa_d: weight of the skewness in the numerator; of its positive part in the denominator, >= 0. The
            skewness is exact for |r| from 1e-14 to 4e9, and that of 4e9 beyond.
        nu1, nu2: shares in [0, 1] of the memory in numerator and denominator; the rest is today's gradient.
        central: take moments of g - m in place of g.
        eps_acc: >= 0, in units of the gradient to the power p; added to the moment at every step.
        nesterov: look ahead in the short memory by the next step's beta1, exactly under any schedule.
        gate: "cautious" moves only where u and g agree in sign, scaled up by n / (number that agree + 1);
            "agree" keeps of l what agrees with m in sign; "cosine" scales l by max(0, cos(m, l)) in each tensor.
        debias: divide the averages by the sum of their weights, which is exact under any schedule.
        implementation: "reference" (one tensor after another), "foreach", "fused" or "auto". "fused" is one pass over
            memory where there is a kernel (torch's for plain Adam, ours, built once for each form, for the rest), and
            foreach elsewhere; "auto" is fused.
        maximize: ascend.

    State is float32 for float16 and bfloat16 parameters, in memory and through checkpoints. Not for capture
    in a CUDA graph: the coefficients are Python numbers. InputError: a value outside its range, parameters
    that are not real floating-point tensors, sparse gradients.

    Sources: Adam, arXiv 1412.6980; AdamW, 1711.05101; Demon, 1910.04952; On Higher-order Moments in Adam, 1910.06878;
    AdEMAMix, 2409.03137; QHAdam, 1810.06801; AdaBelief, 2010.07468; Cautious, 2411.16085; GrokFast, 2405.20233.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        decoupled: bool = True,
        beta1_schedule: schedules.Schedule = None,
        beta2_schedule: schedules.Schedule = None,
        order: float | None = 2.0,
        order_time: str = "fixed",
        gauss_norm: bool = False,
        beta3: float | None = None,
        alpha: float = 0.0,
        beta3_schedule: schedules.Schedule = None,
        alpha_schedule: schedules.Schedule = None,
        slow_debias: bool = False,
        mix: str = "add",
        beta4: float = 0.999,
        beta4_schedule: schedules.Schedule = None,
        kappa: float = 0.0,
        kappa_d: float = 0.0,
        nu1: float = 1.0,
        nu2: float = 1.0,
        central: bool = False,
        eps_acc: float = 0.0,
        nesterov: bool = False,
        gate: str = "none",
        debias: bool = True,
        implementation: str = "auto",
        maximize: bool = False,
    ) -> None:
        given = locals()
        super().__init__(params, {"epoch": 1, **{name: given[name] for name in GROUP_KEYS if name != "epoch"}})

    memories = ("exp_avg", "exp_avg_sq", "exp_avg_root", "exp_avg_long", "exp_avg_cube")
    counters = Counters()._asdict()

    def checked(self, group: dict[str, Any]) -> dict[str, Any]:
        """A group with its options in their canonical form; other keys pass as they are."""
        return checked_options(group)

    def memories_of(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """The memories that the form of a group asks for."""
        return tuple(name for name in _memory_names(form_of(group)) if name)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, whose options may differ from the defaults; they are checked in the same way."""
        epoch = {"epoch": self.param_groups[0]["epoch"]} if self.param_groups else {}
        super().add_param_group({**epoch, **param_group})

    def set_epoch(self, epoch: int) -> None:
        """Announce that epoch `epoch` begins, counted from 1, to the schedules that count epochs."""
        epoch = ENGINE["epoch"].check(epoch, "epoch")
        for group in self.param_groups:
            group["epoch"] = epoch

    def diagnostics(self) -> dict[str, float]:
        """The first group's learning rate, and its coefficients as their schedules had them at the last step."""
        group = self.param_groups[0]
        step = max((state["step"] for state in self.state.values()), default=1)
        names = ("beta1", "beta2") if group["beta3"] is None else ("beta1", "beta2", "beta3", "alpha")
        return {"lr": group["lr"], **{name: scheduled(group, name, step) for name in names}}

    def update(self, work: Work) -> None:
        """One step, bucket after bucket."""
        for group, bucket in work:
            form, seen = form_of(group), bucket.states[0]
            coefficients, counters = next_step(group, Counters(*map(seen.__getitem__, Counters._fields)))
            memories = (bucket.memory(name) if name else [] for name in _memory_names(form))
            apply(group["implementation"], Tensors(bucket.params, bucket.grads, *memories), form, coefficients)
            bucket.set_counters(counters._asdict())


# The rule is typed out once, where no torch is needed to read it; here it is for `help(MomentAdam)`.
MomentAdam.__doc__ = (MomentAdam.__doc__ or "").replace("{rule}", f"    {RULE.strip()}")


def _memory_names(form: Form) -> tuple[str, str, str, str]:
    """The keys in a parameter's state of m, of v or s, of l and of c; empty where the form has none."""
    moment = "" if form.order is None else "exp_avg_sq" if form.order == 2 else "exp_avg_root"
    return (
        "exp_avg",
        moment,
        "exp_avg_long" if form.mix != "none" else "",
        "exp_avg_cube" if form.skewness else "",
    )
