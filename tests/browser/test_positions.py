"""Positions in a real browser: the scheme that is chosen, how far the text moves, and the order of its words."""

from urllib.parse import quote

import torch

import selfattn
from selfattn.analysis.masks import position_terms
from selfattn.analysis.masks.position_terms import SCHEMES

TEXT = "The film was not good."
LAWS = ".st-key-panel_laws .sa-table"


def expected(shift: int, shuffles: int) -> dict[str, tuple[str, str]]:
    """For each scheme, the change of a score as the page writes it (rounding aside), and that of an output."""
    model = selfattn.load("sentiment")
    ids = model.inputs(TEXT)[1]["input_ids"][0]
    order = torch.randperm(len(ids), generator=torch.Generator().manual_seed(shuffles))
    found = {}
    for scheme in SCHEMES:
        network = position_terms.with_positions(model.network.encoder, scheme, torch.Generator().manual_seed(0))
        moved = position_terms.moved_by_shift(network, ids, shift)
        by_order = float(position_terms.moved_by_order(network, ids, order).max())
        found[scheme] = (f"{moved:.3f}" if moved >= 0.0005 else "0", f"{by_order:.1%}")
    return found


def shown(reader) -> dict[str, tuple[str, str]]:
    rows = reader.page.locator(f"{LAWS} tbody tr").all()
    cells = [
        (row.locator("td").nth(0).inner_text().split(" (")[0], row.locator("td").nth(1).inner_text()) for row in rows
    ]
    return dict(zip(SCHEMES, cells, strict=True))


def test_what_stays_is_what_python_finds(reader):
    reader.open(f"/masks?masks_or_positions=Positions&model=sentiment&shift=20&text={quote(TEXT)}")
    assert shown(reader) == expected(20, 0)
    reader.page.get_by_role("button", name="Shuffle the words").click()
    reader.settle()
    assert shown(reader) == expected(20, 1)
    assert shown(reader)["none"] == ("0", "0.0%")


def test_the_scheme_is_chosen_by_a_click_and_kept_by_the_link(reader):
    reader.open(f"/masks?masks_or_positions=Positions&model=sentiment&text={quote(TEXT)}")
    assert "▸ RoPE" in reader.text(LAWS)
    reader.page.get_by_role("radio", name="None").click()
    reader.settle()
    # With no places told, the places add nothing.
    assert "root mean square 0.00" in reader.text(".st-key-panel_add")
    reader.page.reload()
    reader.settle()
    assert "▸ None" in reader.text(LAWS)
    assert "the words are a set" in reader.text(".st-key-panel_scheme")
