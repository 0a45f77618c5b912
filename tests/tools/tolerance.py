"""The one place that says how near is near enough."""

from typing import Any

import torch


def assert_close(actual: Any, expected: Any, within: float = 1e-6) -> None:
    """Every entry of `actual` lies within `within` of `expected`, on both sides; NaN and infinities must coincide.

    `expected` is of the same shape, or one number for all entries.
    """
    actual = torch.as_tensor(actual, dtype=torch.float64, device="cpu").detach()
    expected = torch.as_tensor(expected, dtype=torch.float64, device="cpu").detach()
    if expected.dim() and actual.shape != expected.shape:
        raise AssertionError(f"Expected the shape {tuple(expected.shape)}; got {tuple(actual.shape)}.")
    expected = expected.expand(actual.shape)
    same = (actual == expected) | (actual.isnan() & expected.isnan())
    difference = (actual - expected).abs().masked_fill(same, 0.0).flatten()
    if not (difference <= within).all():  # NaN is never near
        worst = int(difference.nan_to_num(torch.inf).argmax())
        got, wanted = actual.flatten()[worst].item(), expected.flatten()[worst].item()
        raise AssertionError(f"Off by {difference[worst].item():.3g}, more than {within:g}: {got} is not {wanted}.")
