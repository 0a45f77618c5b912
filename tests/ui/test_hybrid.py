"""A hybrid, of which layers 1 and 3 attend, on the pages: chosen, drawn and named by the model's own numbers."""

import pytest

from tests.tools import hybrids, made
from tests.ui.test_links import link, opened

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("hybrid")
    hybrids.network("lfm2").save_pretrained(place)
    made.word_level().save_pretrained(place)
    return str(place)


def test_the_layers_that_attend_are_those_to_choose(folder):
    found = opened(link("", model=folder, text="the cat sat", layer=3, head=2))
    assert found["link"]["layer"] == "3"
    found = opened(link("", model=folder, text="the cat sat", layer=0))
    assert found["link"]["layer"] == "1"
    assert any("has layers 1, 3. Layer 1 is shown." in said for said in found["notices"])


@pytest.mark.parametrize(
    ("page", "more"),
    [
        ("all_heads", {}),
        ("all_heads", {"shown": "Table"}),
        ("interventions", {"edits": '[{"edit":"ablate","layers":[3],"heads":[1]}]'}),
        ("compare", {"with_": "head", "layer_b": 3, "head_b": 2}),
        ("masks", {}),
        ("model", {}),
        ("variants", {}),
        ("mistakes", {}),
    ],
)
def test_every_page_takes_a_hybrid(folder, page, more):
    found = opened(link(page, model=folder, text="the cat sat", layer=3, head=2, **more))
    told = [picture["layers"] for picture in found["pictures"] if "layers" in picture]
    if page in ("all_heads", "interventions") and not more.get("shown"):
        assert told == [[1, 3]]
