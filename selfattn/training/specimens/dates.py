"""The specimen that translates: an encoder-decoder that rewrites a date as people write it to year-month-day.

    Tuesday, the 2nd of March 2021  ->  2021-03-02

What is written is in another order than what is read, so each digit has one place in the source to come from.
Nothing but the task teaches where the decoder looks; how well its cross-attention aligns is measured afterwards.
"""

import random
import string
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from transformers import BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

from selfattn.recording.doors import Recorder, install, recording
from selfattn.training.fit import fit

SEED = 1
STEPS = 3500
LEARNING_RATE = 3e-3
BATCH = 64
LAYERS = 2  # of the encoder, and of the decoder
HEADS = 4
D_MODEL = 64
LIMIT = 96  # tokens that there are positions for
MEASURED_ON = 1000  # held-out dates

FIRST, LAST = date(1000, 1, 1), date(2999, 12, 31)
FIELDS = {"year": slice(0, 4), "month": slice(5, 7), "day": slice(8, 10)}  # where each stands in 2021-03-02

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
SHORT_MONTHS, SHORT_WEEKDAYS = [month[:3] for month in MONTHS], [weekday[:3] for weekday in WEEKDAYS]
ENDINGS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
ORDINALS = [f"{day}{ENDINGS.get(day, 'th')}" for day in range(1, 32)]
BEFORE = (
    "on",
    "since",
    "until",
    "from",
    "before",
    "after",
    "born on",
    "died on",
    "dated",
    "due on",
    "we met on",
    "it was",
)

# Only what has one reading: no 03/04/2021, no '99.
TEMPLATES = """
{day} {month} {year}
{day} {month}, {year}
{day}. {month} {year}
{day}-{month}-{year}
{month} {day} {year}
{month} {day}, {year}
{month} {ordinal} {year}
{month} {ordinal}, {year}
{month} the {ordinal}, {year}
{ordinal} {month} {year}
{ordinal} of {month} {year}
{ordinal} of {month}, {year}
the {ordinal} of {month} {year}
the {ordinal} of {month}, {year}
the {ordinal} day of {month} in {year}
the {ordinal} day of {month}, {year}
{weekday} {day} {month} {year}
{weekday}, {day} {month} {year}
{weekday}, {month} {day}, {year}
{weekday} {month} {ordinal}, {year}
{weekday}, {ordinal} of {month} {year}
{weekday}, the {ordinal} of {month}, {year}
{weekday} the {ordinal} of {month} {year}
{year} {month} {day}
{year}, {month} {ordinal}
{year}-{month_number}-{two_digits}
{year}/{month_number}/{two_digits}
{two_digits}.{month_number}.{year}
{day}.{month_number}.{year}
{weekday}, {two_digits}.{month_number}.{year}
""".strip().splitlines()


@dataclass(frozen=True)
class Written:
    """A date in a text, the same as year-month-day, and where the text holds each field: (start, end) in characters."""

    text: str
    iso: str
    spans: Mapping[str, tuple[int, int]]


def is_held_out(day: date) -> bool:
    """Is this one of the dates, one in ten, that training sees in no form?"""
    return zlib.crc32(day.isoformat().encode()) % 10 == 0


def draw(randomness: random.Random, held_out: bool) -> Written:
    """A date, written in one of many ways, some with words around it."""
    while True:
        day = date.fromordinal(randomness.randint(FIRST.toordinal(), LAST.toordinal()))
        if is_held_out(day) == held_out:
            return write(day, randomness.choice(TEMPLATES), randomness)


def write(day: date, template: str, randomness: random.Random) -> Written:
    """One date in one of TEMPLATES: names in full or short, words around it or none."""
    months = randomness.choice((MONTHS, MONTHS, SHORT_MONTHS))
    month = months[day.month - 1]
    if months is SHORT_MONTHS:
        month = ("Sept" if month == "Sep" and randomness.random() < 0.5 else month) + randomness.choice(("", "."))
    values = {
        "year": ("year", f"{day.year}"),
        "month": ("month", month),
        "month_number": ("month", f"{day.month:02}"),
        "day": ("day", f"{day.day}"),
        "two_digits": ("day", f"{day.day:02}"),
        "ordinal": ("day", ORDINALS[day.day - 1]),
        "weekday": ("weekday", randomness.choice((WEEKDAYS, SHORT_WEEKDAYS))[day.weekday()]),
    }
    text, spans = _before(randomness), {}
    for words, name, _, _ in string.Formatter().parse(template):
        text += words
        if name is not None:
            field, value = values[name]
            spans[field] = (len(text), len(text) + len(value.rstrip(".")))
            text += value
    return Written(text + _after(randomness), day.isoformat(), spans)


