"""What attention costs: the methods against their definitions, the formulas against counters, the laws of measuring."""

import itertools
import math
import re
import threading
from dataclasses import replace

import pytest
import torch
import transformers as hf
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from selfattn.analysis.cost import measuring, plans, roofline
from selfattn.analysis.cost.exponents import clean, fit
from selfattn.analysis.cost.measuring import ROUNDS, Allowance, Point, Refusal, lengths, measure, memory
from selfattn.analysis.cost.methods import METHODS, WIDTH, Shape, random_heads
from selfattn.analysis.cost.plans import LLAMA, PRESETS, Plan
from selfattn.analysis.cost.roofline import Machine, standing
from selfattn.figures import cost as figures
from selfattn.maths import masks
from selfattn.maths.attend import attend
from selfattn.maths.windowed import windowed
from selfattn.models.budgets import SHARE, budget
from selfattn.models.model import Model
from selfattn.ui.cost.bench import Bench, Measurement, Setup
from tests.tools.tolerance import assert_close

SMALL = Shape(heads=3, d_head=5)
AMPLE = Allowance(seconds=600.0, free=1 << 34)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


@pytest.mark.parametrize(("tokens", "width"), [(23, 3), (7, 11), (22, 11), (13, 1), (1, 5)])
def test_a_window_is_exact_attention_under_its_mask(tokens, width):
    query, key, value = (torch.randn(2, 3, tokens, 5, generator=generator(), dtype=torch.float64) for _ in range(3))
    query, key, value = (x.requires_grad_() for x in (query, key + 1, value + 2))
    found = windowed(query, key, value, width)
    exact = attend(query, key, value, keep=masks.window(width).keep(tokens, tokens)).context
    assert_close(found, exact, within=1e-12)
    upstream = torch.randn(found.shape, generator=generator(), dtype=torch.float64)
    gradients = zip(*(torch.autograd.grad(x, (query, key, value), upstream) for x in (found, exact)), strict=True)
    for ours, theirs in gradients:
        assert_close(ours, theirs, within=1e-12)


def test_a_window_below_one_token_is_refused():
    with pytest.raises(ValueError, match="from 1; got 0"):
        windowed(*random_heads(SMALL, 7, generator()), 0)


def test_each_method_is_what_it_says():
    query, key, value = random_heads(SMALL, 131, generator())
    exact = attend(query, key, value)
    for name in ("eager", "SDPA", "recording"):
        context = METHODS[name].run(query, key, value)[0]
        context = context.transpose(1, 2) if name == "recording" else context
        assert_close(context, exact.context, within=1e-5)
    assert_close(METHODS["eager"].run(query, key, value)[1], exact.weights)
    local = attend(query, key, value, keep=masks.window(WIDTH).keep(131, 131)).context
    assert_close(METHODS["window"].run(query, key, value)[0], local, within=1e-5)
    features = [torch.where(x > 0, x + 1, x.exp()) for x in (query, key)]
    weights = features[0] @ features[1].mT
    assert_close(METHODS["linear"].run(query, key, value)[0], weights / weights.sum(-1, keepdim=True) @ value, 1e-5)


def test_recording_keeps_the_very_queries_keys_and_values():
    heads = random_heads(SMALL, 17, generator())
    kept = METHODS["recording"].run(*heads)
    assert all(ours is theirs for ours, theirs in zip(kept[1:4], heads, strict=True))


@pytest.mark.parametrize("name", METHODS)
def test_operations_by_formula_are_those_that_are_counted(name):
    method, tokens = METHODS[name], 131
    heads = random_heads(SMALL, tokens, generator())
    # The processor's fused kernel is not in PyTorch's counter: its plain form multiplies the same matrices.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        method.run(*heads)
    assert counter.get_total_flops() == method.flops(SMALL, tokens)
    if name == "SDPA":
        assert sdpa_flop_count(*(x.shape for x in heads)) == method.flops(SMALL, tokens)


