"""The self-test: is what is recomputed what the network used? Asked of a small input before a model is shown."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from selfattn.models.errors import first_line
from selfattn.models.inputs.given import uncached
from selfattn.models.probe import FAILURES, NothingMadeError, first_that_runs, probes
from selfattn.recording.doors import Recorder, largest, recording
from selfattn.recording.modules import attends
from selfattn.recording.refused import RefusedError

# The largest |recomputed - model| that rounding explains; in half precision as a share of the largest |context|.
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-4}
HALF_TOLERANCE = 5e-2


def tolerance(dtype: torch.dtype, recorder: Recorder) -> float:
    """The largest |recomputed - model| that rounding explains in the calls of one forward pass.

    In half precision `HALF_TOLERANCE max(1, |context|)`, of the largest context that the model used and that is finite.
    """
    if dtype in TOLERANCE:
        return TOLERANCE[dtype]
    contexts = (used.nan_to_num(0.0, 0.0, 0.0).abs().max().item() for _, used in recorder.samples)
    return HALF_TOLERANCE * max(1.0, largest(contexts))


def in_words(fidelity: float, exact: bool, dtype: torch.dtype) -> str:
    """A fidelity in words: in half precision, what is rounding there is said to be."""
    if not exact:
        return f"NOT exact: differs by {fidelity:.1e}"
    within = "" if dtype in TOLERANCE else f", within the rounding of {str(dtype).removeprefix('torch.')}"
    return f"exact to {fidelity:.1e}{within}"


@dataclass(frozen=True)
class SelfTest:
    """What a self-test ran on, and what it recorded; where it ran on no small input, that nothing did, and why not."""

    inputs: Mapping[str, Tensor] = field(default_factory=dict)
    recorder: Recorder | None = None
    why_none: str = ""


def tested(
    network: PreTrainedModel, names: Mapping[nn.Module, str], name: str, processed: Iterable[Mapping[str, Tensor]]
) -> SelfTest:
    """Run the network on a small input made from its config, or else on one that was `processed`, and record that.

    Raises ValueError for one that no input can be shown of; the record is not checked yet.
    """
    if not any(attends(type(module)) for module in network.modules()):  # type: ignore[arg-type]  # a class hashes
        raise ValueError(f"{name} ({type(network).__name__}) has no attention that can be recorded.")

    def run(inputs: Mapping[str, Tensor]) -> Recorder:
        with torch.inference_mode(), recording(Recorder(names)) as recorder:
            network(**inputs, **uncached(network))
        if not recorder.calls:
            raise NothingMadeError("no small input that this version makes reaches its attention")
        return recorder

    made = chain(probes(network), processed)
    try:
        inputs, recorder = first_that_runs(network, run, made)
    except RefusedError:
        raise
    except NothingMadeError as error:
        return SelfTest(why_none=str(error))
    except FAILURES as error:
        why = first_line(error).rstrip(".")
        return SelfTest(why_none=f"it runs on none of the small inputs that this version makes ({why})")
    return SelfTest(inputs, recorder)


def check_record(network: PreTrainedModel, name: str, recorder: Recorder) -> float:
    """The fidelity of a record. Raises ValueError where rounding does not explain it."""
    fidelity = largest(recorder.differences())
    if fidelity <= tolerance(network.dtype, recorder):
        return fidelity
    raise ValueError(
        f"The attention of {name} ({type(network).__name__}) differs by {fidelity:.2g} from its recomputation: "
        "it adds something to the formula that is not known here, so it is not shown."
    )
