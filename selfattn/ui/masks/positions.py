"""The places of words: what each scheme adds to the scores, and what stays when a text moves or its words do."""

from dataclasses import dataclass

import streamlit as st
import torch
from torch import Tensor

from selfattn.analysis.masks import position_terms
from selfattn.analysis.masks.position_terms import SCHEMES
from selfattn.figures import pieces
from selfattn.figures import positions as figures
from selfattn.models.encoder import SelfAttentionModel
from selfattn.models.loading.library import Choice
from selfattn.ui import caches
from selfattn.ui.link import KEEP
from selfattn.ui.shell.charts import chart
from selfattn.ui.shell.frame import Study
from selfattn.ui.shell.source import source

NAMES = {
    "none": "None",
    "sinusoidal": "Sinusoidal",
    "learned": "Learned",
    "rope": "RoPE",
    "alibi": "ALiBi",
    "t5": "T5 buckets",
}
FORMULAS = {
    "none": "x = e. No place is told: the words are a set.",
    "sinusoidal": "x = e + P, with P[i, 2m] = sin(i / 10000^(2m/d)) and P[i, 2m+1] = cos(i / 10000^(2m/d)).",
    "learned": "x = e + P[i], a learned vector for each place, up to the last that was trained.",
    "rope": "q and k are rotated by their places: q · k then depends on how far apart they stand.",
    "alibi": "score − m |i − j|: the further, the less, with a slope m for each head.",
    "t5": "score + b[bucket(j − i)]: one learned number a bucket; near places have buckets of their own.",
}
# What stands along the columns of a scheme's own picture.
ACROSS = {"sinusoidal": "dimension", "learned": "dimension", "rope": "pair", "alibi": "key", "t5": "key"}
OWN = {
    "sinusoidal": "one vector a place",
    "learned": "one vector a place",
    "rope": "cosine of each pair's angle",
    "alibi": "bias of this head",
    "t5": "bucket of each offset",
}
SENTENCE = "The film was not good but the music was."
MOST_TOKENS, FURTHEST = 48, 64
SEED = 0


@dataclass(frozen=True)
class Subject:
    """The words that are looked at, and the encoder that reads them."""

    name: str
    network: SelfAttentionModel
    ids: Tensor
    tokens: tuple[str, ...]
    whole: bool  # not cut

    def told(self, scheme: str) -> SelfAttentionModel:
        """The encoder under a scheme."""
        return position_terms.with_positions(self.network, scheme, torch.Generator().manual_seed(SEED))


def positions(study: Study) -> None:
    """The positions half of the page: controls, the terms of the scores, and the laws of every scheme."""
    subject = _subject(study)
    with st.container(horizontal=True, vertical_alignment="bottom", key="controls"):
        scheme = str(
            st.segmented_control(
                "How places are told",
                SCHEMES,
                default="rope",
                required=True,
                format_func=NAMES.__getitem__,
                key="scheme",
                **KEEP,
            )
        )
        heads = subject.network.config.num_attention_heads
        head = st.selectbox("Head", range(heads), key="positions_head", width=125, **KEEP)
        shift = st.slider("Move the text by", 0, FURTHEST, 8, key="shift", width=220, **KEEP)
        if st.button("Shuffle the words"):
            st.session_state.shuffles = st.session_state.get("shuffles", 0) + 1
    with st.container(key="board"):
        _terms(study, subject, scheme, head)
        with st.container(horizontal=True, key="laws"):
            with st.container(key="panel_scheme"):
                _scheme(study, subject, scheme, head)
            with st.container(key="panel_laws"):
                _laws(study, subject, scheme, shift)


def _subject(study: Study) -> Subject:
    """The reader's words, read by their own encoder where it is a local one, else by a shipped one."""
    own = getattr(study.model.network, "encoder", study.model.network)
    model = study.model if isinstance(own, SelfAttentionModel) else caches.model(Choice("sentiment"))
    text = study.run.given if isinstance(study.run.given, str) else SENTENCE
    tokens, inputs = model.inputs(text)
    network = own if isinstance(own, SelfAttentionModel) else model.network.encoder
    names = tokens.text if tokens is not None else ()
    return Subject(
        model.name, network, inputs["input_ids"][0][:MOST_TOKENS].cpu(), names[:MOST_TOKENS], len(names) <= MOST_TOKENS
    )


