"""Loading: what is right opens, what is wrong gets one sentence, and nothing that could run code is ever opened."""

import copy
import http.server
import importlib.util
import json
import pickle
import shutil
import threading
import time
from pathlib import Path

import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

import selfattn
from selfattn.models.encoder import SelfAttentionConfig, SelfAttentionForMaskedLM
from selfattn.models.inputs.given import Picture
from selfattn.models.loading import library
from selfattn.models.model import Model
from tests.tools import made, tiny
from tests.tools.tolerance import assert_close

NO_HUB = "There is no folder"


def refused(source: object, **options: object) -> str:
    """The sentence with which `load` refuses: one line, soon, and nothing but a ValueError."""
    start = time.monotonic()
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        selfattn.load(source, **options)
    assert caught.type is ValueError
    assert time.monotonic() - start < 5
    assert len(str(caught.value)) < 500
    return str(caught.value)


@pytest.fixture
def broken(bert_folder, tmp_path):
    """A copy of the folder, to break."""
    return Path(shutil.copytree(bert_folder, tmp_path / "broken"))


def change_config(folder: Path, **values: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def change_weights(folder: Path, change) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("name", tiny.ARCHITECTURES)
def test_a_saved_model_opens_with_the_weights_that_were_saved(name, tmp_path):
    network = tiny.network(name)
    inputs = tiny.inputs(network, padded=False)
    network.save_pretrained(tmp_path / name)
    model = selfattn.load(tmp_path / name)
    assert (model.name, model.tokenizer) == (name, None)
    with torch.inference_mode():
        assert_close(model.network(**inputs).logits, network(**inputs).logits, within=1e-5)


def test_a_tokenizer_in_the_folder_comes_along(bert):
    assert bert.inputs("the cat")[1]["input_ids"].tolist() == [[1, 5, 7, 2]]


def test_a_tokenizer_of_another_model(tmp_path):
    model = selfattn.load(made.folder(tmp_path / "bert", "bert", made.byte_level()))
    with pytest.raises(ValueError, match="its network knows 101"):
        model.inputs("the cat")


def test_text_needs_a_tokenizer(tmp_path):
    with pytest.raises(ValueError, match="gpt2 has no tokenizer"):
        selfattn.load(made.folder(tmp_path / "gpt2", "gpt2")).inputs("the cat")


@pytest.mark.parametrize(
    "name",
    ["", "../x", "a b", "\0", "x" * 5000, "C:\\x", "~nobody_here/x", "x\n", "a/b/c", "a--b", "a..b", "é/..", "-/.."],
)
def test_a_name_that_is_no_model(name):
    assert NO_HUB in refused(name)


def test_a_folder_that_holds_no_model(tmp_path):
    assert "no config.json" in refused(tmp_path)
    (tmp_path / "config.json").mkdir()
    assert "could not be read as JSON" in refused(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "\xff", "[" * 100_000, "[]", "null", '"bert"', "3"])
def test_a_config_that_is_no_json_object(broken, text):
    (broken / "config.json").write_bytes(text.encode("latin-1"))
    assert "JSON" in refused(broken)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model_type": "no-such-model"}, "no-such-model"),
        ({"model_type": ["bert"]}, "could not be loaded"),
        ({"num_attention_heads": 0}, "could not be loaded"),
        ({"num_attention_heads": 5}, "multiple of the number of attention"),
        ({"hidden_size": "wide"}, "could not be loaded"),
        ({"hidden_size": 48}, "shapes"),
        ({"num_hidden_layers": 10**9}, "asks for 1000000000 layers"),
        ({"num_hidden_layers": 3}, "lack 16 tensors"),
        ({"num_hidden_layers": -1}, "asks for -1 layers"),
        ({"dtype": "int8"}, "could not be loaded"),
        ({"model_type": "gpt_neo", "architectures": ["GPTNeoForCausalLM"]}, "could not be loaded"),
    ],
)
def test_a_config_that_asks_for_something_else(broken, values, said):
    change_config(broken, **values)
    assert said in refused(broken)


@pytest.mark.parametrize("values", [{"return_dict": False}, {"output_attentions": True}, {"architectures": "Bert"}])
def test_a_config_with_odd_habits_still_opens(broken, values):
    change_config(broken, **values)
    assert selfattn.trace(selfattn.load(broken), "the cat").fidelity < 1e-5


