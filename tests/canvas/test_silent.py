"""What a silenced head gives in the browser is what it gives in Python, whether it looks back or both ways."""

import pytest
import torch

import selfattn
from selfattn import Ablate, Temperature
from selfattn.canvas.one_head.head import head_payload
from selfattn.canvas.payload import pack
from tests.tools.tolerance import assert_close

TEXTS = ["the cat sat on the mat", "the plot was dull, but the acting was not bad"]
CONTEXTS = """async (heads) => {
  const [{ unpack }, { Head }] = await Promise.all([import("/shared/payload.js"), import("/shared/attend.js")]);
  return heads.map((bytes) => {
    const head = new Head(unpack(new Uint8Array(bytes)));
    head.compute({ scaled: true, temperature: null, mask: ["own"], width: 4, pairs: [], similarity: "own" });
    return [...head.context];
  });
}"""


@pytest.mark.parametrize("name", ["induction", "sentiment"])
def test_a_silenced_head_gives_what_it_gives_in_python(module_page, name):
    model, packed, expected = selfattn.load(name), [], []
    for how in ("zero", "mean", selfattn.means(model, TEXTS)):
        trace = selfattn.trace(model, TEXTS[0], [Ablate(how, layers={1}, heads={1}), Temperature(2.0)], pad=3)
        packed.append(list(pack(*head_payload(trace, trace.call(1), 1))))
        expected.append(trace.stages(1, 1).context)
    for shown, context in zip(module_page.evaluate(CONTEXTS, packed), expected, strict=True):
        assert_close(torch.tensor(shown).view(context.shape), context, within=1e-5)
    assert not expected[1].allclose(expected[2])
