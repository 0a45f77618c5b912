"""Calls that go on with one another, made one: the windows of a picture, and values that meet the same weights."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from selfattn.recording.call import Call

Sample = tuple[Tensor, Tensor]  # rows, and the context there that the model used
Masks = dict[tuple[int, ...], Tensor]


def joined(calls: Sequence[Call], samples: Sequence[Sample]) -> tuple[list[Call], list[Sample]]:
    """Each run of calls that go on with one another as one call, and the samples of their contexts as one."""
    starts = [place for place, call in enumerate(calls) if not call.goes_on]
    runs = [slice(*ends) for ends in pairwise([*starts, len(calls)])]
    masks: Masks = {}  # layers with the same windows share one
    return [_call(calls[run], masks) for run in runs], [_sample(calls[run], samples[run]) for run in runs]


def _call(calls: Sequence[Call], masks: Masks) -> Call:
    """Windows see themselves alone; values lie side by side."""
    first, *more = calls
    if not more:
        return first
    if more[0].beside:
        return replace(first, value=torch.cat([call.value for call in calls], -1))
    sizes = tuple(call.shape[0] for call in calls)
    if sizes not in masks:
        blocks = [torch.ones(size, size, dtype=torch.bool, device=first.query.device) for size in sizes]
        masks[sizes] = torch.block_diag(*blocks).bool()[None, None]
    query, key, value = (torch.cat(each, 2) for each in zip(*((c.query, c.key, c.value) for c in calls), strict=True))
    return replace(first, query=query, key=key, value=value, mask=masks[sizes])


def _sample(calls: Sequence[Call], samples: Sequence[Sample]) -> Sample:
    if len(calls) == 1:
        return samples[0]
    used = [used for _, used in samples]
    if calls[-1].beside:
        return samples[0][0], torch.cat(used, -1)
    return torch.cat([rows + call.start for call, (rows, _) in zip(calls, samples, strict=True)]), torch.cat(used)
