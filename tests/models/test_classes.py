"""A checkpoint is opened with the class that it was saved from; what its head says is shown, or said not to be."""

import json

import pytest
import torch
import transformers as hf

import selfattn
from tests.tools import made, tiny
from tests.tools.tolerance import assert_close

TEXT = "the film [MASK] good"


def saved(folder, network):
    network.save_pretrained(folder)
    made.word_level().save_pretrained(folder)
    return selfattn.load(folder)


@pytest.mark.parametrize("name", ["BertForPreTraining", "AlbertForPreTraining", "MegatronBertForPreTraining"])
def test_a_head_of_pretraining_fills_in_masked_tokens(tmp_path, name):
    torch.manual_seed(1)
    kind = getattr(hf, name)
    network = kind(kind.config_class(**tiny.SMALL, embedding_size=32)).eval()
    model = saved(tmp_path, network)
    assert type(model.network) is kind
    trace = selfattn.trace(model, TEXT)
    assert trace.prediction.kind == "masked token"
    position = trace.tokens.text.index("[MASK]")
    with torch.inference_mode():
        expected = network(**trace.inputs).prediction_logits[0, position].softmax(-1)
    assert_close(trace.prediction.probabilities, expected)


def test_two_heads_over_a_decoder_say_the_next_token(tmp_path):
    torch.manual_seed(1)
    network = hf.GPT2DoubleHeadsModel(hf.GPT2Config(**tiny.GPT)).eval()
    trace = selfattn.trace(saved(tmp_path, network), "the film")
    assert trace.prediction.kind == "next token"
    with torch.inference_mode():
        expected = network(**trace.inputs).logits[0, -1].softmax(-1)
    assert_close(trace.prediction.probabilities, expected)


@pytest.mark.parametrize("name", ["ElectraForPreTraining", "BertForNextSentencePrediction"])
def test_a_head_that_is_not_shown_is_not_denied(tmp_path, name):
    kind = getattr(hf, name)
    model = saved(tmp_path, kind(kind.config_class(**tiny.SMALL)))
    assert type(model.network) is kind
    trace = selfattn.trace(model, "the film")
    assert trace.prediction is None
    assert trace.why_no_prediction == f"{name} says what is no label, token or number, which is not shown here: logits."


@pytest.mark.parametrize(
    "named", ["PreTrainedModel", "pipeline", "GPT2LMHeadModel", "__doc__", "os", "BertOfNobody", 7, None]
)
def test_a_name_that_is_no_network_of_this_config_opens_the_base(tmp_path, named):
    saved(tmp_path, hf.BertModel(hf.BertConfig(**tiny.SMALL)))
    config = json.loads((tmp_path / "config.json").read_text())
    config["architectures"] = [named]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert type(selfattn.load(tmp_path).network) is hf.BertModel
