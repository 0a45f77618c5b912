"""Networks as people hold them: compiled, under an adapter, in a pipeline; and given back as they were."""

import copy
import types

import peft
import pytest
import torch
import transformers as hf
from sentence_transformers import SentenceTransformer
from torch import nn

import selfattn
from selfattn.models.answers.pooling import MODES
from selfattn.models.inside import inside
from selfattn.models.model import Model
from tests.tools import made, tiny
from tests.tools.tolerance import assert_close

TEXT = "the cat sat on the mat"
peft_warns = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture
def network():
    return tiny.network("bert")


@pytest.fixture(scope="module")
def plain():
    return selfattn.trace(Model.wrap(tiny.network("bert"), made.word_level()), TEXT)


def same(trace: selfattn.Trace, plain: selfattn.Trace) -> None:
    for layer in range(2):
        assert_close(trace.stages(layer, 1).weights, plain.stages(layer, 1).weights, within=0)
    assert trace.tokens.text == plain.tokens.text


@pytest.mark.parametrize(
    "around",
    [
        lambda network: network,
        nn.DataParallel,
        pytest.param(lambda network: torch.compile(network, backend="eager"), marks=pytest.mark.slow),
        pytest.param(lambda network: nn.DataParallel(torch.compile(network, backend="eager")), marks=pytest.mark.slow),
    ],
    ids=["bare", "parallel", "compiled", "both"],
)
def test_what_is_around_a_network_changes_nothing(network, plain, around):
    trace = selfattn.trace(around(network), TEXT, tokenizer=made.word_level())
    same(trace, plain)
    same(selfattn.trace(selfattn.Model(around(network), made.word_level()), TEXT), plain)
    assert trace.model.network is network
    assert trace.model.name == "BertForMaskedLM"


def test_a_pipeline_brings_its_tokenizer(network, plain):
    given = hf.pipeline("fill-mask", model=network, tokenizer=made.word_level(), device="cpu")
    same(selfattn.trace(given, TEXT), plain)


def test_a_pipeline_of_pictures_brings_its_processor():
    processor = hf.ViTImageProcessor(size={"height": 12, "width": 12})
    given = hf.pipeline("image-classification", model=tiny.network("vit"), image_processor=processor, device="cpu")
    assert Model.wrap(given).processor is processor


@pytest.mark.parametrize("mode", [*MODES, ("mean_sqrt_len_tokens", "max")])
def test_a_sentence_transformer_brings_its_tokenizer_and_its_pooling(tmp_path, mode):
    given = SentenceTransformer(str(made.of_sentences(tmp_path, mode)), device="cpu")
    pair = selfattn.Pair("the cat", "a dog sat on it")
    cosine = selfattn.trace(given, pair).prediction.of("cosine")
    one, other = given.encode([pair.first, pair.second], convert_to_tensor=True)
    assert_close(cosine, torch.cosine_similarity(one, other, dim=0).item(), within=1e-5)


@peft_warns
def test_an_adapter_in_memory_computes_what_peft_computes(network):
    tuned = peft.get_peft_model(network, peft.LoraConfig(r=2, target_modules=["query"], init_lora_weights=False)).eval()
    inputs = tiny.inputs(network, padded=False)
    with torch.inference_mode():
        wanted = tuned(**inputs).logits
    model = Model.wrap(tuned, made.word_level())
    with torch.inference_mode():
        assert_close(model.network(**inputs).logits, wanted, within=0)
    assert selfattn.trace(model, inputs).fidelity < 1e-4
    assert selfattn.trace(tuned, TEXT.replace("cat", "[MASK]"), tokenizer=made.word_level()).prediction is not None


@peft_warns
def test_an_adapter_that_is_not_in_the_weights():
    config = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)
    tuned = peft.get_peft_model(tiny.network("gpt2"), config)
    with pytest.raises(ValueError, match="PromptTuningConfig puts vectors of its own before the text"):
        Model.wrap(tuned)