def test_a_config_cannot_ask_for_a_kernel_from_outside(broken):
    change_config(broken, attn_implementation="owner/kernel", _attn_implementation="owner/kernel")
    assert selfattn.load(broken).network.config._attn_implementation == "selfattn_sdpa"


@pytest.mark.parametrize("values", [{"positions": "x"}, {"num_attention_heads": 0}, {"num_attention_heads": 3}])
def test_a_hostile_config_of_the_local_encoder(tmp_path, values):
    config = SelfAttentionConfig(vocab_size=23, hidden_size=8, num_attention_heads=2, num_hidden_layers=1)
    SelfAttentionForMaskedLM(config).save_pretrained(tmp_path)
    change_config(tmp_path, **values)
    assert next(iter(values)).split("_")[-1] in refused(tmp_path)


def test_a_truncated_file(broken):
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    assert "damaged" in refused(broken)


def test_a_file_that_is_no_safetensors(broken):
    (broken / "model.safetensors").write_bytes(b"not what it says it is")
    assert "damaged" in refused(broken)


def test_missing_weights_are_not_made_up(broken):
    change_weights(broken, lambda weights: weights.pop("bert.encoder.layer.0.attention.self.query.weight"))
    assert "lack a tensor that it needs, bert.encoder.layer.0.attention.self.query.weight" in refused(broken)


def test_the_pooler_that_a_classifier_reads_is_not_made_up(tmp_path):
    hf.BertForSequenceClassification(hf.BertConfig(**tiny.SMALL)).save_pretrained(tmp_path)
    change_weights(tmp_path, lambda weights: weights.pop("bert.pooler.dense.weight"))
    assert "lack a tensor that it needs, bert.pooler" in refused(tmp_path)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite(broken, value):
    change_weights(broken, lambda weights: weights["bert.encoder.layer.1.attention.self.key.bias"].fill_(value))
    assert "not finite" in refused(broken)


def test_weights_of_whole_numbers(broken):
    change_weights(broken, lambda weights: weights.update({k: v.to(torch.int32) for k, v in weights.items()}))
    saved = load_file(broken / "model.safetensors")
    network = selfattn.load(broken).network
    assert network.dtype == torch.float32
    for name, parameter in network.named_parameters():
        assert_close(parameter, saved[name], within=0)


class Canary:
    """Writes a file where it is unpickled."""

    def __init__(self, sign: Path) -> None:
        self.sign = sign

    def __reduce__(self):
        return Path.touch, (self.sign,)


@pytest.mark.parametrize("beside_safetensors", [False, True])
def test_no_pickle_is_opened(broken, tmp_path, beside_safetensors):
    sign = tmp_path / "unpickled"
    for name in ("pytorch_model.bin", "model.pt", "training_args.bin", "model.pkl", "vocab.pt"):
        (broken / name).write_bytes(pickle.dumps(Canary(sign)))
    if beside_safetensors:
        selfattn.load(broken)
    else:
        (broken / "model.safetensors").unlink()
        assert "holds only model.pkl, a pickle that could run code" in refused(broken)
    assert not sign.exists()
    pickle.loads((broken / "model.pt").read_bytes())
    assert sign.exists(), "the canary is dead"


