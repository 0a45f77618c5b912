"""Content and position terms against the encoder's own forward pass, and the laws of every scheme."""

import pytest
import torch

import selfattn
from selfattn.analysis.masks.position_terms import (
    SCHEMES,
    first_scores,
    moved_by_order,
    moved_by_shift,
    picture,
    terms,
    with_positions,
)
from selfattn.models.encoder import POSITIONS, SelfAttentionConfig, SelfAttentionModel
from selfattn.recording.doors import Recorder, install, recording
from tests.tools.tolerance import assert_close

IDS = torch.tensor([5, 7, 11, 13, 2, 3, 19])
TOLD = [scheme for scheme in SCHEMES if scheme != "none"]
every_scheme = pytest.mark.parametrize("scheme", SCHEMES)


def encoder(**choices: object) -> SelfAttentionModel:
    torch.manual_seed(3)
    sizes = {"vocab_size": 23, "hidden_size": 12, "num_attention_heads": 3, "intermediate_size": 17}
    network = SelfAttentionModel(SelfAttentionConfig(**sizes, **choices)).eval()
    with torch.no_grad():
        network.tokens.weight.mul_(20)
        for block in network.blocks:
            block.attention.query_key_value.weight.mul_(20)
    return network


def told(scheme: str, **choices: object) -> SelfAttentionModel:
    return with_positions(encoder(**choices), scheme, torch.Generator().manual_seed(5))


def recorded(network: SelfAttentionModel, ids: torch.Tensor) -> torch.Tensor:
    """The first layer's logits as the door into attention saw them."""
    install(network)
    recorder = Recorder(names={})
    with torch.no_grad(), recording(recorder):
        network(ids[None])
    return torch.stack([recorder.calls[0].stages(head).logits for head in range(3)])


def test_every_scheme_of_the_encoder_is_here():
    assert SCHEMES == POSITIONS


@every_scheme
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_first_scores_are_the_model_s_own(scheme, norm):
    network = told(scheme, norm=norm)
    assert_close(first_scores(network, IDS), recorded(network, IDS), within=1e-5)


@every_scheme
@pytest.mark.parametrize("similarity", ["cosine", "rbf"])
def test_other_similarities_too(scheme, similarity):
    network = told(scheme, similarity=similarity)
    assert_close(first_scores(network, IDS), recorded(network, IDS), within=1e-5)


@every_scheme
def test_a_shift_is_a_text_with_more_before_it(scheme):
    network = told(scheme)
    longer = recorded(network, torch.cat([torch.tensor([17, 19, 4, 6, 8]), IDS]))
    assert_close(first_scores(network, IDS, shift=5), longer[:, 5:, 5:], within=1e-5)


@every_scheme
def test_both_terms_are_the_score(scheme):
    network = told(scheme)
    found = terms(network, IDS)
    assert_close(found.scores, recorded(network, IDS), within=1e-5)
    assert_close(found.words, recorded(told("none"), IDS), within=1e-5)
    assert (found.places.abs().max() > 0.01) == (scheme != "none")


@pytest.mark.parametrize("scheme", ["alibi", "t5"])
def test_a_bias_is_the_whole_term_of_the_places(scheme):
    network = told(scheme)
    places = terms(network, IDS).places
    # The bias depends on how far apart two words stand, not on which words they are.
    for offset in range(-6, 7):
        diagonal = places.diagonal(offset, -2, -1)
        assert_close(diagonal, diagonal[:, :1].expand_as(diagonal), within=1e-5)


def test_what_a_shift_leaves_alone():
    moved = {scheme: moved_by_shift(told(scheme), IDS, 9) for scheme in SCHEMES}
    for scheme in ("none", "rope", "alibi", "t5"):
        assert moved[scheme] < 1e-4, scheme
    for scheme in ("sinusoidal", "learned"):
        assert moved[scheme] > 0.1, scheme


def test_with_no_places_the_output_permutes_with_the_words():
    order = torch.tensor([3, 0, 6, 2, 5, 1, 4])
    moved = {scheme: moved_by_order(told(scheme), IDS, order).max() for scheme in SCHEMES}
    assert moved["none"] < 1e-5
    for scheme in TOLD:
        assert moved[scheme] > 1e-3, scheme


def test_all_other_weights_stay():
    network = encoder(positions="learned")
    again = with_positions(network, "learned", torch.Generator())
    assert again.positions.weight.shape == network.positions.weight.shape
    for name, value in network.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_a_learned_table_ends():
    with pytest.raises(ValueError, match="The table has 512 places; 7 tokens from place 600 on need 607"):
        first_scores(told("learned"), IDS, shift=600)


def test_nothing_global_is_touched():
    torch.manual_seed(0)
    network = encoder()
    before = torch.get_rng_state()
    with_positions(network, "t5", torch.Generator())
    assert torch.equal(before, torch.get_rng_state())


def test_what_a_scheme_is_made_of():
    found = {scheme: picture(told(scheme), 1, 7) for scheme in SCHEMES}
    assert found["none"] is None
    assert found["sinusoidal"].shape == found["learned"].shape == (7, 12)
    assert_close(found["sinusoidal"][3, 0], torch.tensor(3.0).sin(), within=1e-6)
    assert_close(found["rope"][:, 1], torch.cos(torch.arange(7) * 10_000 ** (-2 / 4)), within=1e-6)
    assert_close(found["alibi"][5, 2], torch.tensor(-3 * 2 ** (-8.0)), within=1e-6)
    assert found["t5"][3, 4] == 17
    assert found["t5"][4, 3] == 1


def test_a_shipped_model_can_be_told_otherwise():
    model = selfattn.load("sentiment")
    assert moved_by_order(model.network.encoder, IDS, torch.arange(7).flip(0)).max() > 1e-3
    placeless = with_positions(model.network.encoder, "none", torch.Generator())
    assert moved_by_order(placeless, IDS, torch.arange(7).flip(0)).max() < 1e-5
