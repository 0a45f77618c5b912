"""Does any link break the app? Random links to every page, of all names that a link may hold, with hostile values.

python -m tests.benchmarks.hostile --links 3000 --seed 0

Each link is opened in the app's own script, without a browser, and must show no exception box. A link that breaks is
printed with its seed; the last line counts them.
"""

import argparse
import ast
import gc
import random
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from urllib.parse import urlencode

from selfattn.places import HOME
from selfattn.ui.link import Linked
from tests.tools.app import app

PAGES = ("", *(path.stem for path in sorted((HOME / "pages").glob("*.py")) if path.stem != "one_head"))
TEXTS = (
    "The film was not good.",
    "14 July 1789",
    "( [ ] )",
    "喜欢吃苹果",
    "a",
    " ",
    "\u202egnirts",
    "e\u0301" * 40,
    "[MASK]",
)
NUMBERS = (
    "0",
    "1",
    "-1",
    "2.5",
    "1e309",
    "-1e309",
    "nan",
    "inf",
    "1e-320",
    "9" * 40,
    "0x10",
    "١",
    "1_0",
    "½",
    "+3",
    "1,2",
)
WORDS = (
    "",
    " ",
    "true",
    "false",
    "none",
    "null",
    "None",
    "causal",
    "own",
    "window",
    "table",
    "zero",
    "mean",
    "model",
    "text",
)
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "`${7*7}`{{7*7}}%s%n",
    "../../../../etc/passwd",
    "\x00",
    "\ud7ff\uffff",
    "a" * 5000,
    "(" * 3000,
    "causal & (" * 300,
    "not " * 2000 + "causal",
    "window(1e309)",
    "custom(" + "0>1," * 500 + "0>1)",
    "__import__('os')",
    "[]",
    "{}",
    "[[]]",
    "[" * 2000,
    '[{"edit":"scale","value":1e999}]',
    '[{"edit":"temperature","value":1e-300}]',
    '[{"edit":"temperature","value":5e-324,"heads":[0]}]',
    '[{"edit":"scale","value":1e300}]',
    '[{"edit":"scale","value":true,"layers":{}}]',
    '[{"edit":"mask","pattern":"window(0)"}]',
    '[{"edit":"mask","pattern":"causal","replace":1}]',
    '[{"edit":"cut","pairs":[[0,99999999]]}]',
    '[{"edit":"cut","pairs":[[-1,0]]}]',
    '[{"edit":"ablate","how":{"name":"x","count":-1}}]',
    '[{"edit":"ablate","layers":[99]}]',
    '[{"edit":"similarity","how":"rbf","part":"\\ud800"}]',
)
MODELS = (
    "sentiment",
    "induction",
    "dates",
    "digits",
    "tones",
    "brackets",
    "pairs",
    "nobody",
    "me/none",
    "memory@1",
    "/",
)
# What the numbers of a plan are kept by.
PRESET = "this_model_sentiment"
OF_ITS_KIND = {"model": MODELS, "model_b": MODELS, "text": TEXTS, "text_b": TEXTS, "second": TEXTS}


def names() -> list[str]:
    """Every name that a link may hold: of the values that live in it, and of the controls that it keeps."""
    for page in PAGES:  # each imports what is declared for it
        app(page).run()
    paths = [*(HOME / "selfattn" / "ui").rglob("*.py"), *(HOME / "pages").glob("*.py")]
    linked = {name for value in gc.get_objects() if isinstance(value, Linked) for name in value.names}
    kept = {key for path in paths for call in ast.walk(ast.parse(path.read_text())) if (key := _key(call))}
    return sorted(linked | kept)


def _key(call: ast.AST) -> str:
    """The name of a control that is bound to the link."""
    if not isinstance(call, ast.Call):
        return ""
    given = {each.arg: each.value for each in call.keywords}
    if "bind" not in given and (None not in given or ast.unparse(given[None]) != "KEEP"):
        return ""
    key = given.get("key", call.args[4] if len(call.args) > 4 else None)
    if isinstance(key, ast.JoinedStr):  # a name for each preset and model
        return "".join(
            str(getattr(part, "value", "")) if isinstance(part, ast.Constant) else PRESET for part in key.values
        )
    return str(getattr(key, "value", ""))


def link(chance: random.Random, known: list[str]) -> tuple[str, dict[str, str]]:
    """A page, and what its link asks for."""
    asked = {}
    for name in chance.sample(known, chance.randint(1, 7)):
        kinds = (NUMBERS, WORDS, HOSTILE, TEXTS)
        asked[name] = chance.choice(
            OF_ITS_KIND[name] if name in OF_ITS_KIND and chance.random() < 0.8 else chance.choice(kinds)
        )
    if chance.random() < 0.6:
        asked["model"] = chance.choice(MODELS[:7])
    return chance.choice(PAGES), asked


def broken(page: str, asked: dict[str, str]) -> str:
    """What stands in the exception box of a link; nothing where there is none."""
    with redirect_stdout(StringIO()):  # Streamlit's own account of it
        at = app(page, **asked).run()
    return at.exception[0].message if at.exception else ""


def found(links: int, seed: int, known: list[str]) -> Iterator[tuple[int, str]]:
    """The links that break, each by its number."""
    for number in range(seed, seed + links):
        page, asked = link(random.Random(number), known)
        try:
            fault = broken(page, asked)
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
        if fault:
            yield number, f"/{page}?{urlencode(asked, errors='surrogatepass')[:300]}  {fault[:200]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--links", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    start, count, known = time.perf_counter(), 0, names()
    for number, said in found(given.links, given.seed, known):
        count += 1
        print(f"seed {number}  {said}", flush=True)
    took = time.perf_counter() - start
    print(f"{given.links} links of {len(known)} names to {len(PAGES)} pages in {took:.0f} s: {count} broke")


if __name__ == "__main__":
    main()