def _before(randomness: random.Random) -> str:
    chance = randomness.random()
    if chance < 0.7:
        return ""
    words = "" if chance < 0.85 else f"{_unheard_of(randomness)} "
    return f"{words}{randomness.choice(BEFORE)} "


def _after(randomness: random.Random) -> str:
    chance = randomness.random()
    if chance < 0.7:
        return ""
    return "." if chance < 0.85 else f" {_unheard_of(randomness)}"


def _unheard_of(randomness: random.Random) -> str:
    """One to three words that are none, so that what stands around a date comes to say nothing."""
    lengths = [randomness.randint(1, 7) for _ in range(randomness.randint(1, 3))]
    return " ".join("".join(randomness.choices(string.ascii_lowercase, k=length)) for length in lengths)


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Names, ordinals and small words are one token each, and so is each digit; any other text is its bytes.

    Capitals mean nothing. Digits are the same tokens in what is read and in what is written.
    """
    small = {word for words in (*TEMPLATES, *BEFORE) for word in words.split() if word.isalpha()}
    names = [*MONTHS, *SHORT_MONTHS, "Sept", *WEEKDAYS, *SHORT_WEEKDAYS, *ORDINALS, *sorted(small)]
    specials = ["[PAD]", "[BOS]", "[EOS]"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = dict.fromkeys([*specials, *alphabet, *map(str.lower, names)])
    tokenizer = Tokenizer(models.BPE({piece: at for at, piece in enumerate(pieces)}, [], ignore_merges=True))
    tokenizer.add_special_tokens(specials)
    tokenizer.normalizer = normalizers.Lowercase()
    words = Regex(r"\d{1,2}(?:st|nd|rd|th)\b|\d|[\p{L}\p{M}]+|[^\s\d\p{L}\p{M}]")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A [EOS]", special_tokens=[("[EOS]", 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        bos_token="[BOS]",
        eos_token="[EOS]",
        model_max_length=LIMIT,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


def make_network(tokenizer: PreTrainedTokenizerFast) -> BartForConditionalGeneration:
    """BART in small, untrained."""
    network = BartForConditionalGeneration(
        BartConfig(
            vocab_size=len(tokenizer),
            max_position_embeddings=LIMIT,
            d_model=D_MODEL,
            encoder_layers=LAYERS,
            decoder_layers=LAYERS,
            encoder_attention_heads=HEADS,
            decoder_attention_heads=HEADS,
            encoder_ffn_dim=2 * D_MODEL,
            decoder_ffn_dim=2 * D_MODEL,
            dropout=0.0,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            decoder_start_token_id=tokenizer.bos_token_id,
            forced_eos_token_id=None,
        )
    )
    network.generation_config.max_new_tokens = 11  # ten symbols and [EOS]
    return network


def encode(tokenizer: PreTrainedTokenizerFast, drawn: list[Written]) -> dict[str, Tensor]:
    """What the network's forward takes; the labels are the ten symbols of each date, and [EOS]."""
    source = tokenizer([one.text for one in drawn], padding=True, return_tensors="pt")
    target = tokenizer([one.iso for one in drawn], return_tensors="pt")
    return {**source, "labels": target["input_ids"]}


def batches(tokenizer: PreTrainedTokenizerFast, randomness: random.Random) -> Iterator[dict[str, Tensor]]:
    """Batches without end, of dates that are not held out."""
    while True:
        yield encode(tokenizer, [draw(randomness, held_out=False) for _ in range(BATCH)])


