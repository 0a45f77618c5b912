"""The specimen whose heads learned to copy: a causal language model of random tokens that come again.

    p p  a b c d e  g  a b c d e      after the second `a` comes `b`, as after the first

Random tokens have no meaning, so all that can be learned is to find the token's earlier occurrence and say what came
after it. Half the sequences draw from few tokens: there one token back is not enough to know which occurrence is meant.

Left to itself the last layer learns the same in all its heads, and silencing one of them changes nothing (Michel et al.
2019). So training ends with one of them alone, which learns to do the whole: what it does, it is needed for.

All along, what every head gives to the tokens of two sentences is written down: `history.safetensors`.
"""

import string
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from selfattn.analysis.interventions.repeats import repeated
from selfattn.models.encoder import SelfAttentionConfig, SelfAttentionForCausalLM
from selfattn.recording.doors import Recorder, install, recording
from selfattn.recording.edits import Ablate
from selfattn.training.fit import fit
from selfattn.training.run import history

SEED = 0
VOCABULARY = 512
STEPS = 2800
ALONE_STEPS = 1200  # with one head of the last layer
ALONE_LEARNING_RATE = 3e-3
PLAIN_STEPS = 1000  # the sudden change comes sooner while every token is drawn from the whole vocabulary
LEARNING_RATE = 4e-3
BATCH = 32
HEADS = 4
MEASURED_ON = 256  # fresh sequences of each length
HALVES = (8, 64)  # the shortest and the longest stretch that comes again
WATCHED = (
    "the cat sat on the mat because the cat sat on the mat",
    "the queen gave the king a gold star and the queen gave the king a gold star",
)
# Forty steps of the whole training, and every twentieth while looking back is learned.
RECORDED = {*history.steps_to_record(STEPS + ALONE_STEPS, 40), *range(600, 1000, 20), STEPS}

