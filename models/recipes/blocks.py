"""The layers both networks are built of: plain convolutions, so that every engine runs them fast."""

import torch
from torch import nn


class ConvRelu(nn.Sequential):
    """Convolution, batch norm (folded at export) and ReLU; same padding."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1):
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs, momentum=0.03, eps=1e-3),
            nn.ReLU(inplace=True),
        )


class Bottleneck(nn.Module):
    """Residual block: 1×1 down to half the width, 3×3 back up."""

    def __init__(self, width: int):
        super().__init__()
        self.body = nn.Sequential(ConvRelu(width, width // 2, 1), ConvRelu(width // 2, width, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


def stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    """Halves the resolution, then `blocks` residual blocks."""
    return nn.Sequential(ConvRelu(inputs, outputs, 3, 2), *(Bottleneck(outputs) for _ in range(blocks)))


class Average:
    """Exponential moving average of a network's weights; the average is what is evaluated and shipped."""

    def __init__(self, network: nn.Module, decay: float = 0.998):
        self.decay = decay
        self.steps = 0
        self.state = {k: v.detach().clone() for k, v in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Takes one step towards the network's present weights; early steps weigh more."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10.0))
        for key, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[key].lerp_(value, 1.0 - decay)
            else:
                self.state[key].copy_(value)


def schedule(step: int, steps: int, peak: float, warm: int = 100) -> float:
    """Learning rate: linear warm-up over `warm` steps, then a half cosine down to 1 % of `peak`."""
    if step < warm:
        return peak * (step + 1) / warm
    progress = (step - warm) / max(1, steps - warm)
    return peak * (0.01 + 0.99 * 0.5 * (1.0 + float(torch.cos(torch.tensor(progress * torch.pi)))))


def parameters(network: nn.Module, decay: float) -> list[dict]:
    """Optimiser groups: weight decay on weights, none on biases and norms."""
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def seeded(seed: int, threads: int) -> None:
    """Makes a run repeatable on one kind of machine: fixed seed, fixed threads, deterministic kernels."""
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)


def half() -> torch.autocast:
    """Computes in bfloat16 where the processor has it (about twice as fast there), else in f32."""
    able = torch.cpu._is_avx512_bf16_supported()
    return torch.autocast("cpu", torch.bfloat16, enabled=able)
