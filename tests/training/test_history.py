"""Attention learning to look: snapshots are the model's own weights, leave no trace in the training, and come back."""

import copy
import json
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from selfattn.models.encoder import (
    SelfAttentionConfig,
    SelfAttentionForCausalLM,
    SelfAttentionForSequenceClassification,
)
from selfattn.places import SPECIMENS
from selfattn.training.fit import fit
from selfattn.training.run import history
from selfattn.training.run.history import Watched, read, save, snapshot, steps_to_record, watch, write
from tests.tools.tolerance import assert_close

FOLDER = SPECIMENS / "induction"
HALF = 2**-11  # how near to its number a float16 between 0 and 1 is
WATCHED = Watched(("a", "b"), ((3, 1, 4, 1, 5), (9, 2, 6, 5, 3, 5, 8)), (tuple("abcde"), tuple("fghijkl")))


def network(causal: bool, **choices: object) -> torch.nn.Module:
    torch.manual_seed(0)
    config = SelfAttentionConfig(
        vocab_size=23, hidden_size=28, num_hidden_layers=3, num_attention_heads=2, is_causal=causal, **choices
    )
    return (SelfAttentionForCausalLM if causal else SelfAttentionForSequenceClassification)(config)


def attentions(model: torch.nn.Module, ids: tuple[int, ...]) -> torch.Tensor:
    """(layer, head, query, key) as the model itself gives them, by its eager formula."""
    own = copy.deepcopy(model).eval()
    own.set_attn_implementation("eager")
    with torch.no_grad():
        return torch.cat(own(torch.tensor([ids]), output_attentions=True).attentions)


@pytest.fixture(scope="module")
def shipped() -> history.History:
    return read(FOLDER / "history.safetensors")


@pytest.fixture(scope="module")
def trained() -> SelfAttentionForCausalLM:
    return AutoModelForCausalLM.from_pretrained(FOLDER)


@pytest.mark.parametrize(
    ("total", "count"), [(0, 3), (1, 5), (2, 3), (30, 40), (40, 40), (997, 13), (4000, 40), (10**6, 61), (5, 3)]
)
def test_steps_grow_by_a_factor_from_the_first_to_the_last(total, count):
    steps = steps_to_record(total, count)
    assert (steps[0], steps[-1], len(steps)) == (0, total, min(count, total + 1))
    gaps = np.diff(steps)
    assert (gaps >= 1).all()
    # Each gap is as large as the one before, up to rounding: the factor never falls.
    assert (np.diff(gaps) >= -1).all()
    far = [b / a for a, b in pairwise(steps) if b - a > 50]
    assert not far or max(far) / min(far) < 1.03


def test_too_few_steps_are_refused():
    with pytest.raises(ValueError, match="At least 3 steps"):
        steps_to_record(100, 2)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("choices", [{}, {"positions": "alibi"}, {"similarity": "cosine"}, {"positions": "learned"}])
def test_a_snapshot_is_what_the_model_says_of_itself(tmp_path, causal, choices):
    model = network(causal, **choices)
    found = snapshot(model, WATCHED)
    write(tmp_path, 7, found, WATCHED)
    kept = read(tmp_path)
    assert found.causal == kept.causal == causal
    for text, ids in enumerate(WATCHED.ids):
        expected = attentions(model, ids)
        assert_close(found.weights[text], expected, within=1e-6)
        assert_close(kept.weights[text][0], expected, within=HALF)


@pytest.mark.parametrize("causal", [True, False])
def test_patterns_are_means_by_a_plain_loop(causal):
    model = network(causal)
    found = snapshot(model, WATCHED)
    previous, entropy = np.zeros((2, 3, 2)), np.zeros((2, 3, 2))
    even = []
    for text, ids in enumerate(WATCHED.ids):
        weights = attentions(model, ids).double().numpy()
        n = len(ids)
        even.append(np.mean([1 / (i + 1 if causal else n) for i in range(1, n)]))
        for layer in range(3):
            for head in range(2):
                rows = weights[layer, head]
                previous[text, layer, head] = np.mean([rows[i, i - 1] for i in range(1, n)])
                sizes = [(i, i + 1 if causal else n) for i in range(n)]
                each = [-sum(p * np.log(p) for p in rows[i, :m]) / np.log(m) for i, m in sizes if m > 1]
                entropy[text, layer, head] = np.mean(each)
    assert_close(found.patterns["previous"], previous.mean(0))
    assert_close(found.patterns["entropy"], entropy.mean(0))
    assert_close(found.uniform["previous"], np.mean(even))
    assert_close(found.uniform["entropy"], 1.0)
    assert ("induction" in found.patterns) == causal