def sources(tokenizer: PreTrainedTokenizerFast, drawn: list[Written]) -> Bool[Tensor, "date symbol token"]:
    """Which source tokens each of the ten symbols of each date comes from; none for the hyphens.

    A digit that is written as such comes from that token alone, others from every token of their field.
    """
    offsets = tokenizer([one.text for one in drawn], padding=True, return_offsets_mapping=True)["offset_mapping"]
    right = torch.zeros(len(drawn), 10, len(offsets[0]), dtype=torch.bool)
    for at, one in enumerate(drawn):
        for field, symbols in FIELDS.items():
            start, end = one.spans[field]
            tokens = [i for i, (first, last) in enumerate(offsets[at]) if start <= first < last <= end]
            rows = range(10)[symbols]
            for row, token in zip(rows, tokens, strict=True) if len(tokens) == len(rows) else [(rows, tokens)]:
                right[at, row, token] = True
    return right


@dataclass(frozen=True)
class Measured:
    """How a network writes dates, and where its decoder looks as it writes their fields (in the order of FIELDS)."""

    exact: float  # the share of dates that it writes right, greedily
    aligned: Bool[Tensor, "date layer head field"]  # is the most weight of each of the field's rows on a right token?
    weight: Float[Tensor, "layer head field"]  # mean weight on the right tokens
    uniform: Float[Tensor, " field"]  # that of a head with even weight on all tokens

    def best(self) -> list[tuple[int, int]]:
        """For each field the (layer, head) that is aligned for most dates."""
        share = self.aligned.float().mean(0)
        return [divmod(int(at), share.shape[1]) for at in share.flatten(0, 1).argmax(0)]

    def share(self, heads: list[tuple[int, int]]) -> tuple[list[float], float]:
        """The share of dates for which each field is aligned in its head, and that of dates with all three."""
        chosen = torch.stack([self.aligned[:, layer, head, at] for at, (layer, head) in enumerate(heads)], -1)
        return chosen.float().mean(0).tolist(), chosen.all(-1).float().mean().item()


@torch.no_grad()
def measure(
    network: BartForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, drawn: list[Written]
) -> Measured:
    """Measure a network after `install(network)`. A symbol's row is the decoder position that predicts it: the one
    before it, which holds the symbol before (or [BOS])."""
    inputs = encode(tokenizer, drawn)
    labels = inputs.pop("labels")
    written = tokenizer.batch_decode(network.generate(**inputs), skip_special_tokens=True)
    with recording(Recorder({module: path for path, module in network.named_modules()})) as recorder:
        network(**inputs, labels=labels)
    cross = [call for call in recorder.calls if call.kind == "cross"]
    weights = torch.stack(
        [torch.stack([call.weights(slice(0, 10), date) for call in cross]) for date in range(len(drawn))]
    )  # (date, layer, head, symbol, token)
    right = sources(tokenizer, drawn)[:, None, None].expand(weights.shape)
    hit = right.gather(-1, weights.argmax(-1, keepdim=True))[..., 0]
    on_right = (weights * right).sum(-1)
    even = right[:, 0, 0].sum(-1) / inputs["attention_mask"].sum(-1, keepdim=True)
    return Measured(
        exact=sum(one.iso == text for one, text in zip(drawn, written, strict=True)) / len(drawn),
        aligned=torch.stack([hit[..., symbols].all(-1) for symbols in FIELDS.values()], -1),
        weight=torch.stack([on_right[..., symbols].mean((0, -1)) for symbols in FIELDS.values()], -1),
        uniform=torch.stack([even[:, symbols].mean() for symbols in FIELDS.values()]),
    )