def test_a_pickle_beside_a_safetensors_file_of_another_name_is_not_opened(broken, tmp_path):
    (broken / "model.safetensors").rename(broken / "other.safetensors")
    (broken / "pytorch_model.bin").write_bytes(pickle.dumps(Canary(tmp_path / "unpickled")))
    assert selfattn.load(broken).name == "broken"
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.parametrize("model_type", ["mine", "bert", ["bert"]])
def test_no_code_of_the_folder_is_run(broken, tmp_path, model_type):
    sign = tmp_path / "ran"
    (broken / "mine.py").write_text(f"import pathlib\npathlib.Path({str(sign)!r}).touch()\n")
    auto_map = {name: f"mine.{name}" for name in ("AutoConfig", "AutoModel", "AutoModelForMaskedLM")}
    change_config(broken, model_type=model_type, auto_map=auto_map)
    tokenizer = json.loads((broken / "tokenizer_config.json").read_text())
    tokenizer |= {"auto_map": {"AutoTokenizer": ["mine.Slow", "mine.Fast"]}, "tokenizer_class": "Mine"}
    (broken / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    if model_type == "bert":
        selfattn.load(broken)
    else:
        assert "wants to run code of its own" in refused(broken)
    assert not sign.exists()


class Down(http.server.BaseHTTPRequestHandler):
    """A hub that is down: it answers every request with an error, and counts."""

    status = 503
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += "no-such-model" in self.path
        self.send_error(self.status)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(("status", "said"), [(404, "has no model"), (503, "hub")])
def test_the_hub_is_asked_once(monkeypatch, tmp_path, status, said):
    hub = type("Hub", (Down,), {"status": status})
    with http.server.HTTPServer(("127.0.0.1", 0), hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        assert said in refused("nobody/no-such-model")
        server.shutdown()
    assert hub.asked == 1


def test_no_network(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    assert "could not be reached" in refused("nobody/no-such-model")


@pytest.mark.parametrize("device", ["nonsense", "", "meta", "cuda:99"])
def test_a_device_that_is_not_there(bert_folder, device):
    refused(bert_folder, device=device)


@pytest.mark.parametrize("dtype", ["int8", "nonsense", "", "float8_e4m3fn", "__class__"])
def test_a_dtype_that_cannot_compute(bert_folder, dtype):
    assert "dtype is auto, float32" in refused(bert_folder, dtype=dtype)


def test_the_dtype_asked_for_is_the_dtype_loaded(bert_folder):
    assert selfattn.load(bert_folder, dtype="bfloat16").network.dtype == torch.bfloat16


def test_an_architecture_that_cannot_be_recorded(tmp_path):
    config = hf.LongformerConfig(**tiny.SMALL, attention_window=4, pad_token_id=0)
    hf.LongformerForMaskedLM(config).save_pretrained(tmp_path)
    assert "cannot be recorded exactly" in refused(tmp_path)


def test_a_model_without_attention(tmp_path):
    hf.ResNetModel(hf.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1])).save_pretrained(tmp_path)
    assert "attention" in refused(tmp_path)


def test_attention_that_the_formula_does_not_give_is_refused(monkeypatch):
    from transformers.models.bert import modeling_bert

    own = modeling_bert.eager_attention_forward

    def more(*arguments, **keywords):
        context, weights = own(*arguments, **keywords)
        return context + 0.01, weights

    network = tiny.network("bert")
    network.set_attn_implementation("eager")
    assert Model.wrap(copy.deepcopy(network)).fidelity < 1e-5
    monkeypatch.setattr(modeling_bert, "eager_attention_forward", more)
    with pytest.raises(ValueError, match=r"differs by 0\.01 from its recomputation"):
        Model.wrap(network)


def test_attention_that_is_not_a_number_is_refused(monkeypatch):
    network = tiny.network("bert")
    torch.nn.init.constant_(network.bert.encoder.layer[1].attention.self.value.bias, torch.nan)
    with pytest.raises(ValueError, match="differs by nan"):
        Model.wrap(network)


@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert", "gpt2", "opt", "selfattn"])
def test_the_limit_is_where_the_model_breaks(name):
    small = tiny.SMALL | {"max_position_embeddings": 19}
    network = {
        "bert": lambda: hf.BertModel(hf.BertConfig(**small)),
        "roberta": lambda: hf.RobertaModel(hf.RobertaConfig(**small)),
        "distilbert": lambda: hf.DistilBertModel(
            hf.DistilBertConfig(dim=32, n_layers=1, n_heads=4, max_position_embeddings=19)
        ),
        "gpt2": lambda: hf.GPT2Model(hf.GPT2Config(n_embd=32, n_layer=1, n_head=4, vocab_size=101, n_positions=19)),
        "opt": lambda: hf.OPTModel(hf.OPTConfig(**small, ffn_dim=37, word_embed_proj_dim=32)),
        "selfattn": lambda: SelfAttentionForMaskedLM(SelfAttentionConfig(**small, positions="learned")),
    }[name]().eval()
    limit = Model.wrap(network).limit
    with torch.inference_mode():
        network(input_ids=torch.full((1, limit), 5))
        with pytest.raises((IndexError, RuntimeError)):
            network(input_ids=torch.full((1, limit + 1), 5))


def test_models_without_a_limit():
    assert Model.wrap(tiny.network("t5")).limit is None
    assert Model.wrap(tiny.network("llama")).limit == 64
    free = SelfAttentionForMaskedLM(SelfAttentionConfig(**tiny.SMALL, positions="rope"))
    assert Model.wrap(free).limit is None


def test_a_text_beyond_the_limit_is_not_cut(minilm):
    with pytest.raises(ValueError, match=r"602 tokens, and minilm has positions for 512; shorten it by 90"):
        minilm.inputs("word " * 600)


def test_a_rotary_model_reads_on_past_what_it_learnt_and_says_so(minilm):
    torch.manual_seed(0)
    small = tiny.SMALL | {"vocab_size": len(minilm.tokenizer), "max_position_embeddings": 19}
    network = hf.LlamaForCausalLM(hf.LlamaConfig(**small)).eval()
    own = network(**minilm.tokenizer("word " * 29, return_tensors="pt")).logits[0, -1].detach()
    trace = selfattn.trace(Model.wrap(network, minilm.tokenizer), "word " * 29)
    assert_close(trace.prediction.probabilities, own.softmax(-1))
    assert trace.tokens.note == (
        "The text has 31 tokens, and LlamaForCausalLM learnt to read 19: past them it may be wrong."
    )


def test_the_shipped_names_are_folders_with_a_config():
    found = library.names()
    assert "minilm" in found
    assert all((place / "config.json").is_file() or place.suffix == ".gguf" for place in found.values())


def lora(place: Path, name: str, targets: list[str], **options: object) -> hf.PreTrainedModel:
    """A LoRA adapter on a tiny model, far from zero, made and saved by PEFT; returns the network as PEFT runs it."""
    from peft import LoraConfig, get_peft_model

    tuned = get_peft_model(tiny.network(name), LoraConfig(r=2, lora_alpha=7, target_modules=targets, **options)).eval()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in tuned.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator))
    tuned.save_pretrained(place)
    return tuned