def test_induction_is_the_weight_after_the_earlier_occurrence():
    model = network(True, max_position_embeddings=14, positions="learned")
    found = snapshot(model, WATCHED)
    half = 7  # no more than the learned positions allow
    sequences = torch.randint(1, 23, (8, half), generator=torch.Generator().manual_seed(0)).tolist()
    scores = []
    for sequence in sequences:
        ids = sequence * 2
        weights = attentions(model, tuple(ids))
        rows = []
        for i in range(2 * half):
            keys = [j + 1 for j in range(i - 1) if ids[j] == ids[i]]
            if keys:
                rows.append(weights[..., i, keys].sum(-1))
        scores.append(torch.stack(rows).mean(0))
    assert_close(found.patterns["induction"], torch.stack(scores).mean(0))


def batches(causal: bool):
    generator = torch.Generator().manual_seed(1)
    while True:
        ids = torch.randint(1, 23, (5, 11), generator=generator)
        yield {"input_ids": ids, "labels": ids if causal else ids[:, 0] % 2}


@pytest.mark.parametrize("causal", [True, False])
def test_training_is_bit_identical_with_and_without_looking(causal):
    def train(look: bool) -> tuple[dict[str, torch.Tensor], torch.Tensor, list[bool]]:
        model = network(causal, dropout=0.2, attention_dropout=0.2)
        modes = []

        def watched():
            for batch in batches(causal):
                if look:
                    snapshot(model, WATCHED)
                modes.append(all(module.training for module in model.modules()))
                yield batch

        torch.manual_seed(2)
        fit(model, watched(), steps=7, learning_rate=1e-2)
        return model.state_dict(), torch.get_rng_state(), modes

    (plain, state, _), (looked, state_after, modes) = train(False), train(True)
    assert all(modes)
    assert torch.equal(state, state_after)
    assert plain.keys() == looked.keys()
    assert all(torch.equal(plain[name], looked[name]) for name in plain)


def test_frozen_parts_stay_at_rest():
    model = network(False).train()
    model.encoder.blocks[0].eval()
    before = [module.training for module in model.modules()]
    snapshot(model, WATCHED)
    assert [module.training for module in model.modules()] == before


def test_a_history_comes_back_from_a_folder_and_from_one_file(tmp_path):
    model = network(True)
    taken = {}
    for step in (0, 3, 1000):
        taken[step] = snapshot(model, WATCHED)
        write(tmp_path / "run", step, taken[step], WATCHED)
        with torch.no_grad():
            model.encoder.blocks[0].attention.query_key_value.weight.mul_(3)
    write(tmp_path / "run", 3, taken[1000], WATCHED)  # as a run that goes on from its checkpoint
    found = read(tmp_path / "run")
    save(found, tmp_path / "one.safetensors")
    one = read(tmp_path / "one.safetensors")
    for each in (found, one):
        assert each.steps == (0, 3, 1000)
        assert (each.texts, each.tokens, each.causal) == (WATCHED.texts, WATCHED.tokens, True)
        assert [weights.shape for weights in each.weights] == [(3, 3, 2, 5, 5), (3, 3, 2, 7, 7)]
        assert all(weights.dtype == np.float16 for weights in each.weights)
        for place, step in enumerate((0, 1000, 1000)):
            assert_close(each.weights[1][place], taken[step].weights[1].numpy(), within=HALF)
            for name, values in taken[step].patterns.items():
                assert_close(each.patterns[name][place], values)
        assert each.uniform == taken[0].uniform
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [f"{n:09d}.safetensors" for n in (0, 3, 1000)]


def test_a_full_disk_leaves_the_step_that_was_there(tmp_path, monkeypatch):
    found = snapshot(network(True), WATCHED)
    write(tmp_path, 0, found, WATCHED)

    def full(arrays, path, about):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(history, "save_file", full)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path, 0, found, WATCHED)
    assert read(tmp_path).steps == (0,)
    assert len(list(tmp_path.iterdir())) == 1


