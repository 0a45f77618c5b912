"""Adapters bring their head, their vocabulary and their tokenizer, and find the model that they are for."""

import json
import shutil
from pathlib import Path

import huggingface_hub.constants as hub_settings
import peft
import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file
from torch import Tensor

import selfattn
from tests.tools import made, tiny
from tests.tools.hub import hub
from tests.tools.tolerance import assert_close

# PEFT asks Transformers for a name that it has given up, and says that it saves a table that was resized.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers` to `True`"),
]
IDS = {"input_ids": torch.tensor([[5, 9, 33, 2, 71]])}


def tune(network: hf.PreTrainedModel, place: Path, **options: object) -> None:
    """A fine-tune of a network as PEFT saves it: everything in it that is trained is far from what it was."""
    tuned = peft.get_peft_model(network, peft.LoraConfig(r=2, lora_alpha=3, **options))
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in tuned.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)
    tuned.save_pretrained(place)


def check(place: Path, kind: type, inputs: dict[str, Tensor] = IDS, **base: object) -> selfattn.Model:
    """It opens by its own folder, and its output is that of PEFT's own class."""
    theirs = kind.from_pretrained(place, **base).eval()
    model = selfattn.load(place)
    trace = selfattn.trace(model, inputs)
    with torch.inference_mode():
        wanted, got = theirs(**inputs), model.network(**inputs)
        plain = theirs.get_base_model()
        with theirs.disable_adapter():
            before = plain(**inputs)
    names = [name for name in ("logits", "start_logits", "end_logits", "last_hidden_state") if name in wanted]
    assert names
    for name in names:
        assert_close(got[name], wanted[name], within=1e-5 * max(1.0, wanted[name].abs().max().item()))
        assert (wanted[name] - before[name]).abs().max() > 0.01
    assert trace.fidelity < 1e-4
    return model


@pytest.fixture
def base(tmp_path):
    return made.folder(tmp_path / "base", "bert", made.word_level())


def of(base: Path, kind: type, **options: object) -> hf.PreTrainedModel:
    """The network of a folder under another head, the same each time."""
    torch.manual_seed(3)
    return kind.from_pretrained(base, **options)


@pytest.fixture
def with_pooler(tmp_path):
    """A base without a head, whose pooler a classifier reads."""
    torch.manual_seed(13)
    hf.BertModel(hf.BertConfig(**tiny.SMALL)).save_pretrained(tmp_path / "pooler")
    made.word_level().save_pretrained(tmp_path / "pooler")
    return tmp_path / "pooler"


def test_a_head_that_classifies_on_a_base_without_one(tmp_path, with_pooler):
    network = of(with_pooler, hf.BertForSequenceClassification, num_labels=3)
    tune(network, tmp_path / "tuned", task_type="SEQ_CLS", target_modules=["query"])
    model = check(tmp_path / "tuned", peft.AutoPeftModelForSequenceClassification, num_labels=3)
    assert type(model.network).__name__ == "BertForSequenceClassification"
    assert model.name == "pooler + tuned"
    assert len(selfattn.trace(model, "the cat").prediction.top(9)) == 3
    # The base given by hand is the same model.
    again = selfattn.load(with_pooler, adapter=str(tmp_path / "tuned"))
    with torch.inference_mode():
        assert_close(again.network(**IDS).logits, model.network(**IDS).logits, within=0)


@pytest.mark.parametrize(
    ("head", "task", "theirs"),
    [
        ("BertForTokenClassification", "TOKEN_CLS", peft.AutoPeftModelForTokenClassification),
        ("BertForQuestionAnswering", "QUESTION_ANS", peft.AutoPeftModelForQuestionAnswering),
        ("BertModel", "FEATURE_EXTRACTION", peft.AutoPeftModelForFeatureExtraction),
    ],
)
def test_other_heads_on_the_same_base(tmp_path, base, head, task, theirs):
    tune(of(base, getattr(hf, head)), tmp_path / "tuned", task_type=task, target_modules=["query", "value"])
    assert type(check(tmp_path / "tuned", theirs).network).__name__ == head


