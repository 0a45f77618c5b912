"""All that a run needs to go on as if it had never stopped, in one file: weights, optimiser, randomness, counters."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from selfattn.training.fit import Descent
from selfattn.training.writing import atomically


@dataclass
class Counters:
    """Where the loop stands, beside the step itself."""

    seconds: float = 0.0
    best: float | None = None  # the held-out loss of the best evaluation, and its accuracy
    best_accuracy: float | None = None
    best_step: int | None = None
    without_improvement: int = 0
    losses: list[float] = field(default_factory=list)  # since the last evaluation
    gradients: list[float] = field(default_factory=list)


def write(file: Path, descent: Descent, counters: Counters) -> None:
    """Write a checkpoint, whole or not at all: the one before stays until this one is complete."""
    tensors = {f"network.{name}": tensor for name, tensor in descent.network.state_dict().items()}
    if descent.average is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in descent.average.state_dict().items()}
    for parameter, state in descent.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{parameter}.{name}": tensor for name, tensor in state.items()}
    tensors["randomness"] = torch.get_rng_state()
    device = descent.network.device
    if device.type != "cpu":
        tensors["randomness of the device"] = torch.get_device_module(device).get_rng_state(*_which(device))
    # Tied weights share their memory, which the format does not.
    tensors = {name: tensor.cpu().clone() for name, tensor in tensors.items()}
    state = json.dumps({"step": descent.done, **asdict(counters)})
    atomically(file, save(tensors, {"state": state}))


def read(file: Path, descent: Descent) -> Counters:
    """Put the network, the optimiser, the step and the global randomness back to where a checkpoint left them."""
    with safe_open(file, "pt") as found:
        tensors = {name: found.get_tensor(name) for name in found.keys()}  # noqa: SIM118  # no dict
        state: dict[str, Any] = json.loads(found.metadata()["state"])
    descent.network.load_state_dict(_part("network.", tensors))
    if descent.average is not None:
        descent.average.load_state_dict(_part("average.", tensors))
    of_parameters: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimiser."):
            _, parameter, entry = name.split(".")
            of_parameters.setdefault(int(parameter), {})[entry] = tensor
    groups = descent.optimiser.state_dict()["param_groups"]
    descent.optimiser.load_state_dict({"state": of_parameters, "param_groups": groups})
    torch.set_rng_state(tensors["randomness"])
    device = descent.network.device
    if device.type != "cpu":
        torch.get_device_module(device).set_rng_state(tensors["randomness of the device"], *_which(device))
    descent.done = state.pop("step")
    return Counters(**state)


def _part(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those whose names begin so, by what follows."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _which(device: torch.device) -> tuple[torch.device, ...]:
    """Which of the devices of a kind, where there may be several."""
    return (device,) if device.type == "cuda" else ()


def step_of(file: Path) -> int:
    """The step that a checkpoint was written after."""
    with safe_open(file, "pt") as found:
        return int(json.loads(found.metadata()["state"])["step"])
