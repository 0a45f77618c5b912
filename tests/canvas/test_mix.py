"""What the browser draws of numbers, beside the same by PyTorch: the mixed values, and the pooled picture."""

import pytest
import torch
from torch.nn.functional import max_pool2d

from tests.tools.tolerance import assert_close

MIX = """async ([weights, values, n, m, dv]) => {
  const { mix, turned } = await import("/shared/mix.js");
  const context = new Float32Array(n * dv);
  mix(Float32Array.from(weights), turned(values, m, dv), context, [n, m], dv);
  return [...context];
}"""
POOLED = """async ([values, keep, shape, block]) => {
  const { pooled } = await import("/shared/matrix.js");
  const { values: small, keep: kept, shape: [rows, columns] } =
    pooled(Float32Array.from(values), keep && Uint8Array.from(keep), shape, block);
  return [[...small], kept && [...kept], rows, columns];
}"""


@pytest.mark.parametrize(("n", "m", "dv"), [(1, 1, 1), (4, 7, 2), (7, 5, 3), (13, 11, 8), (6, 17, 5)])
@pytest.mark.parametrize("hidden", ["nothing", "the future", "the ends", "all"])
def test_values_are_mixed_by_the_weights(module_page, n, m, dv, hidden):
    generator = torch.Generator().manual_seed(n * m)
    weights, values = torch.rand(n, m, generator=generator), torch.randn(m, dv, generator=generator)
    if hidden == "the future":
        weights = weights.tril()
    elif hidden == "the ends":
        weights[:, [0, -1]] = 0.0
    elif hidden == "all":
        weights = weights * 0
    found = module_page.evaluate(MIX, [weights.flatten().tolist(), values.flatten().tolist(), n, m, dv])
    assert_close(torch.tensor(found).view(n, dv), weights.double() @ values.double(), within=1e-6)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("shape", "block"), [((6, 8), (2, 2)), ((7, 11), (3, 4)), ((5, 5), (1, 3)), ((9, 4), (9, 1))])
def test_a_drawn_cell_is_the_number_farthest_from_zero_of_those_it_stands_for(module_page, shape, block, masked):
    generator = torch.Generator().manual_seed(shape[0])
    values = torch.randn(*shape, generator=generator)
    values[:, 0] *= 9  # what reaches beyond the end of a row finds the next one's
    keep = torch.rand(*shape, generator=generator) > 0.6 if masked else torch.ones(shape, dtype=torch.bool)
    given = [values.flatten().tolist(), keep.flatten().int().tolist() if masked else None, shape, block]
    small, kept, rows, columns = module_page.evaluate(POOLED, given)
    most = [
        max_pool2d((values * sign).masked_fill(~keep, 0.0)[None].clamp(min=0), block, ceil_mode=True)[0]
        for sign in (1, -1)
    ]
    assert_close(torch.tensor(small).view(rows, columns), torch.where(most[0] > most[1], most[0], -most[1]))
    if masked:
        seen = max_pool2d(keep[None].float(), block, ceil_mode=True)[0]
        assert_close(torch.tensor(kept).view(rows, columns), seen)
