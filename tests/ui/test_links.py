"""Links that were made before open what they opened when they were made.

`links.json` was written by this file, `python -m tests.ui.test_links`, from the code of that day.
"""

import json
import math
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from selfattn import places
from selfattn.canvas.payload import MAGIC
from tests.tools.app import app

LINKS = Path(__file__).with_name("links.json")
RECORDED = json.loads(LINKS.read_text()) if __name__ != "__main__" else []
WIDGETS = (
    *("selectbox", "text_input", "number_input", "slider", "select_slider", "toggle", "checkbox", "radio"),
    *("button_group", "multiselect", "text_area"),
)
# What of a picture says what it shows; the rest is how it is drawn.
TELLING = (
    *("view", "queries", "keys", "titles", "expression", "after", "where", "layer", "number", "layers"),
    *("heads", "kind", "lines", "sentences", "changes", "edits", "legend", "chosen", "measured", "shape", "prediction"),
)
FIELDS = {"text", "pairing"}
# Defaults that were chosen anew since then.
DEFAULTS = {"train_vocabulary": 8000, "train_dropout": 0.2, "train_weight_decay": 0.1}
TEXT = "The plot was dull, but the acting was not bad at all."
HOT = '[{"edit":"temperature","layers":[1],"heads":[3],"value":2.0}]'
SILENT = (
    '[{"edit":"ablate","layers":[0],"heads":[1,2],"how":"mean"},{"edit":"cut","pairs":[[4,2]],"renormalise":false}]'
)


def link(page: str = "", **asked: object) -> str:
    return f"/{page}?{urlencode({name.rstrip('_'): str(value) for name, value in asked.items()})}"


MADE = [
    link(model="sentiment", text=TEXT, layer=1, head=3, edits=HOT, temperature=2, scaled="false"),
    link(text=TEXT, layer=1, head=2, mask="own,causal,window", width=3, pairs="5>3", from_=6, to=2, stage="scores"),
    link(text="A small film.", pad=3, head=1, dtype="float64", show="table", colour="log", range="row", threshold=0.1),
    link(text="Keep this.", layer=7, temperature="nan", mask="nonsense", show="everything"),
    link(model="induction", text="red green blue red green", written="80,81,82", step=2, output_temperature=0.7),
    link(model="pairs", text="the food was good", second="the food was bad", segments="AB", words="true", head=2),
    link(model="digits", picture=3, layer=1, head=0, similarity="cosine"),
    link(model="dates", text="the 12th day of June, 1987", part="decoder, cross", layer=1, head=2),
    link("all_heads", text=TEXT, pattern="previous", order="layer", least=0.3),
    link("all_heads", model="dates", part="encoder, self", shown="Table"),
    link(
        "compare",
        text=TEXT,
        with_="text,head",
        text_b="The plot was fine.",
        layer=0,
        head=1,
        layer_b=1,
        head_b=2,
        cell="2>1",
    ),
    link("compare", text=TEXT, with_="edits", edits='[{"edit":"scale","value":null}]', layer=1, head=0),
    link("compare", text="the cat sat on the mat", with_="model", model_b="induction", head=1),
    link(
        "interventions",
        text=TEXT,
        edits=SILENT,
        lines_of="mean of the layer",
        reach="in this head",
        when="after the softmax",
        layer=1,
        head=1,
    ),
    link(
        "interventions",
        text=TEXT,
        experiment_of="Patch from another text",
        patch_in="probability",
        another="The plot was dull, and the acting was not good at all.",
    ),
    link("masks", text=TEXT, keep="causal & window(2)", after=3, mask_in="this layer alone", layer=1, head=2),
    link("masks", text=TEXT, masks_or_positions="Positions", scheme="ALiBi", positions_head=1, shift=5),
    link("scaling", text=TEXT, d=256, temperature=2),
    link("scaling", text=TEXT, data="the model's own", layer=1, head=2, temperature=0.5),
    link(
        "variants",
        text=TEXT,
        variant="performer",
        variant_features=256,
        variant_orthogonal="False",
        variant_seed=3,
        layer=1,
        head=1,
    ),
    link("mistakes", text=TEXT, exhibit="Normalised twice", how_4="by the other axis", way="right", layer=1),
    link("training", training_of="A sweep", train_rows=200, train_layers=3, train_heads=2, train_norm="post"),
    link("cost", plan="Llama 3 8B", tokens_llama_3_8b=32000, batch_llama_3_8b=4, gpus_llama_3_8b=8),
    link("model", model="brackets", text="( [ ] )"),
]