def _terms(study: Study, subject: Subject, scheme: str, head: int) -> None:
    found = position_terms.terms(subject.told(scheme), subject.ids)
    shown = {
        "the score": found.scores[head],
        "what the words give": found.words[head],
        "what their places add": found.places[head],
    }
    most = max(float(each.abs().max()) for each in shown.values()) or 1.0
    signs = ("", "= ", "+ ")
    cut = "" if subject.whole else f", its first {MOST_TOKENS} tokens"
    row = st.container(horizontal=True, key="terms")
    for sign, (name, scores) in zip(signs, shown.items(), strict=True):
        size = float(scores.square().mean().sqrt())
        with row.container(key=f"panel_{name.split()[-1]}"):
            st.html(pieces.heading(f"{sign}{name}", f"root mean square {size:.2f}"))
            chart(
                figures.term_figure(scores.numpy(), subject.tokens, most, study.palette),
                f"term-{name.split()[-1]}",
                f"{name} in head {head}, query by key: root mean square {size:.2f}",
                source(study.model, study.plain),
            )
    st.html(pieces.colours(most, study.palette.key, study.palette.zero, study.palette.weights))
    trained = NAMES[subject.network.config.positions]
    st.html(
        pieces.note(
            f"Scaled scores of the first layer of {subject.name}{cut}, whose weights were trained with {trained}; the "
            "other schemes stand in for it untrained. A learned table or number that it lacks is drawn at random."
        )
    )


def _scheme(study: Study, subject: Subject, scheme: str, head: int) -> None:
    st.html(pieces.heading(NAMES[scheme], OWN.get(scheme, "")))
    st.html(f'<p class="sa-answer">{FORMULAS[scheme]}</p>')
    own = position_terms.picture(subject.told(scheme), head, len(subject.ids))
    if own is not None:
        rows, columns = own.shape
        chart(
            figures.scheme_figure(own.numpy(), ACROSS[scheme], subject.tokens, study.palette),
            "scheme-made",
            f"{NAMES[scheme]}: {OWN[scheme]}, {rows} by {columns} numbers from {own.min():.2f} to {own.max():.2f}",
            source(study.model, study.plain),
        )


def _laws(study: Study, subject: Subject, scheme: str, shift: int) -> None:
    """What stays, for every scheme: when the whole text moves, and when its words change places."""
    generator = torch.Generator().manual_seed(st.session_state.get("shuffles", 0))
    order = torch.randperm(len(subject.ids), generator=generator)
    networks = {each: subject.told(each) for each in SCHEMES}
    by_shift = {each: position_terms.moved_by_shift(networks[each], subject.ids, shift) for each in SCHEMES}
    by_order = {each: position_terms.moved_by_order(networks[each], subject.ids, order) for each in SCHEMES}
    st.html(pieces.heading("What stays", "the largest change, with the same weights under each scheme"))
    rows = [
        (
            ("▸ " if each == scheme else "") + NAMES[each],
            _written(by_shift[each]),
            f"{float(by_order[each].max()):.1%}",
        )
        for each in SCHEMES
    ]
    columns = ("", f"scores, text moved by {shift}", "outputs, words shuffled")
    st.html(pieces.table(columns, rows))
    shuffled = [subject.tokens[place] for place in order.tolist()]
    moved = by_order[scheme]
    chart(
        figures.order_figure(moved.numpy(), shuffled, study.palette),
        "order",
        f"{NAMES[scheme]}, the words shuffled: the output that moved most changed by {float(moved.max()):.1%}",
        source(study.model, study.plain),
    )


def _written(change: float) -> str:
    """A change, or that there is none beyond float32's rounding."""
    return f"{change:.3f}" if change >= 0.0005 else f"0 (rounding {change:.0e})" if change else "0"
