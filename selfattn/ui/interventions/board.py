"""The page of interventions: what a reader changes in the model's attention, and what it says then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from selfattn import Trace
from selfattn.analysis.interventions import edit_list, effects
from selfattn.analysis.interventions.edit_list import Edits
from selfattn.analysis.interventions.effects import COSINE, DISTANCE, Effect, How, Place
from selfattn.canvas import component
from selfattn.canvas.interventions import LONGEST_TEXT, experiment_payload
from selfattn.canvas.prediction import prediction_of
from selfattn.exports import python
from selfattn.figures import interventions as figures
from selfattn.models.attention import Attention
from selfattn.models.inputs.given import Text
from selfattn.models.inputs.tokens import visible
from selfattn.recording.edits import Ablate, Cut, from_json, to_json
from selfattn.recording.means import Means
from selfattn.ui import caches, controls
from selfattn.ui.interventions import experiments, silent
from selfattn.ui.interventions.asked import On
from selfattn.ui.link import KEEP
from selfattn.ui.place import Head
from selfattn.ui.shell import exporting, in_model, writing
from selfattn.ui.shell.frame import Study
from selfattn.ui.shell.source import source

KEY = "experiment"
ONE, MEAN = "one head", "mean of the layer"
EVERYWHERE, LAYER, HEAD = "in every layer", "in this layer", "in this head"
BEFORE, AFTER = "before the softmax", "after the softmax"
# What cannot be known of a word's row while it is empty is said of so many.
NAMED = 3


@dataclass(frozen=True)
class Setup:
    """What the reader looks at, and how a click changes it."""

    at: Head
    attention: Attention
    lines: str
    reach: str
    when: str

    @property
    def shown(self) -> list[Place]:
        """The heads whose lines are drawn."""
        heads = [self.at.head] if self.lines == ONE else range(self.attention.heads)
        return [(self.at.layer, head) for head in heads]

    def new_cut(self, several: bool) -> Cut:
        """What a click cuts, without a pair yet."""
        where: dict[str, Any] = {"part": self.attention.part, "kind": self.attention.kind} if several else {}
        if self.reach != EVERYWHERE:
            where["layers"] = {self.at.layer}
        if self.reach == HEAD:
            where["heads"] = {self.at.head}
        return Cut(frozenset(), renormalise=self.when == BEFORE, **where)


def setup(study: Study) -> Setup:
    """The controls: which lines are shown, and what a click cuts."""
    at = controls.head_picker(study.model)
    lines = st.selectbox("Lines of", [ONE, MEAN], key="lines_of", width=222, **KEEP)
    reach = st.selectbox("A click cuts", [EVERYWHERE, LAYER, HEAD], key="reach", width=240, **KEEP)
    when = st.selectbox(
        "When",
        [BEFORE, AFTER],
        key="when",
        width=178,
        label_visibility="collapsed",
        help="Before the softmax the other words share the weight; after it the weight is lost.",
        **KEEP,
    )
    return Setup(at, study.model.attention(at.part, at.kind), lines, reach, when)


def picture(study: Study, setup: Setup, edits: Edits, how: How, on: On) -> None:
    """Lines, heads, prediction and changes, live; what the reader does there comes back as edits."""
    before, after = caches.trace(study.plain), study.trace()
    at, attention = setup.at, setup.attention
    calls = [trace.call(at.layer, at.part, at.kind) for trace in (before, after)]
    names = after.labels(calls[1])
    silenced = effects.silenced(edits, attention)
    sentences = (
        [study.refused]
        if study.refused
        else _sentences(study, edits, attention, silenced, how, on, (before, after), names)
    )
    alone = experiments.alone(study.plain, on, attention, how)
    several = len(study.model.attentions) > 1
    drawn = max(calls[1].shape) <= LONGEST_TEXT
    about = {
        "lines": _lines(setup, calls[1].shape),
        "legend": _legend(alone, experiments.measure(study.plain, on).name),
        "signed": before.prediction is not None,  # without an answer an effect is a distance
        "prediction": {
            **prediction_of(before, after if study.run.edits else None),
            **writing.wording(study.plain, study.run, study.model),
        },
        "sentences": sentences,
        "heard": " ".join(sentences),
        "changes": [
            {"text": visible(edit_list.in_words(edit, *names, several)), "edit": to_json([edit])} for edit in edits
        ],
        "notes": dict(zip(("queries", "keys"), after.notes(calls[1]), strict=True)) if drawn else None,
        "edits": to_json(edits),
        "done": st.session_state.get("experiment_done", 0),
    }
    component.mount(
        "interventions",
        key=KEY,
        data=experiment_payload(
            calls[0],
            calls[1],
            at.head if setup.lines == ONE else None,
            names,
            edit_list.cut_pairs(edits, setup.shown, attention),
            alone,
            silenced,
            (attention.numbers, attention.heads),
            about,
        ),
        source=source(study.model, study.run, at),
        on_act_change=partial(_act, study, setup, how),
    )


def _act(study: Study, setup: Setup, how: How, told: Mapping[str, Any]) -> None:
    """Do what the reader did to the edits that the browser knew: the link may not have followed the last click yet."""
    edits = from_json(told["edits"])
    for deed in told["deeds"]:
        edits = _done(deed, edits, study, setup, how)
        st.session_state.experiment_done = deed["at"]
    in_model.EDITS.put(edits)


def _done(deed: Mapping[str, Any], edits: Edits, study: Study, setup: Setup, how: How) -> Edits:
    attention, attentions = setup.attention, study.model.attentions
    new = setup.new_cut(several=len(attentions) > 1)
    match deed["act"]:
        case "silence":
            place = {(int(deed["layer"]), int(deed["head"]))}
            heads = effects.silenced(edits, attention) ^ place
            return edit_list.with_silenced(edits, attentions, attention, heads, how)
        case "cut":
            pair = frozenset({(int(deed["query"]), int(deed["key"]))})
            return edit_list.toggled(edits, pair, setup.shown, attention, new)
        case "hide":
            call, key = caches.trace(study.plain).call(setup.at.layer, setup.at.part, setup.at.kind), int(deed["key"])
            if key >= call.shape[1]:
                return edits  # a word of another text
            seen = call.keep_of_heads().any(0)[:, key].nonzero().flatten().tolist()
            pairs = frozenset((query, key) for query in seen if call.kind == "cross" or query != key)
            return edit_list.toggled(edits, pairs, setup.shown, attention, new) if pairs else edits
        case "remove":
            return tuple(edit for edit in edits if to_json([edit]) != deed["edit"])
    return ()


def _lines(setup: Setup, shape: tuple[int, int]) -> str:
    if max(shape) > LONGEST_TEXT:
        return f"{max(shape):,} tokens are too many to draw; lines are drawn up to {LONGEST_TEXT}."
    whose = f"head {setup.at.head}" if setup.lines == ONE else f"the mean of {setup.attention.heads} heads"
    return f"what {whose} of layer {setup.at.layer} reads from, with the changes"


def _legend(alone: Mapping[Place, Effect], name: str) -> str:
    if not alone:
        return "Rank the heads below, and each cell shows what silencing it alone does."
    colours = "" if name == DISTANCE else " Purple falls, orange rises."
    return f"In a cell: the change of the {name} when that head alone is silenced.{colours}"


def _sentences(
    study: Study,
    edits: Edits,
    attention: Attention,
    silenced: frozenset[Place],
    how: How,
    on: On,
    runs: tuple[Trace, Trace],
    names: tuple[Sequence[str], Sequence[str]],
) -> list[str]:
    """What the changes moved, with its control, and what has to be known about them."""
    if not edits:
        return ["Silence a head or cut a line: the model runs again, and the tick stays where it was."]
    name = experiments.measure(study.plain, on).name
    whole = experiments.effect(study.plain, on, edits)
    found = []
    if silenced:
        heads = effects.silence(silenced, attention, how)
        sentence = figures.silenced(len(silenced), experiments.effect(study.plain, on, heads), name)
        found.append(f"{sentence}; {_control(study, on, attention, how, silenced)}.")
    if any(not isinstance(edit, Ablate) for edit in edits):
        what = "The changes together" if len(edits) > 1 else "The change"
        found.append(f"{figures.moved(what, whole, name)}.")
    if name == COSINE and any(edit.names_positions for edit in edits):
        found.append("Cuts, and masks that name positions, act in the first text alone.")
    found += _empty(effects.emptied(*runs), names)
    note = "What moves the answer is necessary on this text; that does not say what it does."
    if silenced and how == "zero":
        better = silent.TEXTS if isinstance(study.plain.given, Text) else silent.OWN
        note += f" Zeros are off the model’s own distribution: compare with “{better}”."
    elif silenced and isinstance(how, Means):
        note += f" {_averaged(study, how)}"
    return [*found, note]


def _averaged(study: Study, how: Means) -> str:
    """How many texts stand behind a mean, at the end of this text."""
    length = caches.trace(study.plain).calls[0].shape[0]
    reaching = caches.means(study.plain.choice, how).reaching(length)
    has = "has" if reaching == 1 else "have"
    return f"The mean is over {how.count} texts; {reaching} of them {has} as many tokens as this one."


def _control(study: Study, on: On, attention: Attention, how: How, chosen: frozenset[Place]) -> str:
    done = experiments.drawn(study.plain, on, attention, how, chosen)
    others = attention.layers * attention.heads - len(chosen)
    if len(chosen) > others:
        return "more than half of the heads leave no control to draw"
    if not done:
        return "compare it with random heads below"
    found = effects.spread(done.values())
    return figures.against(found, len(chosen), effects.every_set(others, len(chosen), found.draws))


def _empty(rows: Sequence[tuple[Any, int, int]], names: tuple[Sequence[str], Sequence[str]]) -> list[str]:
    """Which words have nothing left to attend to."""
    if not rows:
        return []
    queries = list(dict.fromkeys(query for _, _, query in rows))
    listed = ", ".join(
        f"“{visible(names[0][query])}”" if query < len(names[0]) else str(query) for query in queries[:NAMED]
    )
    more = f" and {len(queries) - NAMED} more" if len(queries) > NAMED else ""
    heads = len({(call.title, head) for call, head, _ in rows})
    return [f"In {heads} head{'s' if heads != 1 else ''} nothing is left to attend to for {listed}{more}: zeros there."]


def export(study: Study, attention: Attention, edits: Edits, how: How, on: On) -> None:
    """The Python that makes these numbers, in the sidebar's menu."""
    run = study.plain
    code = python.experiment(run.choice, run.given, attention, edits, how, on.where, run.pad, run.written, on.answers)
    exporting.menu({}, {exporting.PYTHON: code})