class Classifier(nn.Module):
    """A network of somebody's own around one of Transformers."""

    def __init__(self, network: nn.Module | None = None) -> None:
        super().__init__()
        self.encoder, self.head = network, nn.Linear(32, 2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Classifier(), "A Classifier is no network of Transformers, whose attention alone can be recorded"),
        (nn.DataParallel(nn.Linear(2, 2)), "A Linear is no network of Transformers"),
        (None, "a name, a folder or a hub id; got a NoneType"),
        (3, "got a int"),
        ({"input_ids": 3}, "got a dict"),
        (types.SimpleNamespace(model=3), "got a SimpleNamespace"),
    ],
    ids=str,
)
def test_what_is_no_network_is_one_sentence(given, said):
    for use in (Model, Model.wrap, lambda it: selfattn.trace(it, TEXT), selfattn.show, selfattn.release):
        with pytest.raises(ValueError, match=said):
            use(given)


def test_a_network_inside_another_is_pointed_at(network):
    with pytest.raises(ValueError, match=r"give the one inside it, its \.encoder \(a BertForMaskedLM\)"):
        Model.wrap(Classifier(network))


def test_a_text_needs_a_tokenizer_and_tensors_need_none(network):
    assert selfattn.trace(network, {"input_ids": torch.tensor([[1, 5, 7, 2]])}).fidelity < 1e-5
    with pytest.raises(
        ValueError, match=r"BertForMaskedLM has no tokenizer.*trace\(network, text, tokenizer=tokenizer\)"
    ):
        selfattn.trace(network, TEXT)
    with pytest.raises(ValueError, match=r"A tokenizer is what AutoTokenizer\.from_pretrained gives; got a str"):
        selfattn.trace(network, TEXT, tokenizer="bert-base-uncased")
    with pytest.raises(ValueError, match="A tokenizer goes with a network in memory"):
        selfattn.trace("sentiment", TEXT, tokenizer=made.word_level())


def put_on(network: nn.Module) -> dict[str, tuple[object, ...]]:
    """What lies on every module of a network: hooks, and the name of its attention function."""
    return {
        path: (
            [*module._forward_pre_hooks.values()],
            [*module._forward_hooks.values()],
            getattr(getattr(module, "config", None), "_attn_implementation", None),
        )
        for path, module in network.named_modules()
    }


@pytest.mark.parametrize(
    ("name", "attention"),
    [("bert", "eager"), ("bert", "sdpa"), ("t5", "eager"), ("whisper", "sdpa"), ("gpt_neo", None)],
)
def test_a_released_network_is_what_it_was(name, attention):
    network = tiny.network(name, attention)
    before = put_on(network)
    model = Model.wrap(network)
    copied = copy.deepcopy(network)
    assert put_on(network) != before
    for given in (model, network, copied):
        selfattn.release(given)
    assert put_on(network) == before
    assert put_on(copied) == before
    assert Model.wrap(network).fidelity < 1e-4


def test_parts_with_functions_of_their_own_get_them_back():
    network = tiny.network("t5", "eager")
    network.encoder.config._attn_implementation = "sdpa"
    before = put_on(network)
    Model.wrap(network)
    selfattn.release(network)
    assert put_on(network) == before


@pytest.mark.parametrize("name", ["bert", "t5", "gpt2", "deberta"])
def test_the_owners_own_weights_come_meanwhile(name):
    network = tiny.network(name, "eager")
    inputs = tiny.inputs(network, padded=True)
    with torch.inference_mode():
        before = network(**inputs, output_attentions=True)
        Model.wrap(network)
        after = network(**inputs, output_attentions=True)
    names = [key for key in before if "attentions" in key and before[key]]
    assert names
    for key in names:
        for one, other in zip(before[key], after[key], strict=True):
            assert_close(one, other, within=0)


@pytest.mark.slow
def test_a_compiled_network_is_its_owners_meanwhile():
    network = hf.BertModel(hf.BertConfig(**tiny.SMALL | {"num_hidden_layers": 1})).eval()
    inputs = {"input_ids": torch.tensor([[5, 9, 33]])}
    compiled = torch.compile(network, backend="eager")
    with torch.inference_mode():
        before = compiled(**inputs)[0]
        selfattn.trace(compiled, inputs)
        assert_close(compiled(**inputs)[0], before, within=1e-6)
    selfattn.release(compiled)
    assert network.config._attn_implementation == "sdpa"
    assert inside(compiled).network is network