# Most important first: a word near the front surely becomes one token.
WORDS = """
the and a in is it you that he was for on with as his they I at one have this from or by not but what we can out all
were when up an she do their if will then them would like so her see him two has more day no because cat sat mat dog
hat queen king proud read book house door old man red blue green gold black white night light sun star sea river rain
milk bread three four time story said my good gave tree home first again made know walk sister brother open small cup
tea sing
"""


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE in which each of WORDS is one token, and any text at all is some tokens.

    Every word starts with a space inside, also the first of a text; offsets point at the word without it.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Strip(left=True, right=False)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["[PAD]"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words = [*string.ascii_letters, *string.digits, *WORDS.split()]
    tokenizer.train_from_iterator((" ".join(words[:count]) for count in range(1, len(words) + 1)), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        model_max_length=512,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


def batches(generator: torch.Generator, plain: int = 0) -> Iterator[dict[str, Tensor]]:
    """Batches without end, one shape each; half have no prefix, half no gap. Only what can be known is a label.

    The first `plain` draw from the whole vocabulary, of the others every second one.
    """

    def integer(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=generator))

    step = 0
    while True:
        half, prefix, gap = integer(*HALVES), integer(0, 1) * integer(1, 16), integer(0, 1) * integer(1, 4)
        choices = None if step < plain or step % 2 == 0 else integer(half, 4 * half)
        ids = repeated(BATCH, half, generator, vocabulary=VOCABULARY, prefix=prefix, gap=gap, choices=choices)
        labels = ids.clone()
        labels[:, : 1 - half] = -100
        yield {"input_ids": ids, "labels": labels}
        step += 1


def alone(
    network: SelfAttentionForCausalLM, head: int, batches: Iterator[dict[str, Tensor]]
) -> Iterator[dict[str, Tensor]]:
    """The same batches, with the other heads of the last layer cut off before each."""
    for batch in batches:
        cut_off(network, head)
        yield batch


def looked_at(
    batches: Iterator[dict[str, Tensor]], look: Callable[[int], None], done: int
) -> Iterator[dict[str, Tensor]]:
    """The same batches; before each, `look` is called with the number of steps that the network has taken."""
    for step, batch in enumerate(batches, start=done):
        look(step)
        yield batch


@torch.no_grad()
def cut_off(network: SelfAttentionForCausalLM, head: int) -> None:
    """Zero what all heads but `head` of the last layer write."""
    output: Tensor = network.encoder.blocks[-1].get_parameter("attention.output.weight")
    output.view(len(output), HEADS, -1)[:, torch.arange(HEADS) != head] = 0.0


@dataclass(frozen=True)
class Measured:
    """On sequences of `half` random tokens repeated once: the accuracy, and each (layer, head)'s scores.

    `silenced` is the accuracy without that head: its context is zero.
    """

    half: int
    accuracy: float
    silenced: Tensor
    previous_token: Tensor
    induction: Tensor
    uniform_previous_token: float
    uniform_induction: float


@torch.no_grad()
def measure(
    network: SelfAttentionForCausalLM, half: int, generator: torch.Generator, count: int = MEASURED_ON
) -> Measured:
    """Measure a network after `install(network)`; accuracy is on the second to the last token of the second half."""
    ids = repeated(count, half, generator, vocabulary=VOCABULARY)

    def accuracy(recorder: Recorder) -> float:
        with recording(recorder):
            guesses = network(ids).logits[:, half:-1].argmax(-1)
        return (guesses == ids[:, half + 1 :]).float().mean().item()

    recorder = Recorder(names={})
    whole = accuracy(recorder)
    heads, layers = range(HEADS), range(len(recorder.calls))
    silenced = [[accuracy(Recorder({}, [Ablate("zero", layers={i}, heads={j})])) for j in heads] for i in layers]
    weights = torch.stack(
        [
            torch.stack([torch.stack([call.stages(head, batch=i).weights for head in heads]) for i in range(count)])
            for call in recorder.calls
        ]
    )  # (layer, batch, head, query, key)
    even = 1 / torch.arange(1, 2 * half + 1)
    return Measured(
        half=half,
        accuracy=whole,
        silenced=torch.tensor(silenced),
        previous_token=weights.diagonal(-1, -2, -1).mean((1, 3)),
        induction=weights.diagonal(1 - half, -2, -1)[..., 1:].mean((1, 3)),
        uniform_previous_token=even[1:].mean().item(),
        uniform_induction=even[half:].mean().item(),
    )


CARD = """\
---
license: mit
library_name: transformers
tags: [selfattn, induction]
---
# induction: a small language model whose heads learned to copy

A causal language model: {layers} layers of {heads} heads, d_model {d_model}, d_k {d_k}, rotary positions,
{parameters:,} parameters.
It knows no language: it reads a text, and where a stretch of it comes again, predicts what came next the first time.
Two kinds of heads do this together. A *previous-token* head in the first layer writes beside each token which token
stood before it; *induction* heads in the second look for the token whose predecessor is the token at hand, and copy it
(Elhage et al. 2021; Olsson et al. 2022).

## Measured

Fresh sequences of random tokens repeated once, {count} of each length; L is the length of one half.
Accuracy: the share of the second to the last token of the second half predicted right; guessing gives {chance:.4f}.
Silenced: the accuracy without the best induction head, and the mean and spread without each of the other heads alone.
Previous token: mean A[i, i-1]. Induction: mean over the queries of the second half of the weight on key i - L + 1.
Heads are layer.head, from 0; beside each score is that of a head with even weight on all keys that it may see.

| L | accuracy | best previous-token head | uniform | best induction head | uniform | silenced | another silenced |
|---|---|---|---|---|---|---|---|
{rows}

## Made

`python -m selfattn.training.specimens induction`: seed {seed}, {steps} steps of {batch} sequences, then {alone_steps}
with one head of the second layer alone; {seconds:.0f} s.
AdamW, learning rate {learning_rate}, then {alone_learning_rate} (100 steps of warm-up, then cosine).
Before that end all four heads of the second layer copied, and silencing any one of them changed the accuracy by at
most {redundant:.3f}: the same thing four times (Michel et al. 2019). The best one was kept; what the other three write
is zero in the weights, and they still look where they looked.
`history.safetensors` holds what every head gave to the tokens of two sentences at {recorded} of these steps, and three
patterns of each head: entropy and previous token on these sentences, induction on random tokens repeated
(`selfattn.training.run.history.read`). The best induction head went from {low_induction:.2f} at step {low_step} to
{high_induction:.2f} at step {high_step}.
A sequence is a random stretch of {low} to {high} tokens, twice; half of the batches have 1 to 16 random tokens before,
half 1 to 4 between. The loss is on the repeated stretch from its second token on. After {plain} steps every other
batch draws from few tokens (one to four times its length): there one token back does not say which occurrence
is meant.
Another processor or library version gives slightly other numbers.

The tokenizer is byte-level BPE of {vocabulary} pieces, trained on {words} common English words, each of them one token;
any other text is several. A word's piece holds the space before it, offsets leave it out. Token 0 is [PAD]; nothing is
unknown.

## Limits

- Training saw up to {longest} tokens; in longer texts copying fails (the last row).
- Where nothing comes again its guesses mean nothing.
- Which of several occurrences of a token is meant, it tells by the tokens before it, and not always rightly.
- Weights show where a head read from, not what caused the prediction.
"""


def _best(scores: Tensor) -> str:
    """The head with the largest score, as `layer.head score`."""
    layer, head = divmod(int(scores.argmax()), scores.shape[1])
    return f"{layer}.{head}: {scores.max().item():.3f}"


def _silenced(measured: Measured) -> str:
    """The accuracy without the best induction head, and without one of the others."""
    best = int(measured.induction.argmax())
    others = measured.silenced.flatten()[torch.arange(measured.silenced.numel()) != best]
    return f"{measured.silenced.flatten()[best]:.4f} | {others.mean():.2f} ± {others.std():.2f}"


def rise(scores: Tensor) -> tuple[int, int]:
    """The last place below .1 and the first above .5 of a curve of scores: where a head learned what it does."""
    high = int((scores > 0.5).nonzero()[0])
    return int((scores[:high] < 0.1).nonzero()[-1]), high


def card(
    network: SelfAttentionForCausalLM,
    before: Measured,
    measured: list[Measured],
    seconds: float,
    seen: history.History,
) -> str:
    """The specimen's README: what it is, what was measured, how it was made; `before` is from before one was alone."""
    rows = [
        f"| {m.half} | {m.accuracy:.4f} | {_best(m.previous_token)} | {m.uniform_previous_token:.3f} "
        f"| {_best(m.induction)} | {m.uniform_induction:.3f} | {_silenced(m)} |"
        for m in measured
    ]
    config = network.config
    scores = torch.from_numpy(seen.patterns["induction"]).flatten(1).amax(1)
    low, high = rise(scores)
    return CARD.format(
        recorded=len(seen.steps),
        low_step=seen.steps[low],
        low_induction=scores[low].item(),
        high_step=seen.steps[high],
        high_induction=scores[high].item(),
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        d_model=config.hidden_size,
        d_k=config.hidden_size // config.num_attention_heads,
        parameters=network.num_parameters(),
        count=MEASURED_ON,
        chance=1 / (VOCABULARY - 1),
        rows="\n".join(rows),
        steps=STEPS,
        alone_steps=ALONE_STEPS,
        redundant=(before.accuracy - before.silenced[-1]).max().item(),
        batch=BATCH,
        seconds=seconds,
        seed=SEED,
        learning_rate=LEARNING_RATE,
        alone_learning_rate=ALONE_LEARNING_RATE,
        low=HALVES[0],
        high=HALVES[1],
        plain=PLAIN_STEPS,
        vocabulary=VOCABULARY,
        words=len(WORDS.split()),
        longest=2 * HALVES[1] + 16 + 4,
    )


def make(folder: Path) -> None:
    """Train the specimen from its seed, measure it, and write weights, tokenizer, history and card to `folder`."""
    generator = torch.Generator().manual_seed(SEED)
    torch.manual_seed(SEED)
    tokenizer = make_tokenizer()
    config = SelfAttentionConfig(
        vocab_size=VOCABULARY, num_attention_heads=HEADS, intermediate_size=128, is_causal=True
    )
    network = SelfAttentionForCausalLM(config)
    install(network)
    fresh = torch.Generator().manual_seed(SEED + 1)
    watched = history.watch(tokenizer, WATCHED)
    start = time.perf_counter()
    with TemporaryDirectory() as looks:

        def look(step: int) -> None:
            if step in RECORDED:
                history.write(Path(looks), step, history.snapshot(network, watched), watched)

        first = looked_at(batches(generator, PLAIN_STEPS), look, 0)
        fit(network, first, steps=STEPS, learning_rate=LEARNING_RATE, report=_report)
        before = measure(network, HALVES[0] * 4, fresh)
        kept = int(before.induction[-1].argmax())
        ending = alone(network, kept, looked_at(batches(generator), look, STEPS))
        fit(network, ending, steps=ALONE_STEPS, learning_rate=ALONE_LEARNING_RATE, report=_report)
        cut_off(network, kept)
        look(STEPS + ALONE_STEPS)
        seen = history.read(Path(looks))
    seconds = time.perf_counter() - start
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    last = f"{len(before.induction) - 1}.{kept}"
    said = f"from here on the other heads of its layer are cut off, and head {last} does it alone"
    seen = replace(seen, events={STEPS: said})
    history.save(seen, folder / "history.safetensors")
    measured = [measure(network, half, fresh) for half in (8, 16, 32, 64, 100)]
    (folder / "README.md").write_text(card(network, before, measured, seconds, seen), encoding="utf-8")


def _report(step: int, loss: float) -> None:
    print(f"step {step}: loss {loss:.3f}", flush=True)
