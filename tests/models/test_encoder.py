"""The local encoder: every choice runs, survives its folder, and does what its name says."""

import itertools

import pytest
import torch
import transformers as hf

from selfattn.models.encoder import (
    POOLINGS,
    POSITIONS,
    SIMILARITIES,
    SelfAttentionConfig,
    SelfAttentionForCausalLM,
    SelfAttentionForMaskedLM,
    SelfAttentionForSequenceClassification,
    SelfAttentionModel,
)
from tests.tools.tolerance import assert_close

SIZES = {"vocab_size": 23, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 17}
IDS = torch.tensor([[5, 7, 11, 13, 2, 3, 19]])
every_position = pytest.mark.parametrize("positions", POSITIONS)
every_similarity = pytest.mark.parametrize("similarity", SIMILARITIES)


def make(kind=SelfAttentionModel, **choices: object):
    """A network whose attention is far from uniform."""
    torch.manual_seed(7)
    network = kind(SelfAttentionConfig(**SIZES, **choices)).eval()
    encoder = network if kind is SelfAttentionModel else network.encoder
    with torch.no_grad():
        encoder.tokens.weight.mul_(50)
        for block in encoder.blocks:
            block.attention.query_key_value.weight.mul_(20)
            block.attention.output.weight.mul_(20)
    return network


def hidden(network, ids=IDS, **rest: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return network(ids, **rest).last_hidden_state[0]


@every_similarity
@every_position
def test_every_choice_runs(positions, similarity):
    for norm, pooling in itertools.product(("pre", "post"), POOLINGS):
        choices = {"positions": positions, "similarity": similarity, "norm": norm, "pooling": pooling}
        with torch.no_grad():
            assert make(SelfAttentionForSequenceClassification, **choices)(IDS).logits.isfinite().all()


@every_similarity
@every_position
def test_every_choice_survives_its_folder(tmp_path, positions, similarity):
    choices = {"positions": positions, "similarity": similarity, "pooling": "attention", "norm": "post"}
    network = make(SelfAttentionForSequenceClassification, **choices)
    torch.nn.init.normal_(network.pooling_query, generator=torch.Generator().manual_seed(1))
    network.save_pretrained(tmp_path)
    again = hf.AutoModelForSequenceClassification.from_pretrained(tmp_path)
    with torch.no_grad():
        assert_close(again(IDS).logits, network(IDS).logits, within=1e-5)
    saved = network.state_dict()
    assert all(torch.equal(tensor, saved[name]) for name, tensor in again.state_dict().items())


def test_every_kind_of_choice_changes_the_output():
    choices = [*itertools.product(POSITIONS, SIMILARITIES, ["pre"]), ("rope", "dot", "post")]
    outputs = torch.stack([hidden(make(positions=p, similarity=s, norm=n)).flatten() for p, s, n in choices])
    apart = torch.cdist(outputs, outputs) + torch.diag(torch.full((len(outputs),), torch.inf))
    assert apart.min() > 1e-3


@pytest.mark.parametrize(
    ("auto", "kind", "causal"),
    [
        (hf.AutoModel, SelfAttentionModel, False),
        (hf.AutoModelForMaskedLM, SelfAttentionForMaskedLM, False),
        (hf.AutoModelForCausalLM, SelfAttentionForCausalLM, True),
    ],
)
def test_the_auto_classes_know_it(tmp_path, auto, kind, causal):
    make(kind, is_causal=causal).save_pretrained(tmp_path)
    assert type(auto.from_pretrained(tmp_path)) is kind


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"positions": "x"}, "positions is one of none, sinusoidal, learned, rope, alibi, t5; got 'x'"),
        ({"similarity": None}, "similarity is one of dot"),
        ({"norm": ["pre"]}, "norm is one of pre, post"),
        ({"pooling": "max"}, "pooling is one of mean, cls, attention"),
        ({"num_attention_heads": 0}, "num_attention_heads is a whole number from 1; got 0"),
        ({"num_attention_heads": 5}, "5 heads do not divide a hidden size of 12"),
        ({"hidden_size": "12"}, "hidden_size is a whole number from 1; got '12'"),
        ({"num_hidden_layers": True}, "num_hidden_layers is a whole number from 1; got True"),
        ({"hidden_size": 9}, "rope positions need pairs of dimensions; got 3"),
        ({"hidden_size": 15, "positions": "sinusoidal"}, "sinusoidal positions need pairs of dimensions; got 15"),
        ({"dropout": 1.5}, "dropout is a number from 0 to 1; got 1.5"),
        ({"attention_dropout": "0"}, "attention_dropout is a number from 0 to 1; got '0'"),
    ],
)
def test_choices_that_do_not_exist(choices, said):
    with pytest.raises(ValueError, match=said):
        SelfAttentionModel(SelfAttentionConfig(**SIZES | choices))


def test_a_causal_model_must_be_causal():
    with pytest.raises(ValueError, match="needs a config with is_causal=True"):
        make(SelfAttentionForCausalLM)


@every_position
def test_eager_equals_sdpa(positions):
    network = make(positions=positions)
    mask = torch.tensor([[1, 1, 1, 1, 1, 0, 0]])
    sdpa = hidden(network, attention_mask=mask)
    assert network.config._attn_implementation == "sdpa"
    network.set_attn_implementation("eager")
    assert_close(hidden(network, attention_mask=mask), sdpa, within=1e-5)


