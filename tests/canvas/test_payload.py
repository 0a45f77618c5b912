"""What Python packs, the browser reads: the same words and the same bits."""

import numpy as np
import pytest

from selfattn.canvas.payload import pack

ABOUT = {"tokens": ["</script>", "好", "🙂", "\u202e"], "scale": 0.25, "none": None}
PLANES = {
    "weights": np.linspace(-1, 1, 15, dtype=np.float32).reshape(3, 5),
    "keep": np.array([[1, 0, 1]], dtype=np.uint8),
    "words": np.array([-1, 7, 2**31 - 1], dtype=np.int32),
    "empty": np.zeros((0, 4), dtype=np.float32),
}
READ = """async ([bytes, odd]) => {
  const { unpack } = await import("/shared/payload.js");
  const whole = new Uint8Array(bytes.length + odd);
  whole.set(bytes, odd);
  const { planes, ...about } = unpack(whole.subarray(odd));
  for (const [name, plane] of Object.entries(planes)) {
    planes[name] = [plane.constructor.name, plane.shape, [...plane]];
  }
  return [about, planes];
}"""
REFUSED = """async (bytes) => {
  const { unpack } = await import("/shared/payload.js");
  try { unpack(new Uint8Array(bytes)); } catch (error) { return error.message; }
}"""


@pytest.mark.parametrize("odd", [0, 1])
def test_the_browser_reads_what_is_packed(module_page, odd):
    about, planes = module_page.evaluate(READ, [list(pack(ABOUT, PLANES)), odd])
    assert about == ABOUT
    assert list(planes) == list(PLANES)
    for name, (kind, shape, numbers) in planes.items():
        assert kind.lower() == f"{PLANES[name].dtype.name}array"
        assert tuple(shape) == PLANES[name].shape
        assert numbers == PLANES[name].flatten().tolist()


def test_another_version_is_refused(module_page):
    packed = bytearray(pack({}, {}))
    packed[4] = 99
    assert "reload the page" in module_page.evaluate(REFUSED, list(packed))


def test_only_known_types_are_packed():
    with pytest.raises(ValueError, match="x is float64"):
        pack({}, {"x": np.zeros(3)})
    with pytest.raises(ValueError, match="JSON"):
        pack({"x": float("nan")}, {})
