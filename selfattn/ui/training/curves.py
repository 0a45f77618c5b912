"""A run's four curves, each beside what it is compared with."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from selfattn.figures import training as figures
from selfattn.figures.palette import Palette
from selfattn.figures.training import Baseline, Curve
from selfattn.training.data import encoded
from selfattn.training.run import references
from selfattn.training.run.progress import Evaluation
from selfattn.training.run.run import Run

NARROWEST = 235  # pixels of a curve: four, two or one of them stand beside each other


def curves(run: Run, palette: Palette) -> None:
    """Draw them, from the first evaluation on."""
    found = run.metrics()
    if not found:
        st.html(figures.notes(["The curves begin with the first evaluation, a quarter of an epoch in."]))
        return
    steps, best = np.array([each.step for each in found]), run.status.best_step
    loss = [
        Curve("train", _line(found, "loss"), palette.key, "6 4"),
        Curve("held out", _line(found, "held_out_loss"), palette.ink),
    ]
    quality = [Curve("accuracy", _line(found, "accuracy"), palette.ink)]
    if found[0].f1 is not None:
        quality.append(Curve("macro F1", _line(found, "f1"), palette.query, "6 4"))
    most_frequent = Baseline("majority", majority(run.folder))
    gradient = [Curve("before clipping", _line(found, "gradient_norm"), palette.ink)]
    clip = Baseline("clipped to", run.settings.clip)
    entropy, uniform = _entropy(found, palette), Baseline("uniform", 1.0)
    with st.grid(4, min_column_width=NARROWEST, key="curves"):
        st.html(figures.curve("Loss", steps, loss, palette, best=best))
        st.html(figures.curve("Held-out quality", steps, quality, palette, baseline=most_frequent, high=1.0, best=best))
        st.html(figures.curve("Gradient norm", steps, gradient, palette, baseline=clip, logarithmic=True, best=best))
        st.html(
            figures.curve("Attention entropy / log n", steps, entropy, palette, baseline=uniform, high=1.05, best=best)
        )
    if best is not None:
        by = run.settings.best_by
        st.html(figures.notes([f"Green: step {best:,}, the best so far by its {by}. Its network is kept."]))


@st.cache_data(max_entries=64, show_spinner=False)
def majority(folder: Path) -> float:
    """What always giving the most frequent answer gives."""
    return references.majority(encoded.read(Run(folder).data))


def _entropy(found: Sequence[Evaluation], palette: Palette) -> list[Curve]:
    """A line a layer, the later the fainter."""
    count = len(found[0].entropy)
    return [
        Curve(
            f"layer {layer}",
            np.array([each.entropy[layer] for each in found]),
            palette.weights,
            opacity=1 - 0.65 * layer / max(count - 1, 1),
        )
        for layer in range(count)
    ]


def _line(found: Sequence[Evaluation], field: str) -> figures.Line:
    return np.array([getattr(each, field) for each in found], dtype=float)