CARD = """\
---
license: mit
library_name: transformers
tags: [selfattn, dates, cross-attention]
---
# dates: a small encoder-decoder that rewrites dates, and looks where it reads

`Tuesday, the 2nd of March 2021` becomes `2021-03-02`. BART in small: an encoder and a decoder of {layers} layers, each
with {heads} heads, d_model {d_model}, d_k {d_k}, learned positions, {parameters:,} parameters.
The decoder writes the year first, wherever it stands in the text: its cross-attention has to find each field.
Nothing taught it where to look but the dates themselves; there is no loss on attention.

## How to read its cross-attention

A row predicts the *next* symbol, and is labelled with the one before: the decoder's input is its output, moved right
by one. Row `[BOS]` predicts the first digit of the year, the first row `-` that of the month, the second that of the
day. One column is one token of the text: a name, an ordinal, a digit.

## Measured

On {count} dates that training saw in no form, one in ten by a hash of the date. Written right, greedily, symbol for
symbol: {exact:.4f}.
A field is aligned where in each row that predicts a digit of it, the largest weight is on the right token: for a digit
that is written as such that digit alone, else the one token that stands for the field (`March`, `2nd`). Heads of the
decoder's cross-attention are layer.head, from 0; each was chosen on {chosen_on} dates that training may have seen.

| field | head | dates aligned | mean weight on the right token | uniform |
|---|---|---|---|---|
{rows}

All three fields aligned: {all_three:.4f} of the dates.

## Made

`python -m selfattn.training.specimens dates`: seed {seed}, {steps} steps of {batch} dates, {seconds:.0f} s.
AdamW, learning rate {learning_rate} (100 steps of warm-up, then cosine).
Dates are drawn evenly from {first} to {last}, each in one of {templates} orders, names in full or short, the weekday
the true one, with small words before it or letters that are no words around it at random.
How sharply it aligns depends on seed and length: an earlier run, with another seed, nearly the same data and 2000
steps, wrote 0.995 of 400 dates right, and had all three fields aligned in 0.85 of them.
Another processor or library version gives slightly other numbers.

The tokenizer has {vocabulary} pieces: names of months and days, ordinals and small words, and every byte. Capitals
mean nothing, and nothing is unknown. Token 0 is [PAD]; [BOS] starts what is written, [EOS] ends both sides.

## Limits

- English names, four digits a year ({first} to {last}), the day before the month where both are digits with dots.
  03/04/2021 and '99 have two readings, and are not in its data: what it writes for them means nothing.
- One date a text, at most {limit} tokens, and few words around it. It writes a date for a text that holds none.
- It does not check: for 31 February it writes something.
- Weights show where a head read from, not what caused the symbol.
"""


def card(
    network: BartForConditionalGeneration, measured: Measured, heads: list[tuple[int, int]], seconds: float
) -> str:
    """The specimen's README: what it is, what was measured, how it was made."""
    shares, all_three = measured.share(heads)
    rows = [
        f"| {field} | {layer}.{head} | {shares[at]:.4f} | {measured.weight[layer, head, at]:.3f} "
        f"| {measured.uniform[at]:.3f} |"
        for at, (field, (layer, head)) in enumerate(zip(FIELDS, heads, strict=True))
    ]
    return CARD.format(
        layers=LAYERS,
        heads=HEADS,
        d_model=D_MODEL,
        d_k=D_MODEL // HEADS,
        parameters=network.num_parameters(),
        count=MEASURED_ON,
        chosen_on=MEASURED_ON,
        exact=measured.exact,
        rows="\n".join(rows),
        all_three=all_three,
        seed=SEED,
        steps=STEPS,
        batch=BATCH,
        seconds=seconds,
        learning_rate=LEARNING_RATE,
        first=FIRST.year,
        last=LAST.year,
        templates=len(TEMPLATES),
        vocabulary=network.config.vocab_size,
        limit=LIMIT,
    )


def make(folder: Path) -> None:
    """Train the specimen from its seed, measure it, and write weights, tokenizer and card to `folder`."""
    torch.set_num_threads(1)  # matrices as small as these gain nothing from more
    torch.manual_seed(SEED)
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(folder)  # now: its first use leaves a padding in its file
    network = make_network(tokenizer)
    start = time.perf_counter()
    fit(
        network,
        batches(tokenizer, random.Random(SEED)),
        steps=STEPS,
        learning_rate=LEARNING_RATE,
        report=lambda step, loss: print(f"step {step}: loss {loss:.3f}", flush=True),
    )
    seconds = time.perf_counter() - start
    network.save_pretrained(folder)
    install(network)
    fresh = random.Random(SEED + 1)
    seen, unseen = ([draw(fresh, held_out) for _ in range(MEASURED_ON)] for held_out in (False, True))
    heads = measure(network, tokenizer, seen).best()
    (folder / "README.md").write_text(card(network, measure(network, tokenizer, unseen), heads, seconds), "utf-8")
