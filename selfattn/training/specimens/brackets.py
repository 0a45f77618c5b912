"""The specimen that finds partners: a masked language model of brackets.

    ( [ a ] { < > [MASK] )      the kind of the one that is missing stands with its partner, wherever that is

In training the two brackets of a pair are of any two kinds, and each is asked what its partner calls for: neither its
own kind nor a count of kinds helps, so each has to find the one that it belongs to. Gaps of random length keep heads
from learning one distance each.
"""

import random
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from selfattn.models.encoder import SelfAttentionConfig, SelfAttentionForMaskedLM
from selfattn.recording.doors import Recorder, install, recording
from selfattn.training.fit import fit

SEED = 0
STEPS = 9000
LEARNING_RATE = 3e-3
BATCH = 32
LAYERS = 3
HEADS = 4
PAIRS = (1, 8)
DEPTH = 4
LETTERS = 4
MOST_MISSING = 0.15
MEASURED_ON = 200  # held-out sequences of each length
MEASURED_PAIRS = (4, 6, PAIRS[1], 2 * PAIRS[1])

SPECIALS = ("[PAD]", "[CLS]", "[MASK]")
CLS, MASK = 1, 2
# Many kinds: what one of few is could be told from a blur of several places, one of many only from its own.
OPENING, CLOSING = "([{<«‹「『【〈《〔〖⟦⟨⟪⌈⌊⦅❲❴⁅", ")]}>»›」』】〉》〕〗⟧⟩⟫⌉⌋⦆❳❵⁆"
# Token ids: the specials, the opening brackets, the closing ones, every other byte.
OPEN, CLOSE, OTHERS = 3, 3 + len(OPENING), 3 + 2 * len(OPENING)
VOCABULARY = OTHERS + 256 - 8  # four kinds are bytes themselves


@dataclass(frozen=True)
class Nested:
    """Token ids from [CLS] on, the place of each bracket's partner, and how deep each token stands (outermost: 1)."""

    ids: tuple[int, ...]
    partner: dict[int, int]
    depth: tuple[int, ...]


def draw(pairs: int, letters: int, randomness: random.Random, held_out: bool) -> Nested:
    """`pairs` pairs of brackets, nested at random, and `letters` other tokens among them."""
    while True:
        nested = _nest(pairs, letters, randomness)
        if is_held_out(nested.ids) == held_out:
            return nested


def is_held_out(ids: tuple[int, ...]) -> bool:
    """Is this one of the sequences, one in ten, that training never sees?"""
    return zlib.crc32(str(ids).encode()) % 10 == 0


def _nest(pairs: int, letters: int, randomness: random.Random) -> Nested:
    length = 1 + 2 * pairs + letters
    ids = [CLS, *(randomness.randrange(OTHERS, VOCABULARY) for _ in range(length - 1))]
    keenness = randomness.uniform(0.4, 0.9)  # to open one more: some sequences are flat, some deep
    brackets = set(randomness.sample(range(1, length), 2 * pairs))
    partner: dict[int, int] = {}
    depth = []
    unclosed: list[int] = []
    to_open = pairs
    for at in range(length):
        if at not in brackets:
            depth.append(len(unclosed))
        elif not unclosed or (to_open and len(unclosed) < DEPTH and randomness.random() < keenness):
            ids[at] = OPEN + randomness.randrange(len(OPENING))
            unclosed.append(at)
            to_open -= 1
            depth.append(len(unclosed))
        else:
            depth.append(len(unclosed))
            opened = unclosed.pop()
            ids[at] = ids[opened] - OPEN + CLOSE
            partner[at], partner[opened] = opened, at
    return Nested(tuple(ids), partner, tuple(depth))


def corrupt(nested: Nested, randomness: random.Random) -> tuple[list[int], list[int]]:
    """Input ids and labels: the two brackets of a pair are of any two kinds, and some of one side are missing.

    The label of a bracket, missing or not, is the one that fits its partner as it is written there, so what stands
    in its own place says nothing; -100 where the partner is missing, and where no bracket is.
    """
    ids = list(nested.ids)
    labels = [-100] * len(ids)
    side = randomness.choice((OPEN, CLOSE))
    share = randomness.uniform(0, MOST_MISSING)
    for at in nested.partner:
        first = OPEN if ids[at] < CLOSE else CLOSE
        kind = randomness.randrange(len(OPENING))
        ids[at] = MASK if first == side and randomness.random() < share else first + kind
    for at, partner in nested.partner.items():
        if ids[partner] != MASK:
            labels[at] = ids[partner] + (CLOSE - OPEN if ids[partner] < CLOSE else OPEN - CLOSE)
    return ids, labels


