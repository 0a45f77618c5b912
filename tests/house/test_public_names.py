"""The public surface, and that it costs nothing until it is used."""

import subprocess
import sys

import pytest

import selfattn

NAMES = [
    *("Ablate", "Chat", "Cut", "Illustrated", "Mask", "Model", "Pair", "Picture", "Scale", "Similarity", "Sound"),
    *("Temperature", "Trace", "Translation", "load", "means", "release", "save_weights", "show", "trace"),
    "traces",
]


def test_these_names_and_no_others():
    assert sorted(selfattn.__all__) == NAMES
    assert all(callable(getattr(selfattn, name)) for name in NAMES)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="module 'selfattn' has no attribute 'nonsense'"):
        getattr(selfattn, "non" + "sense")


@pytest.mark.parametrize(
    "module", ["selfattn", "selfattn.cli.main", "selfattn.cli.train", "selfattn.models.loading.names"]
)
def test_importing_is_cheap(module):
    code = (
        f"import sys, {module}; print(*{{'torch', 'transformers', 'streamlit', 'plotly', 'numpy'}} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_five_lines_show_a_head(minilm):
    from selfattn import Scale, Temperature

    trace = selfattn.trace(
        minilm, "The film was not good.", edits=[Scale(None), Temperature(2.0, layers={1}, heads={3})]
    )
    stages = trace.stages(layer=1, head=3)
    assert trace.tokens.text == ("[CLS]", "The", "film", "was", "not", "good", ".", "[SEP]")
    assert stages.weights.shape == (8, 8)
    assert trace.fidelity < 1e-5
    assert trace.prediction is None