@every_similarity
@every_position
def test_no_token_of_a_causal_model_depends_on_the_future(positions, similarity):
    network = make(positions=positions, similarity=similarity, is_causal=True)
    changed = IDS.clone()
    changed[0, 4:] = torch.tensor([1, 9, 14])
    before, after = hidden(network), hidden(network, changed)
    assert_close(after[:4], before[:4], within=1e-5)
    assert ((after - before).abs().amax(-1)[4:] > 1e-3).all()


@every_similarity
@every_position
@pytest.mark.parametrize("is_causal", [False, True])
def test_padding_changes_no_real_token(positions, similarity, is_causal):
    network = make(positions=positions, similarity=similarity, is_causal=is_causal)
    mask = (torch.arange(7) < 5).long()[None]
    assert_close(hidden(network, attention_mask=mask)[:5], hidden(network, IDS[:, :5]), within=1e-4)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_padding_changes_no_label(pooling):
    network = make(SelfAttentionForSequenceClassification, pooling=pooling)
    with torch.no_grad():
        padded = network(IDS, attention_mask=(torch.arange(7) < 5).long()[None]).logits
        assert_close(padded, network(IDS[:, :5]).logits, within=1e-5)


def test_without_positions_order_does_not_matter():
    order = torch.tensor([3, 0, 6, 2, 5, 1, 4])
    network = make(positions="none")
    assert_close(hidden(network, IDS[:, order]), hidden(network)[order], within=1e-5)
    assert (hidden(make(positions="rope"), IDS[:, order]) - hidden(make(positions="rope"))[order]).abs().max() > 1e-2


@pytest.mark.parametrize("similarity", ["dot", "bilinear", "cosine"])
def test_scaling_off_changes_the_output(similarity):
    scaled, raw = (make(similarity=similarity, scaling=scaling) for scaling in (True, False))
    raw.load_state_dict(scaled.state_dict())
    assert (hidden(scaled) - hidden(raw)).abs().max() > 1e-3
    assert raw.blocks[0].attention.scaling == 1.0


@pytest.mark.parametrize("choices", [{"attention_dropout": 0.5}, {"dropout": 0.5}])
@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_dropout_acts_in_training_alone(similarity, choices):
    network = make(similarity=similarity, **choices)
    assert torch.equal(hidden(network), hidden(network))
    network.train()
    assert not torch.equal(hidden(network), hidden(network))


@every_similarity
@pytest.mark.parametrize("positions", ["learned", "t5", "rope"])
def test_gradient_reaches_every_parameter(positions, similarity):
    network = make(
        SelfAttentionForSequenceClassification, positions=positions, similarity=similarity, pooling="attention"
    )
    network(IDS, labels=torch.tensor([1])).loss.backward()
    torch.nn.init.ones_(network.pooling_query)
    unmoved = [
        name for name, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()
    ]
    assert unmoved == []


def test_the_vocabulary_is_tied_to_the_embedding():
    network = make(SelfAttentionForMaskedLM)
    assert network.decoder.weight is network.encoder.tokens.weight
    with torch.no_grad():
        assert_close(
            network(IDS).logits[0], hidden(network.encoder) @ network.encoder.tokens.weight.detach().T, within=1e-4
        )


def test_the_vocabulary_can_grow():
    network = make(SelfAttentionForCausalLM, is_causal=True)
    network.resize_token_embeddings(29)
    assert network(IDS).logits.shape == (1, 7, 29)
    assert network.decoder.weight is network.encoder.tokens.weight


def test_losses_are_those_of_the_definition():
    masked = make(SelfAttentionForMaskedLM)
    labels = torch.full_like(IDS, -100)
    labels[0, 2] = 4
    with torch.no_grad():
        output = masked(IDS, labels=labels)
        assert_close(output.loss, -output.logits[0, 2].log_softmax(-1)[4], within=1e-5)
        causal = make(SelfAttentionForCausalLM, is_causal=True)
        output = causal(IDS, labels=IDS)
        chosen = output.logits[0, :-1].log_softmax(-1)[torch.arange(6), IDS[0, 1:]]
        assert_close(output.loss, -chosen.mean(), within=1e-5)


def test_the_weights_it_reports_make_its_context():
    network = make(similarity="rbf")
    output = network(IDS, output_attentions=True, output_hidden_states=True)
    assert [tuple(weights.shape) for weights in output.attentions] == [(1, 3, 7, 7)] * 2
    assert_close(output.attentions[1].sum(-1), 1.0, within=1e-5)
    assert len(output.hidden_states) == 3


def test_learned_positions_end_where_the_config_says():
    network = make(positions="learned", max_position_embeddings=7)
    assert hidden(network).shape == (7, 12)
    with pytest.raises(RuntimeError, match="must match the size"):
        hidden(network, IDS.repeat(1, 2))


def test_one_number_says_two_labels():
    classifier = make(SelfAttentionForSequenceClassification, num_labels=2, sigmoid=True)
    with torch.no_grad():
        classifier.classifier.weight.mul_(20)
        found = classifier(IDS, labels=torch.tensor([1]))
    assert classifier.classifier.out_features == 1
    z = found.logits[:, 1]
    assert_close(found.logits.softmax(-1)[:, 1], z.sigmoid(), within=1e-6)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(z, torch.tensor([1.0]))
    assert_close(found.loss, expected, within=1e-6)
    with pytest.raises(ValueError, match=r"sigmoid chooses between two labels; got 3\."):
        make(SelfAttentionForSequenceClassification, num_labels=3, sigmoid=True)