def batches(randomness: random.Random) -> Iterator[dict[str, Tensor]]:
    """Batches without end, of one length each; half of them hold brackets alone."""
    while True:
        pairs, letters = randomness.randint(*PAIRS), randomness.randint(0, 1) * randomness.randint(1, LETTERS)
        drawn = [draw(pairs, letters, randomness, held_out=False) for _ in range(BATCH)]
        ids, labels = zip(*(corrupt(nested, randomness) for nested in drawn), strict=True)
        length = len(ids[0])
        apart = length + randomness.randint(0, 2 * length)
        # Gaps that nothing attends to: how far a partner is then says little, so heads for each distance are no use.
        places = torch.tensor([[0, *sorted(randomness.sample(range(1, apart), length - 1))] for _ in range(BATCH)])
        empty = torch.zeros(BATCH, apart, dtype=torch.long)
        yield {
            "input_ids": empty.scatter(1, places, torch.tensor(ids)),
            "attention_mask": empty.scatter(1, places, 1),
            "labels": (empty - 100).scatter(1, places, torch.tensor(labels)),
        }


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Each bracket is a token, and each byte of anything else but space; [CLS] stands before the text."""
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    kinds = [piece for bracket in OPENING + CLOSING for piece, _ in as_bytes.pre_tokenize_str(bracket)]
    pieces = dict.fromkeys([*SPECIALS, *kinds, *sorted(pre_tokenizers.ByteLevel.alphabet())])
    tokenizer = Tokenizer(models.BPE({piece: at for at, piece in enumerate(pieces)}, [], ignore_merges=True))
    tokenizer.add_special_tokens(list(SPECIALS))
    each = pre_tokenizers.Split(Regex(r"\S"), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([each, as_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", CLS)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        cls_token="[CLS]",
        mask_token="[MASK]",
        model_max_length=512,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


@dataclass(frozen=True)
class Measured:
    """On held-out sequences of `pairs` pairs of brackets and nothing else, whole, and with one bracket [MASK].

    Weights on the partner are means over all brackets of the whole sequences, or over the masked ones alone.
    """

    pairs: int
    accuracy: float  # the share of masked brackets that are told, side and kind
    partner: Float[Tensor, "layer head"]
    partner_of_mask: Float[Tensor, "layer head"]
    partner_at_depth: dict[int, Float[Tensor, "layer head"]]
    uniform: float  # the weight of a head that looks everywhere evenly
    adjacent: float  # the share of brackets whose partner is right beside them


@torch.no_grad()
def measure(
    network: SelfAttentionForMaskedLM, pairs: int, randomness: random.Random, *, held_out: bool = True
) -> Measured:
    """Measure a network after `install(network)`."""
    drawn = [draw(pairs, 0, randomness, held_out) for _ in range(MEASURED_ON)]
    every = torch.arange(len(drawn))
    whole = torch.tensor([one.ids for one in drawn])
    brackets = range(1, whole.shape[1])
    partner = torch.tensor([[one.partner[at] for at in brackets] for one in drawn])
    depth = torch.tensor([one.depth[1:] for one in drawn])
    masked_at = torch.tensor([randomness.choice(brackets) for _ in drawn])
    masked = whole.clone()
    masked[every, masked_at] = MASK
    on_partner = _on_partner(network, whole, partner)
    told = network(masked).logits[every, masked_at].argmax(-1)
    return Measured(
        pairs=pairs,
        accuracy=(told == whole[every, masked_at]).float().mean().item(),
        partner=on_partner.mean((-2, -1)),
        partner_of_mask=_on_partner(network, masked, partner)[:, :, every, masked_at - 1].mean(-1),
        partner_at_depth={d: on_partner[:, :, depth == d].mean(-1) for d in depth.unique().tolist()},
        uniform=1 / whole.shape[1],
        adjacent=((partner - torch.arange(1, whole.shape[1])).abs() == 1).float().mean().item(),
    )


def _on_partner(
    network: SelfAttentionForMaskedLM, ids: Tensor, partner: Tensor
) -> Float[Tensor, "layer head sequence bracket"]:
    """How much of its weight each head gives, for each bracket, to the partner."""
    with recording(Recorder(names={})) as recorder:
        network(ids)
    weights = torch.stack(
        [torch.stack([call.weights(batch=at) for at in range(len(ids))], 1) for call in recorder.calls]
    )[..., 1:, :]  # (layer, head, sequence, bracket, token): [CLS] is no bracket
    return weights.gather(-1, partner[..., None].expand(*weights.shape[:-1], 1))[..., 0]


CARD = """\
---
license: mit
library_name: transformers
tags: [selfattn, brackets, masked-lm]
---
# brackets: a small masked language model that finds each bracket's partner

It reads brackets, `( [ ] {{ ( ) }} )`, of {kinds} kinds, with a few letters among them. Write `[MASK]` in the place of
one, and it says which is missing. {layers} layers of {heads} heads, d_model {d_model}, d_k {d_k}, rotary positions,
{parameters:,} parameters.
Which kind is missing stands with the partner alone, so the model learned to find partners, also where nothing is
missing. Nothing but the brackets to be told taught it where to look; there is no loss on attention.

