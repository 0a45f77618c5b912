"""Every softmax that a network runs, watched and changed from outside: what edits do, without our doors.

A network with Transformers' eager attention runs one softmax for each call, in the order of the calls. What PyTorch is
asked for is seen below all Python, whatever class asks for it.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from selfattn import Ablate, Cut, Temperature
from selfattn.recording.call import Call

SOFTMAX = torch.ops.aten._softmax.default
RESULTS = ("logits", "logits_per_image", "last_hidden_state")


class Softmaxes(TorchDispatchMode):
    """The weights of each of `calls`, (batch, head, query, key), as a network computes them under `edits`.

    A call may be of several softmaxes, windows that stand in a row: its weights are theirs along the diagonal.
    """

    def __init__(self, calls: Sequence[Call], edits: Sequence[Any] = ()) -> None:
        super().__init__()
        self.calls, self.edits = calls, edits
        self.weights = [torch.zeros(len(call.query), call.heads, *call.shape) for call in calls]
        self.call, self.row = 0, 0

    @property
    def done(self) -> bool:
        """Have all calls been seen, and nothing else?"""
        return self.call == len(self.calls)

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        if function is not SOFTMAX:
            return function(*arguments, **(keywords or {}))
        call, start = self.calls[self.call], self.row
        scores = arguments[0].view(len(call.query), call.heads, *arguments[0].shape[-2:]).clone()
        queries, keys = scores.shape[-2:]
        edits = [e for e in self.edits if e.part in (None, call.part) and e.kind in (None, call.kind)]
        for edit in edits:
            match edit:
                case Temperature(value=heat):
                    scores /= heat
                case Cut(pairs=pairs):
                    for query, key in pairs:
                        if 0 <= query - start < queries and 0 <= key - start < keys:
                            scores[:, :, query - start, key - start] = -torch.inf
        weights = function(scores, -1, arguments[2])
        for edit in edits:
            if isinstance(edit, Ablate):
                weights[:, list(edit.heads)] = 0.0
        across = slice(start, start + keys) if keys < call.shape[1] else slice(None)
        self.weights[self.call][:, :, start : start + queries, across] = weights
        self.row += queries
        if self.row == call.shape[0]:
            self.call, self.row = self.call + 1, 0
        return weights.view(arguments[0].shape)


def run(
    eager: Any, inputs: dict[str, Tensor], calls: Sequence[Call], edits: Sequence[Any] = ()
) -> tuple[Tensor, list[Tensor]]:
    """The result of an eager network under the edits, and the weights of its calls."""
    with torch.no_grad(), Softmaxes(calls, edits) as seen:
        output = eager(**inputs, use_cache=False)
    assert seen.done, f"{seen.call} of {len(calls)} calls were seen"
    return result(output), seen.weights


def result(output: Any) -> Tensor:
    """What a network is run for."""
    return next(output[name] for name in RESULTS if name in output)
