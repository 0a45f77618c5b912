"""What does recording cost? Time and peak memory beside the plain SDPA forward pass, interleaved in one run.

python -m tests.benchmarks.recording
"""

import copy
import statistics
import time
from collections.abc import Callable

import torch
import transformers as hf
from torch.profiler import ProfilerActivity, profile

from selfattn import Model
from selfattn.recording.doors import Recorder, recording

ROUNDS = 15


def minilm(length: int) -> hf.PreTrainedModel:
    """The size of MiniLM, with positions for any length: time does not depend on the weights."""
    sizes = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
    return hf.BertModel(hf.BertConfig(**sizes, max_position_embeddings=length))


def gpt2(length: int) -> hf.PreTrainedModel:
    """The size of GPT-2 small."""
    return hf.GPT2LMHeadModel(hf.GPT2Config(n_positions=length))


def peak(run: Callable[[], object]) -> int:
    """The most bytes that one run held at once, above what was held before it."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        kept = run()
    held = most = 0
    for event in profiler.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    del kept
    return most


def measure(make: Callable[[int], hf.PreTrainedModel], length: int) -> None:
    plain = make(length).eval()
    model = Model.wrap(copy.deepcopy(plain))
    ids = torch.arange(length)[None] % 1000 + 4

    def run_plain() -> object:
        return plain(ids, use_cache=False)

    def run_recorded() -> object:
        with recording(Recorder(model.names)) as recorder:
            return model.network(ids, use_cache=False), recorder

    times: dict[str, list[float]] = {"plain": [], "recorded": []}
    with torch.inference_mode():
        for round_ in range(ROUNDS + 1):
            for name, run in (("plain", run_plain), ("recorded", run_recorded)):
                start = time.perf_counter()
                run()
                if round_:  # the first is a warm-up
                    times[name].append(time.perf_counter() - start)
        _, recorder = run_recorded()
        kept = sum(t.numel() * t.element_size() for call in recorder.calls for t in (call.query, call.key, call.value))
        plain_peak, recorded_peak = peak(run_plain), peak(run_recorded)
    ratios = [b / a for a, b in zip(times["plain"], times["recorded"], strict=True)]
    best = min(times["recorded"]) / min(times["plain"])
    allowed = 1.2 * plain_peak + kept
    print(
        f"{make.__name__:<8} N = {length:<6} plain {min(times['plain']) * 1e3:7.1f} ms   recorded x{best:.3f} "
        f"(median of pairs x{statistics.median(ratios):.3f})   peak {plain_peak / 1e6:6.1f} -> "
        f"{recorded_peak / 1e6:6.1f} MB, Q, K, V {kept / 1e6:.1f} MB, allowed {allowed / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    for make in (minilm, gpt2):
        for length in (512, 2048):
            measure(make, length)
