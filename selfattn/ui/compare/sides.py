"""What is compared: A is what the app looks at, B differs from it in what the reader sets here. All is in the link."""

import re
from dataclasses import dataclass, replace

import streamlit as st

from selfattn import Model
from selfattn.analysis.compare.comparison import counterpart
from selfattn.figures import pieces
from selfattn.models.attention import Attention, ranges
from selfattn.models.inputs.given import Text, own_text, with_text
from selfattn.models.loading import library
from selfattn.models.loading.library import Choice
from selfattn.places import SPECIMENS
from selfattn.recording.edits import Edit, Scale, Temperature
from selfattn.ui import caches, controls, link, public
from selfattn.ui.browser import pasting
from selfattn.ui.caches import Run
from selfattn.ui.link import Linked, linked
from selfattn.ui.place import Head
from selfattn.ui.shell import data_sets, writing, yours
from selfattn.ui.shell.frame import Study
from selfattn.ui.shell.in_model import EDITS

WAYS = {"text": "another text", "head": "another head", "model": "another model", "edits": "the edits"}
# A word of the examples, and what stands for it in B's first text: the first that the text holds is changed.
WORDS = {
    "bad": "good",
    "good": "bad",
    "tired": "wide",
    "keys": "key",
    "full": "empty",
    "cat": "dog",
    "three": "seven",
    "green": "black",
    "small": "large",
    "recommend": "forget",
    "March": "April",
    "June": "May",
    "July": "August",
    "Saturday": "Sunday",
}
# What takes a negation out, and what puts one in.
NEGATIONS = (
    (r"\bnot ", ""),
    (r"\bcan[’']t\b", "can"),
    (r"\bwon[’']t\b", "will"),
    (r"(?<=\w)n[’']t\b", ""),
    (r"不", ""),
    (r"\b(is|are|was|were|am|do|does|did|can|could|will|would|should|has|have|had|must|may|might)\b", r"\1 not"),
    (r"[很太]|非常", "不"),
)
ENGLISH = re.compile(r"\b(the|a|an|I|you|he|she|it|we|they|this|that|and|to|of)\b", re.IGNORECASE)
WITH: Linked[list[str]] = linked("with", lambda text: text.split(","), lambda ways: ",".join(ways) or None, [])
# None: A's text with one word changed.
TEXT_B: Linked[str | None] = linked("text_b", str, lambda text: text, None)
MODEL_B: Linked[str] = linked("model_b", str, lambda source: source or None, "")
OF_TEXTS = ("minilm", "sentiment")
# Characters before a change that stand in a title.
BEFORE = 12


@dataclass(frozen=True)
class Sides:
    """The two forward passes, the heads looked at, and in what they differ."""

    first: Run
    second: Run
    first_at: Head
    second_at: Head
    ways: tuple[str, ...]

    @property
    def of_heads(self) -> bool:
        """Is one head compared with the others, and not each with its namesake?"""
        return "head" in self.ways

    def titles(self) -> tuple[str, str]:
        """What A and B are, in a few words: that in which they differ."""
        return self._title(self.first, self.first_at), self._title(self.second, self.second_at)

    def _title(self, run: Run, at: Head) -> str:
        pieces = {
            "model": caches.model(run.choice).name,
            "head": f"layer {at.layer}, head {at.head}",
            "edits": ", ".join(type(edit).__name__.lower() for edit in run.edits) or "no edit",
            "text": _from_change(_words(run), _words(self.first), _words(self.second)),
        }
        return " · ".join(word for way, word in pieces.items() if way in self.ways)


def _from_change(text: str, *both: str) -> str:
    """A text from shortly before the place where two of them part."""
    same = next((n for n, (a, b) in enumerate(zip(*both, strict=False)) if a != b), 0)
    start = text.rfind(" ", 0, max(same - BEFORE, 0)) + 1
    return ("… " if start else "") + text[start:]


def _words(run: Run) -> str:
    """The text that can be another one: of a pair, the second."""
    return own_text(run.given) if isinstance(run.given, Text) else str(run.given)


