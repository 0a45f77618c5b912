"""Which model, and how it is loaded: chosen in the sidebar, kept in the link."""

import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from selfattn.models.loading import library, memory, sources
from selfattn.models.loading.library import Choice
from selfattn.ui import caches, controls, link, public
from selfattn.ui.link import KEEP, Linked, linked
from selfattn.ui.shell import yours
from selfattn.ui.shell.examples import SHOWS

MODEL: Linked[str] = linked("model", str, str, caches.FIRST_MODEL)
# What a link says of an option that is as it always is: nothing.
USUAL = {"revision": "", "device": "auto", "dtype": "auto", "bits": "all", "spread": "no", "adapter": ""}
TYPED = (
    "A shipped model; or type a folder, a .gguf file, or a hub id such as bert-base-uncased. Only a hub id makes a "
    "request outside this machine."
)


def pick() -> tuple[Choice, DeltaGenerator]:
    """The controls, and where the model's other options stand."""
    own = yours.models()
    here = [*memory.names(), *own, *library.names()] if public.PUBLIC is None else [*public.PUBLIC.models]
    model = st.session_state[MODEL.control()]
    with st.sidebar.container(key="model_choice"):
        model = st.selectbox(
            "Model",
            here if model in here else [*here, model],
            format_func=lambda source: own.get(source) or _line(source),
            key="model",
            accept_new_options=public.PUBLIC is None,
            on_change=_open_anew,
            help=TYPED if public.PUBLIC is None else None,
        )
        model = str(model)
        MODEL.put(model)
        options = st.popover("Options", width="stretch")
        with options:
            if not public.is_off("other models and ways to load them are") and "@" not in model:
                _options(model)
    return chosen(), options


def _line(source: str) -> str:
    """A model in the list: its name, and where it ships, what it shows."""
    name = yours.called(source)
    return f"{name}: {SHOWS[name]}" if name in SHOWS else name


def chosen() -> Choice:
    """The model that the reader chose, and how it is loaded. Raises ValueError where that is no way to load one."""
    asked = {name: str(st.session_state.get(name, usual)) for name, usual in USUAL.items()}
    bits, spread = asked["bits"], asked["spread"]
    if spread not in ("no", "yes"):
        raise ValueError(f"spread is no or yes; got {spread[:80]!r}.")
    return Choice(
        str(st.session_state.model),
        asked["revision"].strip() or None,
        asked["device"],
        asked["dtype"],
        spread == "yes",
        None if bits == USUAL["bits"] else int(bits) if bits.isdecimal() else 0,
        asked["adapter"].strip() or None,
    )


def choose(choice: Choice) -> None:
    """Go to a model, as it was loaded: for callbacks."""
    st.session_state.update(
        model=choice.source,
        revision=choice.revision or "",
        device=choice.device,
        dtype=choice.dtype,
        bits=USUAL["bits"] if choice.bits is None else str(choice.bits),
        spread="yes" if choice.spread else "no",
        adapter=choice.adapter or "",
    )


def _options(model: str) -> None:
    """How the model is loaded: what can be chosen here, and what a link asked for."""
    cuda = torch.cuda.device_count()
    if _asked("revision") or (model not in library.names() and sources.as_path(model) is None):
        st.text_input("Revision", key="revision", placeholder="a branch, a tag or a commit", **KEEP)
    _select("Numbers", "dtype", ["auto", *library.DTYPES], "auto is the type that the model was saved in.")
    devices = [library.best_device()] if cuda < 2 else [f"cuda:{index}" for index in range(cuda)]
    devices = ["auto", *(device for device in devices if device != "cpu"), "cpu"]
    if len(devices) > 2 or _asked("device"):
        _select("Device", "device", devices)
    if cuda or _asked("bits"):
        _select("Bits a weight", "bits", ["all", "8", "4"], "Fewer bits need less memory, and round the weights.")
    if cuda > 1 or _asked("spread"):
        _select("Spread over all devices", "spread", ["no", "yes"])
    st.text_input("Adapter", key="adapter", placeholder="a LoRA folder or hub id", **KEEP)


def _select(label: str, key: str, options: list[str], what: str | None = None) -> None:
    """One of a few; what a link asks for beyond them is an option too, for `load` to refuse in a sentence."""
    asked = _asked(key)
    st.selectbox(label, options if asked in ("", *options) else [*options, asked], key=key, help=what, **KEEP)


def _asked(key: str) -> str:
    """What the reader or the link chose other than the usual; nothing where they did not."""
    asked = link.asked(key)
    return "" if asked in (None, USUAL[key]) else asked


def _open_anew() -> None:
    """A new model is loaded in the usual way, and opens on its own head and its own first picture."""
    controls.forget_head()
    link.drop("show")
    for name in ("revision", "adapter"):
        if name in st.session_state:
            st.session_state[name] = USUAL[name]