def test_memory_is_counted_to_the_byte():
    tokens, floats = 331, 4
    query, key, value = random_heads(SMALL, tokens, generator())
    with torch.inference_mode():
        peak, kept = memory(lambda: METHODS["eager"].run(query, key, value), SMALL)
    plane, row = SMALL.plane(tokens), SMALL.row(tokens)
    assert plane == 3 * tokens**2 * floats
    # Two planes at once, of scores, scaled scores and weights; in the end the weights and the context.
    assert 2 * plane <= peak <= 2 * plane + row
    assert kept == plane + row


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("name", METHODS)
def test_the_predicted_memory_is_enough_and_not_far_off(name, backward):
    method = METHODS[name]
    for shape, tokens in ((Shape(4, 16), 512), (Shape(2, 64), 1024)):
        heads = random_heads(shape, tokens, generator())
        run = measuring._run(method, backward, heads)
        peak, _ = memory(run, shape)
        measured = peak + 3 * shape.row(tokens)
        assert measured <= method.peak(shape, tokens, backward) <= 3 * measured


@pytest.mark.parametrize("power", [1.0, 1.7, 2.0])
def test_the_exponent_of_a_power_is_found(power):
    found = fit({128 << step: 3e-6 * (128 << step) ** power for step in range(6)})
    assert_close(found.exponent, power, within=1e-9)
    assert_close(found.error, 0.0, within=1e-9)
    assert_close(found.at(777), 3e-6 * 777**power, within=1e-9)


def test_a_fixed_cost_is_left_out_of_the_fit():
    costs = {128 << step: 1e-3 + 1e-9 * (128 << step) ** 2 for step in range(8)}
    found = fit(costs)
    assert found.lengths == (2048, 4096, 8192, 16384)
    assert found.lengths == clean(costs)
    assert abs(found.exponent - 2) < 0.12 < 2 - fit_of_all(costs)


def fit_of_all(costs: dict[int, float]) -> float:
    """The slope through all lengths, by the normal equations."""
    rows = torch.tensor([[1.0, math.log(length)] for length in costs], dtype=torch.float64)
    logs = torch.tensor([[math.log(cost)] for cost in costs.values()], dtype=torch.float64)
    return torch.linalg.lstsq(rows, logs).solution[1].item()


def test_the_error_of_an_exponent_by_hand():
    # Logarithms 0, 1, 2 against 0, 1, 2 with the middle raised by 0.3: slope 1, residual 0.06, S_xx 2.
    found = fit({1: 1e-9, **{round(1000 * 2**x): 2**y for x, y in ((0, 0.0), (1, 1.3), (2, 2.0))}})
    assert_close(found.exponent, 1.0, within=1e-9)
    assert_close(found.error, math.sqrt(0.06 / 2), within=1e-9)


def test_too_few_lengths_and_costs_of_nothing_give_no_line():
    assert fit({128: 1.0, 256: 4.0, 512: 16.0}) is None
    with pytest.raises(ValueError, match="above 0; got 0"):
        fit({128: 0.0, 256: 1.0})


def points(found):
    return {point.key: point for point in found if isinstance(point, Point)}


def test_methods_take_turns_and_every_point_has_its_rounds():
    found = list(measure(SMALL, 128, AMPLE, generator()))
    first = [(point.method, point.backward) for point in found if point.tokens == 128]
    turn = list(itertools.product(METHODS, (False, True)))
    assert first == turn * ROUNDS
    done = points(found)
    assert {key[2] for key in done if key[0] == "eager"} == {128}
    assert (
        {key[2] for key in done if key[0] == "linear"} == set(lengths(METHODS["linear"], 128)) == {128, 256, 512, 1024}
    )
    assert set(done) == set(Setup(SMALL, 128).keys)
    for point in done.values():
        assert len(point.rounds) == ROUNDS
        assert 0 < point.spread[0] <= point.seconds <= point.spread[1]
        assert point.peak >= 3 * SMALL.row(point.tokens)
    assert done["eager", False, 128].kept == SMALL.plane(128) + SMALL.row(128)
    assert done["recording", False, 128].kept >= 4 * SMALL.row(128)


def test_what_is_there_is_not_measured_again():
    done = points(itertools.islice(measure(SMALL, 128, AMPLE, generator()), 10 * ROUNDS))
    left = points(measure(SMALL, 128, AMPLE, generator(), done))
    assert {key[2] for key in left} == {256, 512, 1024}