def put(file: Path, change: str) -> None:
    """Write a history that is broken in one of many ways, or in nothing."""
    about = {"texts": ["a"], "tokens": [["x", "y"]], "uniform": {"entropy": 1.0}, "causal": True, "events": {}}
    arrays = {
        "steps": np.array([0]),
        "weights.0": np.zeros((1, 1, 1, 2, 2), np.float16),
        "patterns.entropy": np.zeros((1, 1, 1), np.float32),
    }
    match change:
        case "words":
            about["tokens"] = [["x", {"y": 1}]]
        case "shape":
            arrays["weights.0"] = np.zeros((1, 1, 1, 2, 3), np.float16)
        case "type":
            arrays["weights.0"] = arrays["weights.0"].astype(np.float32)
        case "more":
            arrays["more"] = np.zeros(1)
        case "less":
            del arrays["patterns.entropy"]
        case "pattern":
            about["uniform"] = {"../../x": 1.0}
        case "number":
            about["uniform"] = {"entropy": float("nan")}
        case "steps":
            arrays["steps"] = np.array([-1])
        case "flat":
            arrays["weights.0"] = np.zeros((1,), np.float16)
        case "empty":
            arrays = {name: each[:0] for name, each in arrays.items()}
        case "list":
            about = [about]
        case "no words":
            about = None
    save_file(arrays, file, {} if about is None else {"history": json.dumps(about)})


CHANGES = ("words", "shape", "type", "more", "less", "pattern", "number", "steps", "flat", "empty", "list", "no words")


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_is_no_history_is_refused_in_one_sentence(tmp_path, change):
    file = tmp_path / "000.safetensors"
    put(file, "nothing")
    assert read(tmp_path).steps == (0,)
    put(file, change)
    with pytest.raises(ValueError, match="record it again"):
        read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no history", struct.pack("<Q", 2**62) + b"{}", b"\x80\x04pickle"])
def test_bytes_of_another_kind_are_refused(tmp_path, content):
    (tmp_path / "000.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="no file of a history"):
        read(tmp_path)


def test_nothing_and_what_does_not_belong_together_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no history yet"):
        read(tmp_path)
    with pytest.raises(ValueError, match="no history yet"):
        read(tmp_path / "nowhere")
    write(tmp_path, 0, snapshot(network(True), WATCHED), WATCHED)
    write(tmp_path, 1, snapshot(network(False), WATCHED), WATCHED)
    with pytest.raises(ValueError, match="other sentences or another model"):
        read(tmp_path)


def test_sentences_are_cut_and_keep_their_spelling():
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    found = watch(tokenizer, ["the cat sat", "red <b>door</b> " * 30], longest=13)
    assert found.tokens[0] == ("the", "cat", "sat")
    assert len(found.ids[1]) == len(found.tokens[1]) == 13
    with pytest.raises(ValueError, match="No sentence"):
        watch(tokenizer, [])
    with pytest.raises(ValueError, match="empty"):
        watch(tokenizer, ["fine", "  "])


def test_the_shipped_history_is_that_of_the_shipped_model(shipped, trained):
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    assert 50 <= len(shipped.steps) <= 100
    assert shipped.steps[0] == 0
    for text, weights in zip(shipped.texts, shipped.weights, strict=True):
        expected = attentions(trained, tuple(tokenizer(text).input_ids))
        assert_close(weights[-1], expected, within=HALF + 1e-5)
        # Before training every token sees all up to itself about alike.
        n = weights.shape[-1]
        even = np.tril(np.ones((n, n))) / np.arange(1, n + 1)[:, None]
        assert_close(weights[0] - even, 0.0, within=0.03)


def test_looking_back_is_learned_all_at_once(shipped):
    induction = shipped.patterns["induction"]
    best = induction[-1].argmax()
    curve = induction.reshape(len(shipped.steps), -1)[:, best]
    assert abs(curve[0] - shipped.uniform["induction"]) < 0.005
    assert curve[-1] > 0.9
    steps = np.array(shipped.steps)
    rises = {
        (steps[i], steps[j]): curve[j] - curve[i]
        for i in range(1, len(steps))
        for j in range(i + 1, len(steps))
        if steps[j] <= 2 * steps[i]
    }
    (start, end), largest = max(rises.items(), key=lambda each: each[1])
    assert largest > 0.75 * (curve[-1] - curve[0])
    assert 400 < start < end < 1500
    # What it is made of comes first: a head of the layer below that looks one token back.
    previous = shipped.patterns["previous"][:, 0].max(1)
    assert previous[-1] > 0.9
    assert steps[previous > 0.25][0] <= steps[curve > 0.5][0]


def test_the_other_heads_still_look_after_they_were_cut_off(shipped):
    ((step, said),) = shipped.events.items()
    assert step in shipped.steps
    assert "1.2" in said
    assert (shipped.patterns["induction"][-1, 1] > 0.8).all()


def test_the_card_tells_of_the_history(shipped):
    words = (FOLDER / "README.md").read_text()
    assert f"two sentences at {len(shipped.steps)} of these steps" in words