def test_tokens_that_were_added_and_a_tokenizer_of_its_own(tmp_path):
    base = made.folder(tmp_path / "base", "gpt2", made.word_level())
    tokenizer = made.word_level()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.add_tokens([f"word{index}" for index in range(104 - len(tokenizer))])
    network = hf.GPT2LMHeadModel.from_pretrained(base)
    network.resize_token_embeddings(len(tokenizer))
    tune(network, tmp_path / "tuned", task_type="CAUSAL_LM", target_modules=["c_attn"], fan_in_fan_out=True)
    tokenizer.save_pretrained(tmp_path / "tuned")
    model = check(tmp_path / "tuned", peft.AutoPeftModelForCausalLM, {"input_ids": torch.tensor([[5, 103, 7]])})
    text = "the <|im_start|> word0"
    assert model.inputs(text)[1]["input_ids"].tolist() == [tokenizer(text)["input_ids"]]
    assert tokenizer.convert_tokens_to_ids("<|im_start|>") in selfattn.trace(model, text).tokens.ids


@pytest.mark.parametrize("options", [{"modules_to_save": ["embed_tokens", "lm_head"]}, {}], ids=["whole", "resized"])
def test_two_tables_of_another_size(tmp_path, options):
    base = made.folder(tmp_path / "base", "llama")
    network = hf.LlamaForCausalLM.from_pretrained(base)
    network.resize_token_embeddings(107)
    tune(network, tmp_path / "tuned", task_type="CAUSAL_LM", target_modules=["q_proj"], **options)
    theirs = hf.LlamaForCausalLM.from_pretrained(base)
    theirs.resize_token_embeddings(107)
    wanted = peft.PeftModel.from_pretrained(theirs, tmp_path / "tuned").eval()
    inputs = {"input_ids": torch.tensor([[5, 106, 7]])}
    with torch.inference_mode():
        logits = wanted(**inputs).logits
        got = selfattn.load(tmp_path / "tuned").network(**inputs).logits
    assert logits.shape[-1] == 107
    assert_close(got, logits, within=1e-5 * logits.abs().max().item())


def test_a_table_that_comes_without_its_other_end(tmp_path):
    network = hf.LlamaForCausalLM.from_pretrained(made.folder(tmp_path / "base", "llama"))
    network.resize_token_embeddings(107)
    tune(network, tmp_path / "tuned", task_type="CAUSAL_LM", target_modules=["q_proj"])
    file = tmp_path / "tuned" / "adapter_model.safetensors"
    save_file({name: tensor for name, tensor in load_file(file).items() if "lm_head" not in name}, file)
    with pytest.raises(ValueError, match=r"brings 107 tokens, and none for lm_head; save both with PEFT"):
        selfattn.load(tmp_path / "tuned")


@pytest.mark.parametrize("bias", ["all", "lora_only"])
def test_biases(tmp_path, base, bias):
    network = hf.BertForMaskedLM.from_pretrained(base)
    tune(network, tmp_path / "tuned", target_modules=["query", "value"], bias=bias)
    theirs = peft.PeftModel.from_pretrained(hf.BertForMaskedLM.from_pretrained(base), tmp_path / "tuned").eval()
    model = selfattn.load(tmp_path / "tuned")
    with torch.inference_mode():
        wanted = theirs(**IDS).logits
        assert_close(model.network(**IDS).logits, wanted, within=1e-5 * wanted.abs().max().item())


@pytest.mark.parametrize(
    ("name", "task", "targets", "theirs"),
    [
        ("llama", "CAUSAL_LM", ["q_proj", "o_proj"], peft.AutoPeftModelForCausalLM),
        ("t5", "SEQ_2_SEQ_LM", ["q", "v"], peft.AutoPeftModelForSeq2SeqLM),
    ],
)
def test_models_that_write(tmp_path, name, task, targets, theirs):
    network = made.folder(tmp_path / "base", name)
    tune(type(tiny.network(name)).from_pretrained(network), tmp_path / "tuned", task_type=task, target_modules=targets)
    check(tmp_path / "tuned", theirs, tiny.inputs(tiny.network(name), padded=False))


@pytest.mark.parametrize(("name", "target"), [("llama", "q_proj"), ("gpt2", "c_attn")])
def test_rows_that_were_trained_by_themselves(tmp_path, name, target):
    network = type(tiny.network(name)).from_pretrained(made.folder(tmp_path / "base", name))
    options = {"fan_in_fan_out": True} if name == "gpt2" else {}
    rows = {"trainable_token_indices": [5, 33]}
    tune(network, tmp_path / "tuned", task_type="CAUSAL_LM", target_modules=[target], **rows, **options)
    check(tmp_path / "tuned", peft.AutoPeftModelForCausalLM)