# PEFT asks Transformers for a name that it has given up.
peft_warns = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@peft_warns
@pytest.mark.parametrize(
    ("name", "targets", "options"),
    [
        ("bert", ["query", "value", "dense"], {}),
        ("bert", ["word_embeddings"], {}),
        ("gpt2", ["c_attn"], {"fan_in_fan_out": True}),
        ("llama", ["q_proj", "o_proj"], {"use_rslora": True, "rank_pattern": {"q_proj": 3}}),
        ("llama", ["k_proj"], {"use_dora": True}),
        ("t5", ["q", "v"], {"modules_to_save": ["wi"]}),
    ],
)
def test_an_adapter_gives_what_peft_gives(tmp_path, name, targets, options):
    base = made.folder(tmp_path / "base", name)
    tuned = lora(tmp_path / "adapter", name, targets, **options)
    model = selfattn.load(base, adapter=str(tmp_path / "adapter"))
    inputs = tiny.inputs(model.network, padded=False)
    with torch.inference_mode():
        wanted, plain = tuned(**inputs).logits, selfattn.load(base).network(**inputs).logits
        assert_close(model.network(**inputs).logits, wanted, within=1e-5 * wanted.abs().max().item())
    assert (wanted - plain).abs().max() > 0.1
    assert selfattn.trace(model, inputs).fidelity < 1e-4
    assert model.name == "base + adapter"


@peft_warns
def test_the_queries_that_are_recorded_are_the_adapters(tmp_path):
    base = made.folder(tmp_path / "base", "bert")
    tuned = lora(tmp_path / "adapter", "bert", ["query"])
    layer = tuned.base_model.model.bert.encoder.layer[0].attention.self
    seen: list[torch.Tensor] = []
    layer.query.register_forward_hook(lambda _, __, output: seen.append(output))
    model = selfattn.load(base, adapter=str(tmp_path / "adapter"))
    inputs = tiny.inputs(model.network, padded=False)
    with torch.inference_mode():
        tuned(**inputs)
    recorded = selfattn.trace(model, inputs).call(0).query[0]
    assert_close(recorded.transpose(0, 1).flatten(1), seen[0][0], within=1e-4)  # of numbers up to 50


@pytest.fixture
def adapter(tmp_path):
    lora(tmp_path / "adapter", "bert", ["query"])
    return tmp_path / "adapter"


@peft_warns
def test_an_adapter_of_another_model(adapter, tmp_path):
    base = made.folder(tmp_path / "gpt2", "gpt2")
    assert "GPT2LMHeadModel does not have" in refused(base, adapter=str(adapter))


@peft_warns
def test_an_adapter_of_other_shapes(adapter, bert_folder):
    weights = load_file(adapter / "adapter_model.safetensors")
    save_file({name: tensor.repeat(1, 2) for name, tensor in weights.items()}, adapter / "adapter_model.safetensors")
    assert "does not fit BertForMaskedLM" in refused(bert_folder, adapter=str(adapter))


