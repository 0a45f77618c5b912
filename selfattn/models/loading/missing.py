"""Tensors that a file of weights lacks: under a prefix, never read by inference, or needed."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from selfattn.models.probe import first_that_runs, probes
from selfattn.recording.doors import Recorder, install, recording, release

# More are not tried one by one: so many are no leftovers of a training.
FEW = 8
# Nothing here shows it, and who reads it inside the network moves the rest of the output.
UNSHOWN = "pooler_output"


def prefix_in(network: PreTrainedModel, missing: Collection[str], unexpected: Collection[str]) -> str:
    """What stands before its names in the file, such as `module.` of DataParallel; nothing where any name fits.

    Raises ValueError where the weights are there under two.
    """
    if not all(name in missing for name, _ in network.named_parameters()):
        return ""
    found = Counter(other.removesuffix(name) for name in missing for other in unexpected if other.endswith(f".{name}"))
    best = sorted(prefix for prefix, count in found.items() if count == max(found.values()))
    if len(best) > 1:
        raise ValueError(f"its weights are there under {best[0]} and under {best[1]}; save one of them alone.")
    return best[0] if best else ""


def needed(network: PreTrainedModel, missing: Collection[str]) -> list[str]:
    """The missing tensors that inference reads, or may read; the others are set to zero.

    One that it does not read may hold anything: with two fillings, the output and what attention receives are the same.
    That says nothing of a module that does not run on a text as short as the probe; all that it lacks is needed.
    """
    tensors = network.state_dict()
    found = [name for name in missing if name not in tensors or not tensors[name].is_floating_point()]
    tried = {name: tensors[name] for name in missing if name not in found}
    if not tried or any(tensor.is_meta for tensor in tried.values()):
        return sorted(missing)
    install(network)
    try:
        if _moves(network, tried):
            single = len(tried) <= FEW
            found += [name for name, tensor in tried.items() if not single or _moves(network, {name: tensor})]
    finally:
        release(network)
    for name, tensor in tried.items():
        if name not in found:
            tensor.zero_()
    return sorted(found)


def _moves(network: PreTrainedModel, tensors: Mapping[str, Tensor]) -> bool:
    """Does anything move with what is in these tensors, or is one of a module that does not run?"""
    owners = {network.get_submodule(name.rpartition(".")[0]) for name in tensors}
    ran = set()
    hooks = [owner.register_forward_pre_hook(lambda module, _: ran.add(module)) for owner in owners]
    generator = torch.Generator().manual_seed(0)
    seen = []
    try:
        with torch.inference_mode():
            inputs, _ = first_that_runs(network, lambda inputs: network(**inputs), probes(network))
        for _ in range(2):
            for tensor in tensors.values():
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
            recorder = Recorder({})
            with torch.inference_mode(), recording(recorder):
                output = network(**inputs)
            calls = (part for call in recorder.calls for part in (call.query, call.key, call.value))
            shown = {name: value for name, value in output.items() if name != UNSHOWN} or output
            seen.append([*_flat([*shown.values()]), *calls])
    except Exception:  # what cannot be run on the probe is told so by the self-test
        return True
    finally:
        for hook in hooks:
            hook.remove()
    return ran != owners or any(not torch.equal(one, other) for one, other in zip(*seen, strict=True))


def _flat(values: Any) -> Iterator[Tensor]:
    """The tensors of an output, and of those inside it."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, Mapping):
        yield from _flat([value for name, value in values.items() if name != UNSHOWN])
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _flat(value)