def test_a_length_that_does_not_fit_is_refused_in_a_sentence():
    eager = METHODS["eager"]
    free = round(eager.peak(SMALL, 512, False) / SHARE) - 1
    found = list(measure(SMALL, 512, Allowance(600.0, free), generator()))
    refused = {(each.method, each.backward): each for each in found if isinstance(each, Refusal)}
    assert refused["eager", False].tokens == 512
    assert refused["eager", False].reason.startswith("512 tokens would need 6.")
    assert "of memory, and 6." in refused["eager", False].reason
    assert refused["eager", True].tokens <= 512
    assert ("eager", False, 256) in points(found)
    assert ("eager", False, 512) not in points(found)
    assert ("SDPA", False, 512) in points(found)


def test_a_length_that_takes_too_long_is_refused_before_it_is_run():
    slow = Point("SDPA", False, 128, 1, 1, rounds=(100.0,) * ROUNDS)
    found = list(measure(SMALL, 256, Allowance(1000.0, AMPLE.free), generator(), {slow.key: slow}))
    (refused,) = [each for each in found if isinstance(each, Refusal)]
    assert (refused.method, refused.tokens) == ("SDPA", 256)
    # What is left depends on what the lengths before it took.
    assert re.match(r"256 tokens would take about 2400 s more, and (1000|9\d\d) s are left", refused.reason)


def test_a_measurement_ends_when_its_time_is_up():
    found = list(measure(SMALL, 4096, Allowance(0.0, AMPLE.free), generator()))
    assert points(found) == {}
    assert "the time was up, after 0 of 5 rounds" in found[-1].reason


def test_an_intensity_and_a_roof_by_hand():
    # Eager, long texts: 4 N^2 d operations for 6 N^2 floats of 4 bytes is d / 6; the fused kernel's is N / 4.
    long, d = 1 << 20, SMALL.d_head
    point = Point("eager", False, long, 1, 1, rounds=(2.0,))
    assert_close(standing(point, SMALL).intensity, d / 6, within=1e-4)
    assert_close(standing(replace(point, method="SDPA"), SMALL).intensity, long / 4, within=1e-6)
    assert standing(point, SMALL).rate == 4 * 3 * long**2 * d / 2.0
    machine = Machine(peak=100.0, bandwidth=20.0)
    assert (machine.ridge, machine.roof(2.0), machine.roof(5.0), machine.roof(50.0)) == (5.0, 40.0, 100.0, 100.0)


def test_the_roof_of_this_machine_is_measured(monkeypatch):
    monkeypatch.setitem(roofline.SIDE, "cpu", 64)
    monkeypatch.setitem(roofline.COPIED, "cpu", 1 << 16)
    machine = roofline.machine(SMALL)
    assert 1e7 < machine.peak < 1e14
    assert 1e7 < machine.bandwidth < 1e14


@pytest.mark.slow
def test_a_cancelled_job_keeps_its_points_and_goes_on_where_it_was():
    setup, turn = Setup(Shape(2, 3), 512), threading.Lock()
    job = Measurement(setup, AMPLE.free, turn, None)
    while not job.points and not job.wait(0.01):
        pass
    job.stop()
    assert job.wait(60)
    assert job.points
    assert len(job.points) < len(setup.keys)
    assert job.error is None
    again = Measurement(setup, AMPLE.free, turn, job)
    assert set(again.points) >= set(job.points)
    assert again.wait(120)
    assert set(again.points) == set(setup.keys)
    assert again.share == 1.0
    assert again.machine == job.machine


def test_one_measurement_at_a_time_and_one_for_all_who_ask():
    bench = Bench(most=2)
    first = bench.begin(Setup(Shape(1, 2), 256), AMPLE.free)
    assert bench.begin(Setup(Shape(1, 2), 256), AMPLE.free) is first
    second = bench.begin(Setup(Shape(1, 3), 256), AMPLE.free)
    assert first.running
    assert second.begun is None
    assert second.doing.startswith("Waiting")
    second.stop()
    assert second.wait(10)
    assert second.points == {}
    third = bench.begin(Setup(Shape(1, 5), 256), AMPLE.free)
    assert bench.job(first.setup) is None
    assert first.stopped
    third.stop()
    assert first.wait(60)
    assert third.wait(60)


