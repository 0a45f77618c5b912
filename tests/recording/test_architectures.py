"""Every architecture of `tests/tools/tiny.py`: recorded is what the model computed, and an edit does what it says."""

import math
from collections.abc import Collection

import pytest
import torch

from selfattn import Model
from selfattn.models.self_test import HALF_TOLERANCE
from selfattn.tracing.audit import audit
from tests.tools import exactness, tiny

# WavLM hands PyTorch a mask of booleans and a bias of numbers.
pytestmark = pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")
# Their edits are run, and reach the output; no slow loop is written for them.
WITHOUT_SLOW_LOOP = ("xlnet", "funnel", "falcon_alibi")
# One of each way to compute attention; the benchmark prints all.
EDITED = """
    bert albert modernbert esm splinter clip_text mpnet roformer xlm deberta deberta_v2 xlnet funnel
    gpt2 opt llama mistral gemma2 gemma3 gpt_oss granite phi deepseek_v3 gpt_bigcode gpt_neox
    gpt_neo gptj openai_gpt gpt_neox_japanese bloom mpt falcon falcon_alibi xglm
    t5 bart m2m_100 vit beit swin swinv2 data2vec_vision whisper wav2vec2 wavlm
"""
GENERATING = """
    gpt2 opt llama mistral gemma3 gpt_oss deepseek_v3 ctrl biogpt
    gpt_neo gptj openai_gpt bloom mpt falcon falcon_alibi xglm t5 bart marian whisper speech_to_text
"""


def marked(name: str, *more: object, quick: Collection[str] = EDITED.split()) -> object:
    """A parameter, slow where another architecture computes attention in the same way."""
    return pytest.param(name, *more, marks=() if name in quick else pytest.mark.slow)


FAMILIES = pytest.mark.parametrize("name", [*map(marked, tiny.FAMILIES)])
DECODERS = pytest.mark.parametrize("name", [*map(marked, tiny.DECODERS)])


@FAMILIES
def test_what_is_recorded_is_what_the_model_computed(name):
    # Causal models generate from texts that are padded on the left.
    for side in ("left", "right") if name in tiny.DECODERS else ("right",):
        measured = exactness.measure(name, side)
        assert measured.weights < 1e-5, side
        assert measured.silent, f"{side}: the output is not bit-identical"
        # Elsewhere a wrong scale, bias or mask would hardly show.
        assert measured.contrast > 0.2, side
        assert (measured.future == 0.0) is (name in tiny.DECODERS or name == "clip_text"), side


@pytest.mark.parametrize(
    ("name", "dtype"),
    [marked(name, torch.bfloat16) for name in tiny.FAMILIES] + [(name, torch.float16) for name in tiny.ARCHITECTURES],
    ids=str,
)
def test_half_precision_is_recomputed_within_its_tolerance(name, dtype):
    measured = exactness.measure(name, dtype=dtype)
    assert 1e-6 < measured.context < HALF_TOLERANCE
    assert measured.silent, "the output is not bit-identical"


@FAMILIES
def test_the_self_test_passes(name):
    assert Model.wrap(tiny.network(name)).fidelity < 1e-5


@DECODERS
def test_audit_says_that_a_causal_models_future_is_hidden(name):
    model = Model.wrap(tiny.network(name))
    for row in audit(model, tiny.inputs(model.network, padded=False)):
        assert row.future_hidden is True
        assert row.rows_sum_to_one is not row.sink


@pytest.mark.parametrize("name", [marked(name, quick=tiny.ARCHITECTURES) for name in EDITED.split()])
def test_edits_agree_with_a_slow_loop(name):
    for label, difference in exactness.edit_differences(name).items():
        assert isinstance(difference, float), f"{label}: {difference}"
        if name in WITHOUT_SLOW_LOOP:
            assert math.isnan(difference)
        else:
            # Some models compute scores or softmax in float32, whatever they are loaded in.
            assert difference < 1e-5, label


@pytest.mark.parametrize("name", [marked(name, quick=tiny.ARCHITECTURES) for name in GENERATING.split()])
def test_generation_is_recorded_token_by_token(name):
    same, recorded, due, difference = exactness.generation(name)
    assert same, "recording changed the tokens"
    assert recorded == due
    assert difference < 1e-5
