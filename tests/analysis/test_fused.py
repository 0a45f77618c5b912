"""The kernel of the overview, in Triton's interpreter where there is no CUDA, beside plain products in float64."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import pad

from selfattn import Mask, Scale, Temperature
from selfattn.analysis.one_head import fused
from selfattn.maths.masks import causal, window
from tests.analysis.test_overview import calls, check
from tests.tools.tolerance import assert_close

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
pytest.importorskip("triton", reason="Triton comes with the CUDA builds of PyTorch")


@pytest.mark.parametrize(
    ("queries", "keys", "d", "pool", "own"),
    [
        (40, 40, 16, 4, None),
        (40, 40, 16, 4, 0),
        (150, 131, 64, 7, None),
        (131, 190, 64, 33, 59),  # the last of a text, while a model generates
        (67, 149, 128, 100, 82),
        (139, 139, 64, 70, 0),
        (37, 37, 80, 1, 0),
        (41, 43, 192, 20, None),
        (29, 31, 8, 500, 0),
    ],
)
def test_the_kernel_is_the_largest_and_the_sum_of_plain_products(queries, keys, d, pool, own):
    generator = torch.Generator().manual_seed(7)
    query, key = (torch.randn(count, d, generator=generator) for count in (queries, keys))
    query = query / d**0.5
    found, largest, total = (each.cpu() for each in fused.groups(query.to(DEVICE), key.to(DEVICE), pool, own))
    logits = query.double() @ key.double().T
    if own is not None:
        logits = logits.masked_fill(torch.arange(keys) > own + torch.arange(queries)[:, None], -torch.inf)
    assert_close(found, pad(logits, (0, -keys % pool), value=-torch.inf).unflatten(-1, (-1, pool)).amax(-1), 1e-5)
    assert_close(largest, logits.amax(-1), 1e-5)
    assert_close(total / keys, (logits - logits.amax(-1, keepdim=True)).exp().sum(-1) / keys, 1e-5)


def on_device(call):
    return replace(call, **{name: getattr(call, name).to(DEVICE) for name in ("query", "key", "value")})


@pytest.mark.parametrize("name", ["bert", "llama"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_an_overview_by_the_kernel_is_the_weights_max_pooled(name, dtype, monkeypatch):
    used = []
    groups = fused.groups
    monkeypatch.setattr(fused, "groups", lambda *given: used.append(given) or groups(*given))
    monkeypatch.setattr(fused, "runs_on", lambda query: True)
    for call in calls(name, padded=False):
        call = on_device(replace(call, query=call.query.to(dtype), key=call.key.to(dtype), value=call.value.to(dtype)))
        for edits in ([], [Scale(None), Temperature(3.0)]):
            check(call.with_edits(edits), 1, side=3)
    assert len(used) == 4


@pytest.mark.parametrize("name", ["gemma2", "gpt_oss", "t5"])
def test_what_the_kernel_does_not_know_goes_the_general_way(name, monkeypatch):
    monkeypatch.setattr(fused, "runs_on", lambda query: True)
    monkeypatch.setattr(fused, "groups", None)
    for call in calls(name, padded=True):
        check(call, 1, side=3)
    masked = calls("llama", padded=False)[0].with_edits([Mask(causal & window(4))])
    check(masked, 1, side=3)


COMPILED = """
from triton import compile
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from selfattn.analysis.one_head.fused import TILES
from selfattn.analysis.one_head.kernel import walk

for capability in (80, 86, 90):
    for width, (rows, columns) in TILES.items():
        signature = {name: "*fp32" if name.endswith("_at") else "i32" for name in walk.arg_names[:11]}
        known = {"causal": True, "rows": rows, "columns": columns, "width": width}
        source = ASTSource(walk, signature | dict.fromkeys(known, "constexpr"), known)
        made = compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": rows // 16})
        print(capability, width, made.metadata.shared, ".tf32" in made.asm["ptx"])
"""
# Bytes of memory that a program shares, by what a GPU can do: A100; RTX 30 and 40; H100.
SHARED = {80: 166_912, 86: 101_376, 90: 232_448}


@pytest.mark.slow
def test_the_kernel_is_compiled_for_gpus_that_are_not_here():
    plain = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run([sys.executable, "-c", COMPILED], capture_output=True, text=True, env=plain, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[:2] for line in lines] == [[str(each), str(width)] for each in SHARED for width in fused.TILES]
    for capability, _, shared, exact in lines:
        assert int(shared) <= SHARED[int(capability)]
        assert exact == "True"
