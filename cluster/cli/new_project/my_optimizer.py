"""The optimizer in question. It begins as Adam that looks a step ahead; change it into yours."""

import torch


class MyAdam(torch.optim.Optimizer):
    """Adam whose step also takes the gradient of now, as Nesterov's momentum does."""

    def __init__(self, params, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        super().__init__(params, {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, p.grad, self.state[p], group)
        return loss

    def _update(self, p, grad, state, group):
        if not state:
            state["step"], state["mean"], state["square"] = 0, torch.zeros_like(p), torch.zeros_like(p)
        beta1, beta2 = group["beta1"], group["beta2"]
        state["step"] += 1
        state["mean"].lerp_(grad, 1 - beta1)
        state["square"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        ahead = state["mean"].lerp(grad, 1 - beta1) / (1 - beta1 ** (state["step"] + 1))
        deviation = (state["square"] / (1 - beta2 ** state["step"])).sqrt_().add_(group["eps"])
        p.addcdiv_(ahead, deviation, value=-group["lr"])