@pytest.mark.parametrize(("name", "head"), [("vit", "classifier"), ("wav2vec2", "lm_head")])
def test_a_head_of_another_size_than_the_bases(tmp_path, name, head):
    base, more = made.folder(tmp_path / "base", name), {"ignore_mismatched_sizes": True}
    size = {"num_labels": 7} if head == "classifier" else {"vocab_size": 101}
    network = type(tiny.network(name)).from_pretrained(base, **size, **more)
    targets = [path for path, _ in network.named_modules() if path.endswith(".q_proj")]
    tune(network, tmp_path / "tuned", target_modules=targets, modules_to_save=[head])
    theirs = peft.PeftModel.from_pretrained(
        type(network).from_pretrained(base, **size, **more), tmp_path / "tuned"
    ).eval()
    model = selfattn.load(tmp_path / "tuned")
    inputs = tiny.inputs(model.network, padded=False)
    with torch.inference_mode():
        wanted = theirs(**inputs).logits
        assert_close(model.network(**inputs).logits, wanted, within=1e-5 * wanted.abs().max().item())


def test_a_tokenizer_that_lies_beside_it_is_used_and_no_other(tmp_path, base):
    tune(hf.BertForMaskedLM.from_pretrained(base), tmp_path / "tuned", target_modules=["query"])
    assert selfattn.load(tmp_path / "tuned").inputs("the cat")[1]["input_ids"].tolist() == [[1, 5, 7, 2]]
    made.byte_level().save_pretrained(tmp_path / "tuned")
    (tmp_path / "tuned" / "tokenizer.json").write_text("{")
    with pytest.raises(ValueError, match=r"The tokenizer of base \+ tuned could not be opened"):
        selfattn.trace(selfattn.load(tmp_path / "tuned"), "the cat")


@pytest.fixture
def tuned(tmp_path, base):
    tune(hf.BertForMaskedLM.from_pretrained(base), tmp_path / "tuned", target_modules=["query"])
    return tmp_path / "tuned"


def rename_base(tuned: Path, **values: object) -> None:
    file = tuned / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (None, "names no model that it is for; give that one, and this as its adapter"),
        (
            "/nowhere/at/all",
            r"of the adapter tuned was not found: There is no folder '/nowhere.*; give one, and this as",
        ),
        ("nobody/none", "'nobody/none' is no model on this machine, and the hub could not be reached"),
    ],
)
def test_a_base_that_is_not_there(tuned, monkeypatch, named, said):
    monkeypatch.setattr(hub_settings, "ENDPOINT", "http://127.0.0.1:9")
    rename_base(tuned, base_model_name_or_path=named)
    with pytest.raises(ValueError, match=said):
        selfattn.load(tuned)


def test_a_head_that_no_class_has_is_said_with_both(tuned, tmp_path):
    gpt2 = made.folder(tmp_path / "gpt2", "gpt2")
    with pytest.raises(
        ValueError, match=r"changes bert\.enc.*query, which .*GPT2LMHeadModel does not have; it was made for"
    ):
        selfattn.load(gpt2, adapter=str(tuned))


def test_a_model_and_an_adapter_in_one_folder(tuned, base):
    shutil.copytree(base, tuned, dirs_exist_ok=True)
    with pytest.raises(ValueError, match=r"holds a model and an adapter; move adapter_config\.json"):
        selfattn.load(tuned)


@pytest.mark.slow
def test_an_adapter_of_the_hub_finds_its_base_there(monkeypatch, tmp_path, base, tuned):
    with hub() as served:
        served.models |= {"me/base": base, "me/tuned": tuned}
        template = served.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(hub_settings, "ENDPOINT", served.address)
        monkeypatch.setattr(hub_settings, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(hub_settings, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(hub_settings, "HF_HUB_OFFLINE", False)
        here = selfattn.load(tuned)
        assert served.asked == []
        rename_base(tuned, base_model_name_or_path="me/base")
        model = selfattn.load("me/tuned")
        assert model.name == "me/base + me/tuned"
        with torch.inference_mode():
            assert_close(model.network(**IDS).logits, here.network(**IDS).logits, within=0)
        served.asked.clear()
        selfattn.load("me/tuned")
        assert selfattn.load("me/base", adapter="me/tuned").name == "me/base + tuned"
        assert served.asked == []
        with pytest.raises(ValueError, match=r"me/base on the hub is no adapter with adapter_config\.json"):
            selfattn.load(base, adapter="me/base")
        assert not any("model.safetensors" in asked for asked in served.asked)
