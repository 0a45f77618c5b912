"""Every page and view is opened once and seen dark and light, wide and narrow: whole, in its colours, and for all."""

import pytest

from tests.tools.looks import findings, scrolls_down_alone

PATHS = [
    "/",
    "/?show=map&stage=scaled",
    "/?show=lines&words=true",
    "/?show=table",
    "/?model=minilm&mask=own,causal",
    "/?model=digits",
    "/?model=tones",
    "/?model=dates",
    "/?model=induction",
    "/all_heads",
    "/all_heads?shown=Table",
    "/model",
    "/scaling",
    "/scaling?data=the+model%27s+own",
    "/masks?masks_or_positions=Positions",
    "/training",
    "/cost",
    "/cost?costs=Measured+here",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_whole_in_every_look(reader, path):
    reader.page.emulate_media(color_scheme="dark")
    reader.open(path)
    # The same elements in the other colours: only their contrast is new.
    for scheme, width, rules in (("dark", 900, []), ("light", 1440, ["color-contrast"])):
        reader.look(scheme, width)
        assert reader.page.locator(".sa-notice").count() == 0
        scrolls_down_alone(reader)
        assert findings(reader, *rules) == []
