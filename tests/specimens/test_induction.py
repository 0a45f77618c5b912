"""The shipped induction specimen, measured again: it copies what comes again, with the two kinds of heads it is for."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import selfattn.models.encoder  # noqa: F401  (registers the model)
from selfattn.analysis.all_heads import patterns
from selfattn.places import SPECIMENS
from selfattn.recording.doors import Recorder, install, recording

FOLDER = SPECIMENS / "induction"
PHRASES = [
    ("the cat sat on the mat because the cat sat on the", " mat"),
    ("the old man and the sea, the old man and the", " sea"),
    ("Mr Dursley was proud. Mr Dursley was", " proud"),
    ("She told me a story. He told me a", " story"),
    ("one two three four one two three", " four"),
    ("open the red door. open the red", " door"),
    ("the queen gave the king a gold star and the queen gave the king a gold", " star"),
    ("black tea and white bread, black tea and white", " bread"),
    ("the dog is red and the cat is black. the dog is", " red"),
    ("my good dog sat by the tree when my good dog sat by the", " tree"),
    ("I read the book at home, I read the book at", " home"),
    ("the sun was up and the sun was", " up"),
]


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def network():
    network = AutoModelForCausalLM.from_pretrained(FOLDER).eval()
    install(network)
    return network


def repeated(count: int, half: int, seed: int) -> torch.Tensor:
    return torch.randint(1, 512, (count, half), generator=torch.Generator().manual_seed(seed)).repeat(1, 2)


def test_it_is_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2 * 1024 * 1024
    assert {path.suffix for path in FOLDER.iterdir()} == {".safetensors", ".json", ".md"}


@pytest.mark.parametrize("half", [16, 31, 64])
@torch.no_grad()
def test_it_copies_random_sequences(network, half):
    ids = repeated(32, half, seed=half)
    guesses = network(ids).logits[:, half:-1].argmax(-1)
    assert (guesses == ids[:, half + 1 :]).float().mean() >= 0.99


@torch.no_grad()
def test_an_induction_head_reads_what_a_previous_token_head_before_it_wrote(network):
    half = 37
    previous, induction = [], []
    for ids in repeated(8, half, seed=1):
        with recording(Recorder(names={})) as recorder:
            network(ids[None])
        weights = torch.stack(
            [torch.stack([call.stages(head).weights for head in range(call.heads)]) for call in recorder.calls]
        )
        previous.append(patterns.previous_token(weights))
        induction.append(weights.diagonal(1 - half, -2, -1)[..., 1:].mean(-1))
    previous, induction = torch.stack(previous).mean(0), torch.stack(induction).mean(0)
    assert previous[0].max() >= 0.9
    assert induction[1].max() >= 0.9
    even = patterns.uniform(torch.ones(2 * half, 2 * half, dtype=torch.bool).tril())
    assert patterns.previous_token(even) < 0.1
    assert patterns.induction(even, torch.arange(half).repeat(2)) < 0.05


@pytest.mark.parametrize(("phrase", "expected"), PHRASES)
@torch.no_grad()
def test_it_copies_typed_words(network, tokenizer, phrase, expected):
    logits = network(**tokenizer(phrase, return_tensors="pt")).logits
    assert tokenizer.decode(logits[0, -1].argmax()) == expected


@pytest.mark.parametrize("text", ["naïve 🙂", "注意力", "a\0b", "ﬁ \u200d\u202e x", "1 + 1 = 2;\n\tend"])
def test_no_text_has_an_unknown_token(tokenizer, text):
    ids = tokenizer(text).input_ids
    assert tokenizer.unk_token_id is None
    assert tokenizer.decode(ids) == " " + text


def test_offsets_point_at_the_words(tokenizer):
    text = " the cat, the cat"
    offsets = tokenizer(text, return_offsets_mapping=True).offset_mapping
    assert [text[start:end] for start, end in offsets] == ["the", "cat", ",", "the", "cat"]


def test_tokenizer_settings(tokenizer):
    assert tokenizer.pad_token_id == 0
    assert tokenizer.model_max_length == 512
