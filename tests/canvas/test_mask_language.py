"""The language of masks: what Python reads, computes and refuses, the browser does too."""

import random

import pytest
import torch

from selfattn.maths.masks import parse


def test_the_language_is_the_same_on_both_sides(module_page):
    chance = random.Random(7)
    leaves = [
        "causal",
        "padding",
        "window(3)",
        "dilated(6, 2)",
        "block(4)",
        "global_tokens([0, 9])",
        "custom([[1, 2], [5, 5]])",
    ]

    def grown(depth: int) -> str:
        if depth == 0 or chance.random() < 0.2:
            return chance.choice(leaves)
        match chance.choice("&|~"):
            case "~":
                return f"~({grown(depth - 1)})"
            case sign:
                return (
                    f"({grown(depth - 1)}) {sign} {grown(0)}"
                    if chance.random() < 0.5
                    else f"{grown(0)} {sign} {grown(depth - 1)}"
                )

    real = torch.tensor([True] * 9 + [False] * 2)
    for expression in [grown(4) for _ in range(60)]:
        written, keep = module_page.evaluate(
            """async ([text, real]) => {
              const { keepOf, parse, write } = await import("/masks/language.js");
              return [write(parse(text)), [...keepOf(parse(text), real.length, real)]];
            }""",
            [expression, real.int().tolist()],
        )
        expected = parse(expression).keep(11, 11, real)
        assert torch.equal(torch.tensor(keep).bool().view(11, 11), expected), expression
        assert parse(written) == parse(expression)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "window",
        "window(0)",
        "window(1, 2)",
        "constructor",
        "custom([1])",
        "causal &",
        "causal)",
        "alert(1)",
        "global_tokens(3)",
    ],
)
def test_what_python_refuses_the_browser_refuses(module_page, text):
    with pytest.raises(ValueError, match=r"expected|whole number|A pair|positions"):
        parse(text)
    refused = module_page.evaluate(
        """async (text) => {
          const { parse } = await import("/masks/language.js");
          try { parse(text); } catch (error) { return error.message; }
        }""",
        text,
    )
    assert "expected causal" in refused