## Measured

On {count} sequences of each length that training never saw (kinds and nesting together; one in ten, by a hash),
brackets alone, at most {depth} deep. Accuracy: the share of single `[MASK]`s told, side and kind, among all
{vocabulary} tokens.
Partner: mean weight of head {best} (layer.head, from 0) on the partner, over all brackets of the sequences with nothing
missing; of `[MASK]`: over the missing ones alone. The head was chosen on sequences that training may have seen.
Uniform is a head that looks everywhere evenly; adjacent is the share of brackets whose partner is right beside them.

| pairs | tokens | accuracy | partner | of `[MASK]` | uniform | adjacent |
|---|---|---|---|---|---|---|
{rows}

The partner's weight by how deep the bracket stands, in sequences of {deep_pairs} pairs:

| depth | weight |
|---|---|
{depths}

## Made

`python -m selfattn.training.specimens brackets`: seed {seed}, {steps} steps of {batch} sequences, {seconds:.0f} s.
AdamW, learning rate {learning_rate} (100 steps of warm-up, then cosine).
A sequence has {fewest} to {most} pairs, nested at random, some flat, some deep, and in half of the batches up to
{letters} other tokens anywhere. The two brackets of a pair are of any two kinds, and of one side, opening or closing,
up to {missing:.0%} are `[MASK]`. Each bracket's label, missing or not, is the one that fits its partner as it is
written there: so neither its own kind nor a count of kinds helps. Gaps of random length stand between the tokens,
hidden by the attention mask: without them other runs learned one head for each distance, and no head for all. With up
to 12 pairs, 6 deep, other runs told 0.89 to 0.98 of the masks, and their best head gave the partner 0.63 to 0.72.

The tokenizer: each bracket is a token, and each byte of anything else but space. Token 0 is [PAD]; nothing is unknown.

## Limits

- Training saw up to {most} pairs, {depth} deep; in longer or deeper texts the head loses its partners (the last row).
- A `[MASK]` looks at its partner less surely than a bracket that is there: its own side and kind are no help.
- Where brackets do not balance its guesses mean nothing. Where kinds do not fit each other, each of the two is told to
  be as the other.
- Weights show where a head read from, not what caused the guess.
"""


def card(network: SelfAttentionForMaskedLM, measured: list[Measured], best: tuple[int, int], seconds: float) -> str:
    """The specimen's README: what it is, what was measured, how it was made."""
    rows = [
        f"| {m.pairs} | {2 * m.pairs + 1} | {m.accuracy:.4f} | {m.partner[best]:.3f} | {m.partner_of_mask[best]:.3f} "
        f"| {m.uniform:.3f} | {m.adjacent:.3f} |"
        for m in measured
    ]
    longest = next(m for m in reversed(measured) if m.pairs <= PAIRS[1])
    config = network.config
    return CARD.format(
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        d_model=config.hidden_size,
        d_k=config.hidden_size // config.num_attention_heads,
        parameters=network.num_parameters(),
        count=MEASURED_ON,
        depth=DEPTH,
        vocabulary=VOCABULARY,
        best="{}.{}".format(*best),
        rows="\n".join(rows),
        deep_pairs=longest.pairs,
        depths="\n".join(f"| {depth} | {on[best]:.3f} |" for depth, on in longest.partner_at_depth.items()),
        seed=SEED,
        steps=STEPS,
        batch=BATCH,
        seconds=seconds,
        learning_rate=LEARNING_RATE,
        fewest=PAIRS[0],
        most=PAIRS[1],
        letters=LETTERS,
        missing=MOST_MISSING,
        kinds=len(OPENING),
    )


def make(folder: Path) -> None:
    """Train the specimen from its seed, measure it, and write weights, tokenizer and card to `folder`."""
    torch.set_num_threads(1)  # matrices as small as these gain nothing from more
    torch.manual_seed(SEED)
    config = SelfAttentionConfig(
        vocab_size=VOCABULARY, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=128
    )
    network = SelfAttentionForMaskedLM(config)
    start = time.perf_counter()
    fit(
        network,
        batches(random.Random(SEED)),
        steps=STEPS,
        learning_rate=LEARNING_RATE,
        report=lambda step, loss: print(f"step {step}: loss {loss:.3f}", flush=True),
    )
    seconds = time.perf_counter() - start
    network.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    install(network)
    chosen_on = measure(network, PAIRS[1], random.Random(SEED + 1), held_out=False).partner
    best = divmod(int(chosen_on.argmax()), HEADS)
    fresh = random.Random(SEED + 2)
    measured = [measure(network, pairs, fresh) for pairs in MEASURED_PAIRS]
    (folder / "README.md").write_text(card(network, measured, best, seconds), encoding="utf-8")