def test_known_models_have_the_parameters_that_the_formula_says():
    llama = hf.LlamaConfig(
        hidden_size=4096,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        intermediate_size=14_336,
        vocab_size=128_256,
        tie_word_embeddings=False,
    )
    real = {"GPT-2 small": (hf.GPT2LMHeadModel, hf.GPT2Config()), "BERT base": (hf.BertModel, hf.BertConfig())}
    real["Llama 3 8B"] = (hf.LlamaForCausalLM, llama)
    numbers = {"GPT-2 small": 124_439_808, "BERT base": 109_482_240, "Llama 3 8B": 8_030_261_248}
    for name, (network, config) in real.items():
        with torch.device("meta"):
            made = network(config)
        counted = sum(parameter.numel() for parameter in made.parameters())
        assert PRESETS[name][0].parameters == counted == numbers[name]


def test_a_plan_by_hand():
    llama = Plan(LLAMA, 8192, 1, "bfloat16", 1)
    assert llama.token_cache == 2 * 32 * 8 * 128 * 2 == 128 * 1024
    assert llama.cache == 1 << 30
    assert llama.weights == 2 * 8_030_261_248
    gpt2 = Plan(PRESETS["GPT-2 small"][0], 1024, 1, "float32", 1)
    assert gpt2.maps == 603_979_776
    assert gpt2.recording == 12 * 3 * 768 * 1024 * 4
    assert gpt2.head == 8 * 4 * 1024 * 1024
    assert replace(gpt2, batch=3).cache == 3 * gpt2.cache
    # Eight key-value heads on 16 GPUs: half of those keep a copy.
    spread = replace(llama, gpus=16)
    assert spread.on_each_gpu == llama.weights // 16 + llama.cache // 8


@pytest.mark.parametrize(
    ("network", "architecture"),
    [
        (
            hf.GPT2LMHeadModel(hf.GPT2Config(n_embd=21, n_layer=2, n_head=3, n_inner=11, vocab_size=13)),
            plans.Architecture(2, 3, 3, 7, 11, 13, positions=1024),
        ),
        (
            hf.LlamaForCausalLM(
                hf.LlamaConfig(
                    hidden_size=24,
                    num_hidden_layers=2,
                    num_attention_heads=6,
                    num_key_value_heads=2,
                    intermediate_size=11,
                    vocab_size=13,
                    tie_word_embeddings=False,
                )
            ),
            plans.Architecture(2, 6, 2, 4, 11, 13, gated=True, biases=False, tied=False),
        ),
    ],
)
def test_operations_of_a_forward_pass_are_those_that_are_counted(network, architecture):
    model, tokens = Model.wrap(network), 17
    assert plans.of(model) == architecture
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.ones(2, tokens, dtype=torch.long), use_cache=False)
    plan = Plan(architecture, tokens, 2, "float32", 1)
    # Llama's rotary positions are an outer product: two operations for each pair of dimensions.
    rotary = 2 * 2 * tokens if architecture.gated else 0
    assert counter.get_total_flops() - plan.flops in (0, rotary, rotary // 2)
    assert plan.parameters == plans.counted(model)
    assert_close(
        plan.attention_flops / plan.flops, replace(plan, batch=5).attention_flops / replace(plan, batch=5).flops
    )


def test_at_the_crossover_attention_is_half_of_the_work():
    made = PRESETS["GPT-2 small"][0]
    plan = Plan(made, made.crossover, 1, "float32", 1)
    assert_close(plan.attention_flops / plan.flops, 0.5, within=1e-3)


def test_what_this_app_keeps_is_what_its_budget_says(minilm):
    plan = Plan(plans.of(minilm), 128, 1, "float32", 1, plans.counted(minilm))
    predicted = budget(minilm, 128)
    assert (plan.recording, plan.head) == (predicted.recording, predicted.head)
    assert plan.weights == minilm.size
    assert plan.architecture.parameters == plan.counted


def test_heads_that_cannot_be_shared_are_refused():
    with pytest.raises(ValueError, match="3 key-value heads cannot be shared evenly by 8 heads"):
        replace(LLAMA, heads=8, key_heads=3)


def test_numbers_in_words():
    assert [figures.short(n) for n in (0, 7, 999, 124_439_808, 8_030_261_248)] == ["0", "7", "999", "124M", "8.03B"]
    assert figures.short(29.4e9, "FLOP/s") == "29.4 GFLOP/s"
    assert [figures.duration(s) for s in (2.1, 1.3e-3, 42e-6)] == ["2.1 s", "1.3 ms", "42 µs"]
    assert "<b>&lt;i&gt;</b>" in figures.numbers([("a", "<i>", "b")])
