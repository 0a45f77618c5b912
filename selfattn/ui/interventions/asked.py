"""What effects are measured on, and the answer that is asked about."""

from dataclasses import dataclass

import streamlit as st

from selfattn.analysis.interventions import answers
from selfattn.analysis.interventions.effects import REPEATS, THIS_TEXT
from selfattn.figures import pieces
from selfattn.models.inputs.tokens import visible
from selfattn.ui import caches
from selfattn.ui.caches import Run
from selfattn.ui.kept import kept
from selfattn.ui.link import KEEP
from selfattn.ui.shell.frame import Study

HELP = "A label or a token, as it is written above. Without a name: what comes out on top."
AGAINST = "With a second answer, the difference of the two logits is measured."

# Above it a probability is 1.000 or nearly, whatever is changed, while logits still move.
SURE = 0.99


@dataclass(frozen=True)
class On:
    """Where effects are measured, and the answers that are followed there: the first, where none is named."""

    where: str = THIS_TEXT
    answers: tuple[str, ...] = ()


def pick(study: Study) -> On:
    """The controls; repeated random tokens are for models that say which token comes next."""
    said = caches.trace(study.plain).prediction
    if said is None or said.kind != "next token" or study.model.network.config.is_encoder_decoder:
        return On(answers=_named_or_at_stake(study.plain))
    first = REPEATS if study.model.name == "induction" else THIS_TEXT
    where = st.segmented_control(
        "Measured on", [THIS_TEXT, REPEATS], default=first, required=True, key="measured", **KEEP
    )
    return On(str(where)) if where == REPEATS else On(answers=_named_or_at_stake(study.plain))


def _named_or_at_stake(run: Run) -> tuple[str, ...]:
    """What the reader names; else the two first answers where the first is too sure for its probability to move."""
    said = caches.trace(run).prediction
    if said is None or said.kind not in answers.ONE_ANSWER or said.logits is None:
        return ()
    first, second = (said.name(index) for index in said.probabilities.flatten().topk(2).indices.tolist())
    sure = float(said.probabilities.max()) > SURE and not _refused(run, (first, second))
    return named(run, visible(second) if sure else "none") or ((first, second) if sure else ())


def named(run: Run, against: str = "none") -> tuple[str, ...]:
    """The answers that the reader names, one or two; what is none is said, and not asked about.

    `against` stands where no second answer is named.
    """
    said = caches.trace(run).prediction
    if said is None or said.kind not in answers.ONE_ANSWER or said.logits is None:
        return ()
    top = said.name(int(said.probabilities.argmax()))
    first = st.text_input("Answer", placeholder=visible(top), key="answer", help=HELP, width=150, **KEEP)
    second = st.text_input("Against", placeholder=against, key="against", help=AGAINST, width=150, **KEEP)
    chosen = (first or top, second) if second else (first,) if first else ()
    if chosen and (refused := _refused(run, chosen)):
        st.html(pieces.notice(refused))
        return ()
    return chosen


@kept()
def _refused(run: Run, names: tuple[str, ...]) -> str:
    """Why these are no answers; nothing where they are."""
    said = caches.trace(run).prediction
    assert said is not None
    try:
        answers.indices(said, names)
    except ValueError as error:
        return str(error)
    return ""