@peft_warns
def test_an_adapters_pickle_is_not_opened(adapter, bert_folder, tmp_path):
    (adapter / "adapter_model.safetensors").unlink()
    sign = tmp_path / "unpickled"
    (adapter / "adapter_model.bin").write_bytes(pickle.dumps(Canary(sign)))
    assert "has no adapter_model.safetensors" in refused(bert_folder, adapter=str(adapter))
    assert not sign.exists()


@peft_warns
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"peft_type": "PREFIX_TUNING"}, "only LORA is read"),
        ({"megatron_config": {"a": 1}, "megatron_core": "antigravity"}, "asks for megatron_config"),
        ({"layer_replication": [[0, 1], [0, 2]]}, "asks for layer_replication"),
        ({"rank_pattern": {"(a+)+$": 3}}, "rank_pattern is no table"),
        ({"modules_to_save": "cls"}, "modules_to_save is no list"),
        ({"r": "many"}, "does not fit"),
        ({"trainable_token_indices": "all"}, "trainable_token_indices are no lists of tokens"),
        ({"r": {"a": 1}}, "something else than numbers"),
        ({"bias": "some"}, "bias is none, all or lora_only"),
    ],
)
def test_an_adapters_config_is_not_trusted(adapter, bert_folder, values, said):
    file = adapter / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
    assert said in refused(bert_folder, adapter=str(adapter))


@peft_warns
def test_the_base_model_that_an_adapter_names_is_not_fetched(adapter, bert_folder, monkeypatch):
    file = adapter / "adapter_config.json"
    named = {"base_model_name_or_path": "nobody/no-such-model", "target_modules": "(a+)+$", "auto_mapping": {"x": "y"}}
    file.write_text(json.dumps(json.loads(file.read_text()) | named))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    assert selfattn.load(bert_folder, adapter=str(adapter)).fidelity < 1e-5


@pytest.mark.parametrize(
    ("module", "options", "extra"),
    [
        ("peft", {"adapter": "x"}, "adapters"),
        ("accelerate", {"spread": True}, "several-gpus"),
        ("bitsandbytes", {"bits": 8}, "quantised"),
    ],
)
def test_a_package_that_is_missing_is_named_with_its_extra(bert_folder, monkeypatch, module, options, extra):
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == module else find(name, *rest))
    monkeypatch.setattr("torch.cuda.is_available", lambda: bool(options.get("bits")))
    assert f'pip install "selfattn[{extra}]"' in refused(bert_folder, **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bits": 8}, "need a CUDA device"),
        ({"bits": 3}, "bits is 8 or 4"),
        ({"bits": 4, "device": "cpu"}, "leave the device 'cpu' out"),
        ({"spread": True, "device": "cpu"}, "leave the device 'cpu' out"),
        ({"revision": "main"}, "has no revisions"),
    ],
)
def test_options_that_cannot_be(bert_folder, options, said):
    assert said in refused(bert_folder, **options)


def test_a_model_spread_over_the_devices_says_the_same(bert_folder, bert, monkeypatch):
    placed = []
    own = hf.BertForMaskedLM.from_pretrained.__func__
    spy = classmethod(
        lambda kind, *given, **named: placed.append(named.get("device_map")) or own(kind, *given, **named)
    )
    monkeypatch.setattr(hf.BertForMaskedLM, "from_pretrained", spy)
    model = selfattn.load(bert_folder, spread=True)
    assert placed == ["auto"]
    inputs = bert.inputs("the cat")[1]
    with torch.inference_mode():
        assert_close(model.network(**inputs).logits, bert.network(**inputs).logits, within=1e-6)


def test_a_choice_loads_what_it_says(bert_folder):
    choice = library.Choice(str(bert_folder), dtype="bfloat16")
    assert choice.load().network.dtype == torch.bfloat16
    assert hash(choice) == hash(library.Choice(str(bert_folder), dtype="bfloat16"))


def test_a_damaged_processor_is_no_missing_one(tmp_path):
    made.folder(tmp_path / "cut", "vit")
    (tmp_path / "cut" / "preprocessor_config.json").write_text('{"size": ')
    model = selfattn.load(tmp_path / "cut")
    with pytest.raises(ValueError, match=r"The image processor of cut could not be opened"):
        selfattn.trace(model, Picture(b""))
