"""The page of costs in a browser: a measurement of this machine, cancelled and whole, and plans beside Python's."""

import re
from dataclasses import replace

import selfattn
from selfattn.analysis.cost import plans
from selfattn.analysis.cost.plans import PRESETS, Plan
from selfattn.figures.cost import short
from selfattn.models.budgets import in_words

TINY = "/cost?costs=Measured+here&longest=256&cost_heads_sentiment=2&cost_d_sentiment=3"


def numbers(reader) -> list[str]:
    return reader.page.locator(".sa-numbers b").all_inner_texts()


def test_points_come_while_it_measures_and_the_exponents_stand_beside_theory(reader):
    reader.open(TINY)
    page = reader.page
    assert "at most 60 s" in reader.text(".st-key-board")
    assert page.locator(".st-key-panel_formulas tbody tr").count() == 5
    page.locator(".st-key-measure button").click()
    page.locator(".st-key-panel_time .js-plotly-plot").first.wait_for(timeout=60_000)
    page.locator(".st-key-panel_exponents tbody tr").nth(4).wait_for(timeout=60_000)
    page.locator(".st-key-cancel_costs").wait_for(state="detached", timeout=120_000)
    reader.settle()
    # Two lengths of the quadratic methods are no line; of the linear ones there are five.
    rows = [row.inner_text().split("\t") for row in page.locator(".st-key-panel_exponents tbody tr").all()]
    assert [row[0] for row in rows] == ["eager", "SDPA", "recording", "window", "linear"]
    assert [row[2] for row in rows] == ["2", "2", "2", "1", "1"]
    assert rows[0][1] == "–"
    for row in rows[3:]:
        assert re.fullmatch(r"–|\d\.\d\d ± \d\.\d\d", row[1]), row
    assert page.locator(".st-key-panel_roof .js-plotly-plot").count() == 1
    page.get_by_text("forward + backward").click()
    page.wait_for_function("location.search.includes('passes=')")
    reader.settle()
    assert rows != [row.inner_text().split("\t") for row in page.locator(".st-key-panel_exponents tbody tr").all()]


def test_a_cancelled_measurement_keeps_its_points_and_goes_on(reader):
    reader.open("/cost?costs=Measured+here&longest=8192&cost_heads_sentiment=3&cost_d_sentiment=5")
    page = reader.page
    page.locator(".st-key-measure button").click()
    page.locator(".st-key-panel_time .js-plotly-plot").first.wait_for(timeout=60_000)
    page.locator(".st-key-cancel_costs button").click()
    page.get_by_text("Cancelled: the points that were done are shown.").wait_for(timeout=60_000)
    reader.settle()
    assert page.locator(".st-key-panel_time .js-plotly-plot").count() == 1
    page.locator(".st-key-go_on button").click()
    page.locator(".st-key-cancel_costs button").wait_for(timeout=30_000)
    page.locator(".st-key-cancel_costs button").click()
    page.locator(".st-key-go_on button").wait_for(timeout=60_000)


def test_a_plan_opens_on_the_readers_model_and_its_numbers_are_pythons(reader):
    reader.open("/cost")
    model = selfattn.load("sentiment")
    own = Plan(plans.of(model), 4096, 1, "float32", 1, plans.counted(model))
    assert numbers(reader)[:3] == [short(own.parameters), in_words(own.token_cache), short(own.flops, "FLOP")]
    page = reader.page
    page.locator(".st-key-plan button").filter(has_text="Llama 3 8B").click()
    page.get_by_text("8.03B").wait_for()
    reader.settle()
    page.locator(".st-key-layers_llama_3_8b input").fill("16")
    page.locator(".st-key-layers_llama_3_8b input").press("Enter")
    page.wait_for_function("location.search.includes('layers_llama_3_8b=16')")
    reader.settle()
    halved = Plan(replace(PRESETS["Llama 3 8B"][0], layers=16), 8192, 1, "bfloat16", 1)
    shown = [short(halved.parameters), in_words(halved.token_cache), short(halved.flops, "FLOP")]
    assert numbers(reader)[:3] == shown
    page.reload()
    reader.settle()
    assert numbers(reader)[:3] == shown


def test_what_cannot_be_planned_is_one_sentence(reader):
    reader.open("/cost?plan=Llama+3+8B&key_heads_llama_3_8b=5")
    assert "5 key-value heads cannot be shared evenly by 32 heads" in reader.text(".sa-notice")
