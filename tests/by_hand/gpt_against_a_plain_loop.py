"""Train gpt/text, and a transformer of torch's own layers by the loop that one would write for it, on the same text.

Each is trained for the same steps on a few seeds, and evaluated on the whole validation split; then the two take turns
for the time of a step. Run from the repository: ``python -m tests.by_hand.gpt_against_a_plain_loop DATA_FOLDER [STEPS
[SEEDS]]``. The text is ``text/tinyshakespeare`` in the data folder, in characters.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import torch
from torch import Tensor, nn

import trainables
from trainables import TrialSpec
from trainables.training.training_run import Training, open_training

LAYERS, HEADS, WIDTH, CONTEXT, BATCH_SIZE, RATE = 3, 4, 96, 64, 16, 2e-3
OPTIONS = {"folder": "text/tinyshakespeare", "layers": LAYERS, "heads": HEADS, "width": WIDTH, "context": CONTEXT}
EVERY, TURNS, STEPS_A_TURN = 250, 11, 20


class Plain(nn.Module):
    """The same sizes and the same beginning, of torch's encoder layers with a causal mask."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
        self.stack = nn.TransformerEncoder(layer, LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.head = nn.Linear(WIDTH, vocabulary, bias=False)
        self.head.weight = self.tokens.weight
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(CONTEXT))
        for name, p in self.named_parameters():
            if p.dim() > 1:
                nn.init.normal_(p, 0, 0.02 / math.sqrt(2 * LAYERS) if "out_proj" in name or "linear2" in name else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        mask: Any = self.mask
        x = self.tokens(x) + self.places(torch.arange(length))
        return self.head(self.stack(x, mask=mask[:length, :length], is_causal=True))


class PlainLoop:
    """Random windows of the text, Adam, a warm-up and a cosine, gradients clipped at 1, the loss read at each step."""

    def __init__(self, text: Path, steps: int, seed: int) -> None:
        whole = text.read_text(encoding="utf-8")
        lines = whole.splitlines(keepends=True)
        filled = [number for number, line in enumerate(lines) if line.strip()]
        held_out = len(filled) // 20
        train = "".join(lines[: filled[-2 * held_out]])
        validation = "".join(lines[filled[-2 * held_out] : filled[-held_out]])
        number_of = {one: number for number, one in enumerate(sorted(set(whole)))}
        self.train, self.validation = (torch.tensor([number_of[c] for c in part]) for part in (train, validation))
        torch.manual_seed(seed)
        self.model = Plain(len(number_of))
        self.optimizer = torch.optim.Adam(self.model.parameters(), RATE)
        warm = 0.05 * steps

        def factor(step: int) -> float:
            share = (step + 1 - warm) / (steps - warm)
            return min((step + 1) / warm, 1.0) if share < 0 else 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))

        self.rate = torch.optim.lr_scheduler.LambdaLR(self.optimizer, factor)
        self.criterion = nn.CrossEntropyLoss()

    def advance(self, steps: int) -> None:
        for _ in range(steps):
            starts = torch.randint(len(self.train) - CONTEXT - 1, (BATCH_SIZE,))
            x = torch.stack([self.train[i : i + CONTEXT] for i in starts])
            y = torch.stack([self.train[i + 1 : i + 1 + CONTEXT] for i in starts])
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(x).flatten(0, 1), y.flatten())
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.rate.step()
            loss.item()

    @torch.no_grad()
    def perplexity(self) -> float:
        self.model.eval()
        total, count = 0.0, len(self.validation) - 1
        for start in range(0, count, CONTEXT):
            part = self.validation[start : start + CONTEXT + 1]
            logits = self.model(part[None, :-1])[0]
            total += nn.functional.cross_entropy(logits, part[1:], reduction="sum").item()
        self.model.train()
        return math.exp(total / count)


def ours(root: Path, steps: int, seed: int) -> Training:
    entry = trainables.get("gpt/text")
    options = entry.check_options(OPTIONS)
    spec = TrialSpec(
        "gpt/text", steps // EVERY, BATCH_SIZE, "adam", {"lr": RATE}, seed,
        training=dict(entry.training), options=options, evaluate_every=EVERY,
    )  # fmt: skip
    return open_training(spec, entry.load_data(root, options), torch.device("cpu"))


def main(root: Path, steps: int, seeds: int) -> None:
    torch.set_num_threads(1)
    text = root / "text" / "tinyshakespeare" / "input.txt"
    found: dict[str, list[float]] = {"gpt/text": [], "plain loop": []}
    for seed in range(1, seeds + 1):
        training, plain = ours(root, steps, seed), PlainLoop(text, steps, seed)
        started = time.process_time()
        training.advance(steps)
        middle = time.process_time()
        plain.advance(steps)
        ended = time.process_time()
        curve = [round(point["val/perplexity"], 3) for point in training.curve]
        found["gpt/text"].append(curve[-1])
        found["plain loop"].append(plain.perplexity())
        bits = training.curve[-1]["val/bits_per_byte"]
        print(
            f"seed {seed}: gpt/text {curve} ({bits:.3f} bits a byte, {middle - started:.0f} CPU s with evaluations), "
            f"plain loop {found['plain loop'][-1]:.3f} ({ended - middle:.0f} CPU s without)",
            flush=True,
        )
    for name, values in found.items():
        print(f"{name}: validation perplexity {mean(values):.3f}, deviation {stdev(values):.3f} over {seeds} seeds")
    loops: dict[str, Any] = {"gpt/text": ours(root, 100_000, 1), "plain loop": PlainLoop(text, 100_000, 1)}
    times: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(TURNS):
        for name, loop in loops.items():
            started = time.process_time()
            loop.advance(STEPS_A_TURN)
            times[name].append((time.process_time() - started) / STEPS_A_TURN * 1e3)
    medians = {name: median(one[1:]) for name, one in times.items()}
    print({name: f"{value:.1f} CPU ms a step" for name, value in medians.items()})
    print(f"plain loop / gpt/text: {medians['plain loop'] / medians['gpt/text']:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(number) for number in (sys.argv[2:] + ["1000", "3"][len(sys.argv) - 2 :])))
