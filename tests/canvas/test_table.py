"""The table view in a browser: the numbers of the head, in any order, chosen and copied by keyboard."""

import re

import numpy as np
import pytest

from tests.tools.fake_scope import HOSTILE, head, mount

KEYS, DIMENSIONS = ".table-whole >> nth=0", ".table-whole >> nth=1"
ISOLATES = re.compile("[\u2068\u2069]")


def cells(page, which):
    found = page.locator(f"{which} >> tbody tr").evaluate_all(
        "all => all.map(line => [...line.cells].map(c => c.textContent))"
    )
    return [[text.replace("−", "-") for text in line] for line in found]


def caption(page, which):
    return ISOLATES.sub("", page.locator(f"{which} >> caption").inner_text())


def press(page, which, header):
    page.locator(f"{which} >> thead button", has_text=re.compile(f"^{header}$")).press("Enter")


def row_of(made, query):
    n, m = made["shape"]
    return {
        name: np.array(plane, dtype=float).reshape(n, m)[query]
        for name, plane in made["planes"].items()
        if len(plane) == n * m
    }


def test_the_numbers_of_a_row(module_page):
    made = head(6, 5, causal=True)
    mount(module_page, "table", made)
    row = row_of(made, 1)
    expected = [
        [
            str(k),
            made["keys"][k],
            f"{row['scores'][k]:.3f}",
            f"{row['scaled'][k]:.3f}",
            f"{row['logits'][k]:.3f}" if k <= 1 else "masked",
            f"{row['weights'][k]:.4f}" if k <= 1 else "0",
            "0.5000" if k <= 1 else "0",
            made["notes"]["keys"][k] or "",
        ]
        for k in range(5)
    ]
    assert cells(module_page, KEYS) == expected
    assert caption(module_page, KEYS) == f"From {HOSTILE[1]} (position 1) to each token."
    assert module_page.locator("th[scope=col]").count() == 14
    assert module_page.locator(f"{KEYS} >> tbody button").nth(2).get_attribute("title") == made["notes"]["keys"][2]
    assert module_page.locator(f"{KEYS} >> tbody th[scope=row]").count() == 5


def test_the_numbers_of_a_cell_by_dimension(module_page):
    made = head(6, 5)
    mount(module_page, "table", made)
    module_page.get_by_label("Attends to").select_option("3")
    assert module_page.evaluate("told.at(-1)") == ["pin", {"query": 1, "key": 3}]
    planes = {
        name: np.array(made["planes"][name]).reshape(-1, width)
        for name, width in (("query", 5), ("key", 5), ("value", 3), ("context", 3))
    }
    q, k, v, c = planes["query"][1], planes["key"][3], planes["value"][3], planes["context"][1]
    expected = [
        [
            str(e),
            f"{q[e]:.3f}",
            f"{k[e]:.3f}",
            f"{q[e] * k[e]:.3f}",
            *([f"{v[e]:.3f}", f"{c[e]:.3f}"] if e < 3 else ["", ""]),
        ]
        for e in range(5)
    ]
    assert cells(module_page, DIMENSIONS) == expected
    foot = module_page.locator(f"{DIMENSIONS} >> tfoot td").all_inner_texts()
    assert foot[2].replace("−", "-") == f"{q @ k:.3f}"
    assert foot[:2] == foot[3:] == ["", ""]
    assert "x" * 9 not in caption(module_page, DIMENSIONS)
    assert caption(module_page, DIMENSIONS) == f"From {HOSTILE[1]} (position 1) to 🙂 (position 3), by dimension."


@pytest.mark.parametrize(
    ("similarity", "part"),
    [
        ("cosine", lambda q, k: q * k / np.linalg.norm(q) / np.linalg.norm(k)),
        ("rbf", lambda q, k: -((q - k) ** 2) / 2),
    ],
)
def test_the_parts_of_a_score_are_those_of_its_similarity(module_page, similarity, part):
    made = head(6, 5)
    mount(module_page, "table", made, similarity=similarity)
    q, k = (np.array(made["planes"][name]).reshape(-1, 5)[place] for name, place in (("query", 1), ("key", 0)))
    shown = [float(row[3]) for row in cells(module_page, DIMENSIONS)]
    np.testing.assert_allclose(shown, part(q, k), atol=6e-4)
    foot = module_page.locator(f"{DIMENSIONS} >> tfoot td").all_inner_texts()
    assert foot[2].replace("−", "-") == f"{part(q, k).sum():.3f}"