def opened(link: str) -> dict[str, object]:
    """What a link opens: the value of each control, what is said, what the pictures show, and the link after it."""
    parts = urlsplit(link)
    at = app(parts.path.strip("/"), **dict(parse_qsl(parts.query))).run()
    assert not at.exception
    return {
        "controls": {each.key: each.value for kind in WIDGETS for each in at.get(kind) if each.key},
        "notices": said(at, "sa-notice"),
        "answers": [re.sub(r"[−-]?\d+(\.\d+)?", "#", answer) for answer in said(at, "sa-answer")],
        "pictures": [shown(each.proto.bytes) for each in at.main if each.type == "bidi_component" and each.proto.bytes],
        "link": dict(at.query_params),
    }


def said(at: AppTest, name: str) -> list[str]:
    bodies = "".join(each.proto.body for each in at.main if each.type == "html")
    return re.findall(rf'(?<!</h1><p )class="{name}"[^>]*>(.*?)</(?:p|div)>', bodies)  # a page's own question aside


def shown(message: bytes) -> dict[str, object]:
    """The telling words of a picture, and the mean size of the numbers in each of its planes."""
    if not message.startswith(MAGIC):  # since then a payload follows the name and the style of its room
        message = message[4 + int.from_bytes(message[:4], "little") :]
    length = struct.unpack_from("<I", message, 8)[0]
    words, start = json.loads(message[12 : 12 + length]), 12 + length
    sizes = {}
    for name, plane in words["planes"].items():
        kind = np.dtype({"float32": "<f4", "uint8": "u1", "int32": "<i4"}[plane["type"]])
        numbers = np.frombuffer(message, kind, math.prod(plane["shape"]), start + plane["offset"])
        finite = np.abs(numbers[np.isfinite(numbers)].astype(float))
        sizes[name] = round(float(finite.mean()), 5) if finite.size else 0.0
    told = {name: words[name] for name in TELLING if name in words}
    if "prediction" in told:
        told["prediction"] = [row["name"] for row in told["prediction"]["rows"][:1]]
    return {**told, "sizes": sizes}


def differences(now: object, then: object, at: str = "") -> Iterator[str]:
    """Where two answers of `opened` part; a number may differ by rounding."""
    if isinstance(then, dict) and isinstance(now, dict):
        for name in then:
            yield from differences(now.get(name), then[name], f"{at}.{name}")
    elif isinstance(then, list) and isinstance(now, list) and len(now) == len(then):
        for place, (one, other) in enumerate(zip(now, then, strict=True)):
            yield from differences(one, other, f"{at}[{place}]")
    elif isinstance(then, float) and isinstance(now, int | float):
        if not math.isclose(now, then, rel_tol=1e-3, abs_tol=1e-4):
            yield f"{at}: {now} and not {then}"
    elif now != then:
        yield f"{at}: {now!r} and not {then!r}"


@pytest.mark.slow
@pytest.mark.parametrize("made", RECORDED, ids=lambda made: made["link"][:60])
def test_a_link_opens_what_it_opened_when_it_was_made(made, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "RUNS", tmp_path)
    now, then = json.loads(json.dumps(opened(made["link"]))), made["opens"]
    # Since then a sentence is asked for only where it has a say.
    if re.match("/(training|cost|scaling)", made["link"]) and "data=" not in made["link"]:
        then = then | {"controls": {name: each for name, each in then["controls"].items() if name not in FIELDS}}
        assert not FIELDS & now["controls"].keys()
    # Since then training has other defaults.
    then = then | {
        "controls": then["controls"] | {name: DEFAULTS[name] for name in then["controls"] if name in DEFAULTS}
    }
    assert list(differences(now, then)) == []
    # Since then the link always says which head is shown, and keeps the step of a text that is written.
    more = {"step", "layer", "head", "layer_b", "head_b"}
    assert made["opens"]["link"].keys() <= now["link"].keys() <= made["opens"]["link"].keys() | more


def test_changes_of_another_model_are_one_sentence():
    edits = '[{"edit":"ablate","layers":[5]}]'
    refused = "Ablate names layer 5; sentiment has layers 0 to 1. It is shown as it runs without the changes."
    head, board = (opened(link(page, text="A small film.", edits=edits)) for page in ("", "interventions"))
    assert head["notices"] == [refused]
    assert board["pictures"][0]["sentences"] == [refused]
    assert head["link"]["edits"] == board["link"]["edits"] == edits


if __name__ == "__main__":
    json.dump([{"link": link, "opens": opened(link)} for link in MADE], sys.stdout, ensure_ascii=False, indent=1)