def pick(study: Study) -> Sides:
    """The controls: the head of A, in what B differs, and for each of these an input."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="controls"):
        at = controls.head_picker(study.model)
        ways = _ways(study)
        run, model = study.run, study.model
        if "model" in ways:
            run = replace(run, choice=_model(study))
            model = caches.model(run.choice)
        if "text" in ways:
            run = replace(run, given=_text(study))
        if run != study.run:
            run = writing.as_far(run, model, len(study.run.written))
        other = counterpart(model, study.model.attention(at.part, at.kind))
        second_at = _head(model, other, at, chosen="head" in ways)
    if "edits" in ways:
        return Sides(study.plain, run.under(_edits(study)), at, second_at, ways)
    return Sides(study.run, run, at, second_at, ways)


def variant(text: str) -> str:
    """A text with one thing changed: a word of `WORDS`, or a negation put in or taken out; else a word less."""
    for word, other in WORDS.items():
        changed = re.sub(rf"\b{word}\b", other, text, count=1)
        if changed != text:
            return changed
    for pattern, other in NEGATIONS:
        changed = re.sub(pattern, other, text, count=1)
        if changed != text and changed.strip():
            return changed
    pieces = text.split()
    if len(pieces) > 4 and ENGLISH.search(text):
        first = text if re.match(r"I\b", text) else text[:1].lower() + text[1:]
        return f"It is not true that {first}"
    if len(pieces) > 1:
        return " ".join(pieces[:-1])
    return text[:-1] if len(text) > 2 else f"{text} {text}"


def _ways(study: Study) -> tuple[str, ...]:
    """In what B differs: at least in one thing. Another text is for models that read one."""
    offered = [way for way in WAYS if way != "text" or isinstance(study.run.given, Text)]
    state, key = st.session_state, WITH.control()
    # At least one stays chosen: the last one that was.
    for asked in (state[key], WITH.get(), offered[:1]):
        state[key] = [way for way in offered if way in asked]
        if state[key]:
            break
    label = "B differs by one or more"
    chosen = st.pills(label, offered, selection_mode="multi", format_func=WAYS.__getitem__, wrap=True, key=key)
    ways = tuple(way for way in offered if way in chosen)
    WITH.put(list(ways))
    for way, names in {"text": ["text_b"], "head": ["layer_b", "head_b"], "model": ["model_b"]}.items():
        if way not in ways:
            link.drop(*names)
    return ways


def _text(study: Study) -> Text:
    """B's text, or the second of its pair, in the chat or the languages of A's: at first A's with one word changed."""
    given, asked = variant(_words(study.run)), TEXT_B.get()
    shown = given if asked is None else asked
    if st.session_state.get("text_b") != shown:
        st.session_state.text_b = shown
    live = (SPECIMENS / study.run.choice.source).is_dir()
    what = "At first A's text with one thing changed; type another."
    typed = pasting.field("text_b", "B's text", live, on_change=_type, args=(given,), help=what)
    if not typed.strip():
        raise ValueError("B's text is empty; type at least one word.")
    own = study.run.given
    return with_text(own, typed) if isinstance(own, Text) else typed


def _type(given: str) -> None:
    typed = str(st.session_state.text_b)
    TEXT_B.put(None if typed == given else typed)


def _head(model: Model, attention: Attention, at: Head, chosen: bool) -> Head:
    """B's head: A's, or the one that the reader chooses, at first the one after A's."""
    layer, head = at.layer, at.head
    if chosen:
        layer = controls.number_picker("B's layer", controls.LAYER_B, attention.numbers, layer, model)
        heads = range(attention.heads)
        head = controls.number_picker("B's head", controls.HEAD_B, heads, (head + 1) % attention.heads, model)
    if layer not in attention.numbers or head >= attention.heads:
        raise ValueError(
            f"Layer {layer}, head {head} is not in {model.name}, which has layers {ranges(attention.numbers)} of heads "
            f"0 to {attention.heads - 1}; choose another for A, or let B differ by another head."
        )
    return Head(attention.part, attention.kind, layer, head)


def _model(study: Study) -> Choice:
    """B's model: at first another that is here, for a model of the reader's own another of those."""
    own, first = yours.models(), study.run.choice.source
    names = library.names() if public.PUBLIC is None else public.PUBLIC.models
    here = [*own, *names] if first in own else [*names, *own]
    if not MODEL_B.get():
        # Two that read texts have words in common, whatever their vocabularies.
        alike = OF_TEXTS if first not in own and study.model.task.reads[0] in ("text", "pair") else ()
        MODEL_B.put(next(name for name in (*alike, *here) if name != first))
    key = MODEL_B.control()
    asked = st.session_state[key]
    options = here if asked in here else [*here, asked]
    source = st.selectbox(
        "B's model",
        options,
        format_func=lambda source: own.get(source) or yours.called(source),
        key=key,
        accept_new_options=public.PUBLIC is None,
        width=240,
    )
    MODEL_B.put(str(source))
    return Choice(str(source), device=study.run.choice.device, dtype=study.run.choice.dtype)


def _edits(study: Study) -> tuple[Edit, ...]:
    """The edits of the link, or those that the reader put into the model on another page."""
    edits = EDITS.get()
    if not edits:
        with st.container(key="board"):
            st.html(pieces.note("There is no edit yet; put one into the model on the page of one head, or begin here."))
            with st.container(horizontal=True):
                for name, first in {"No scaling": Scale(None), "Temperature 2": Temperature(2.0)}.items():
                    st.button(name, on_click=EDITS.put, args=((first,),))
        st.stop()
    return data_sets.with_texts(edits, study.run.choice, study.model)