def test_a_weight_that_is_tiny_is_not_one_that_is_masked(module_page):
    made = head(6, 5)
    made["planes"]["weights"][5:8] = [4e-6, 0, 0.00004]
    mount(module_page, "table", made)
    assert [row[5] for row in cells(module_page, KEYS)][:3] == ["4e-6", "0", "4e-5"]


def test_choosing_a_query_and_a_key(module_page):
    made = head(6, 5)
    mount(module_page, "table", made)
    module_page.get_by_label("Attends from").select_option("4")
    assert module_page.evaluate("told.at(-1)") == ["pin", {"query": 4, "key": int(row_of(made, 4)["weights"].argmax())}]
    module_page.locator(f"{KEYS} >> tbody button").nth(2).press("Enter")
    assert module_page.evaluate("told.at(-1)") == ["pin", {"query": 4, "key": 2}]
    assert module_page.locator("button[aria-pressed=true]").all_inner_texts() == [HOSTILE[2]]
    assert module_page.get_by_label("Attends to").input_value() == "2"


@pytest.mark.parametrize(("header", "plane"), [("weight", "weights"), ("raw score", "scores")])
def test_sorting(module_page, header, plane):
    made = head(11)
    mount(module_page, "table", made)
    order = np.argsort(-row_of(made, 1)[plane], kind="stable").tolist()
    heading = module_page.locator(f"{KEYS} >> th", has_text=re.compile(f"^{header}$"))
    for expected, way in ((order, "descending"), (order[::-1], "ascending")):
        press(module_page, KEYS, header)
        assert [int(line[0]) for line in cells(module_page, KEYS)] == expected
        assert heading.get_attribute("aria-sort") == way
    assert module_page.locator(f"{KEYS} >> th[aria-sort=none]").count() == 7
    # The chosen order stays when the numbers change.
    module_page.evaluate("plane => { scope.head[plane].fill(0); shown.draw(); }", plane)
    assert heading.get_attribute("aria-sort") == "ascending"


def test_masked_logits_come_last(module_page):
    mount(module_page, "table", head(6, causal=True))
    for _ in range(2):
        press(module_page, KEYS, "logit")
        assert [line[4] for line in cells(module_page, KEYS)][2:] == ["masked"] * 4


def test_many_keys(module_page):
    made = head(2, 1024)
    mount(module_page, "table", made)
    weights = row_of(made, 1)["weights"]
    shown = [int(line[0]) for line in cells(module_page, KEYS)]
    assert shown == sorted(np.argsort(-weights)[:512].tolist())
    assert caption(module_page, KEYS).endswith("to each token. The 512 largest weights of 1,024 keys.")


@pytest.mark.parametrize("allowed", [True, False])
def test_copying(module_page, allowed):
    made = head(6, causal=True)
    made["keys"][3] = "a\tb\nc"
    mount(module_page, "table", made)
    module_page.evaluate(
        """(allowed) => {
          const writeText = async (text) => { if (!allowed) throw new Error("no"); window.copied = text; };
          Object.defineProperty(navigator, "clipboard", { value: { writeText } });
          document.execCommand = () => { window.copied = document.activeElement.value; return true; };
        }""",
        allowed,
    )
    module_page.get_by_role("button", name="Copy as TSV: keys").press("Enter")
    module_page.get_by_text("Copied 6 rows.").wait_for()
    first, *lines = [line.split("\t") for line in module_page.evaluate("copied").split("\n")]
    assert first == [
        "position",
        "token",
        "raw score",
        "scaled",
        "logit",
        "weight",
        "uniform weight",
        "in the vocabulary",
    ]
    assert [line[1] for line in lines] == [*HOSTILE[:3], "a b c", *HOSTILE[4:6]]
    row = row_of(made, 1)
    # Every digit of a 32-bit number is there.
    assert [np.float32(line[2]) for line in lines] == [np.float32(x) for x in row["scores"]]
    assert [line[4] for line in lines][2:] == ["masked"] * 4
    assert module_page.locator("textarea").count() == 0


def test_hostile_tokens_are_only_text(module_page):
    mount(module_page, "table", head(8))
    names = module_page.locator(f"{KEYS} >> tbody button").evaluate_all("all => all.map(one => one.textContent)")
    assert names == HOSTILE
    for place in range(8):
        module_page.get_by_label("Attends to").select_option(str(place))
    assert module_page.evaluate("window.broken ?? null") is None
    assert module_page.locator("img").count() == 0
