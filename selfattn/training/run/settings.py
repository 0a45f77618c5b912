"""Every choice that a training run makes, each with one sentence that says what it does."""

from dataclasses import dataclass, field, fields
from typing import Any

from selfattn.models.encoder import POOLINGS, POSITIONS, SIMILARITIES, SelfAttentionConfig

TASKS = ("classification", "next token")
NORMS = ("pre", "post")


def _number(default: float, help: str, least: float, most: float) -> Any:  # noqa: A002
    return field(default=default, metadata={"help": help, "least": least, "most": most})


def _one_of(default: str, help: str, among: tuple[str, ...]) -> Any:  # noqa: A002
    return field(default=default, metadata={"help": help, "among": among})


@dataclass(frozen=True)
class Settings:
    """What is trained, and how. The metadata of a field hold its `help`, and its bounds `least` and `most` or `among`.

    They are what the command line and the page show.
    """

    task: str = _one_of("classification", "Choose a label for each text, or predict each text's next token.", TASKS)
    layers: int = _number(2, "Blocks of attention and feed-forward; more find deeper patterns and take longer.", 1, 24)
    heads: int = _number(
        4,
        "Heads a layer, which look in different ways at once; more leave each a smaller d_k = d_model / heads.",
        1,
        64,
    )
    d_model: int = _number(
        64,
        "Numbers that stand for a token between the layers; more hold more, and take time with their square.",
        2,
        1024,
    )
    d_ff: int = _number(256, "Hidden numbers of the feed-forward part, usually four times d_model.", 1, 8192)
    positions: str = _one_of(
        "rope", "How the order of the tokens comes in; with none the model sees a bag of words.", POSITIONS
    )
    scaling: bool = field(
        default=True,
        metadata={"help": "Divide the scores by √d_k; without it the softmax saturates as d_k grows, and learns less."},
    )
    similarity: str = _one_of(
        "dot", "How a query is compared with a key; dot is the standard and the fastest.", SIMILARITIES
    )
    norm: str = _one_of(
        "pre",
        "The layer norm stands before each part, which trains easily, or after it, as in the paper of 2017.",
        NORMS,
    )
    pooling: str = _one_of(
        "mean",
        "How the tokens become one vector for the label: their mean, the first one, or learned weights.",
        POOLINGS,
    )
    informed: bool = field(
        default=True,
        metadata={
            "help": "A classifier's word vectors begin with how often each word goes with each label; without it all "
            "begins at random."
        },
    )
    attention_dropout: float = _number(
        0.1, "Share of the attention weights that are dropped in each step; more hinders learning by heart.", 0, 0.9
    )
    dropout: float = _number(
        0.2,
        "Share of the numbers between the parts that are dropped in each step; more hinders learning by heart.",
        0,
        0.9,
    )
    vocabulary: int = _number(
        8000, "Entries of the tokenizer trained on the data; more make whole words of rarer ones.", 260, 100_000
    )
    longest: int = _number(
        128, "Tokens that are read of a text; longer ones are cut, and time grows with their square.", 4, 4096
    )
    learning_rate: float = _number(
        3e-3,
        "How far each step goes; too large and the loss jumps or becomes NaN, too small and nothing is learned.",
        1e-7,
        10,
    )
    warm_up: int = _number(
        100,
        "Steps over which the learning rate rises from 0, at most a fifth of all; more calms the start.",
        0,
        100_000,
    )
    word_dropout: float = _number(
        0.8,
        "Chance that a classifier's rarest tokens are hidden in a step, common ones less; more learns less by heart.",
        0,
        1,
    )
    weight_decay: float = _number(
        0.1, "How strongly AdamW pulls the matrices towards 0; more gives a simpler model.", 0, 10
    )
    averaging: float = _number(
        0.98,
        "How slowly the network that is kept follows the one that is trained: their average swings less; 0 keeps the "
        "trained one itself.",
        0,
        0.99999,
    )
    clip: float = _number(
        1.0,
        "Longest gradient that a step may follow; longer ones are shortened, so that no batch can throw it off.",
        1e-3,
        1e3,
    )
    batch: int = _number(32, "Texts that make one step; more give calmer steps, and fewer of them.", 1, 4096)
    epochs: int = _number(10, "How often the data are gone through; more take longer and may learn by heart.", 1, 1000)
    patience: int = _number(
        12,
        "Evaluations (four an epoch) that are no better than the best before it stops early; 0 never stops.",
        0,
        1000,
    )
    held_out: float = _number(
        0.1, "Share of the texts that it is measured on and never trained on, at most 5,000 of them.", 0.01, 0.5
    )
    seed: int = _number(
        0, "Chooses the split, the first weights and the order; the same seed gives the same run.", 0, 2**31
    )

    @property
    def best_by(self) -> str:
        """What makes an evaluation the best so far: of two that are alike in accuracy, it is the smaller loss too."""
        return "held-out loss" if self.task == "next token" else "held-out accuracy"

    def check(self) -> None:
        """Raise ValueError, in one sentence, for a choice that does not exist or does not go with another."""
        for each in fields(self):
            self._check_one(each.name, each.type, getattr(self, each.name), each.metadata)
        if self.d_model % self.heads:
            raise ValueError(
                f"{self.heads} heads do not divide a d_model of {self.d_model}; choose one that is a multiple of them."
            )
        paired = {"rope": self.d_model // self.heads, "sinusoidal": self.d_model}.get(self.positions, 0)
        if paired % 2:
            raise ValueError(f"{self.positions} positions turn pairs of numbers, and {paired} is odd; choose it even.")

    @staticmethod
    def _check_one(name: str, kind: Any, value: Any, known: Any) -> None:
        # A whole number is a number as well; True is none.
        if type(value) is not kind and not (kind is float and type(value) is int):
            said = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}[kind]
            raise ValueError(f"{name} is {said}; got {value!r}.")
        if "among" in known and value not in known["among"]:
            raise ValueError(f"{name} is one of {', '.join(known['among'])}; got {value!r}.")
        if "least" in known and not known["least"] <= value <= known["most"]:
            raise ValueError(f"{name} lies between {known['least']:g} and {known['most']:g}; got {value!r}.")

    def config(self, vocabulary: int, labels: tuple[str, ...], pad: int = 0) -> SelfAttentionConfig:
        """The encoder's config: two labels are one number and its sigmoid, more are a softmax."""
        causal = self.task == "next token"
        named: dict[str, Any] = (
            {}
            if causal
            else {
                "id2label": dict(enumerate(labels)),
                "label2id": {label: at for at, label in enumerate(labels)},
                "sigmoid": len(labels) == 2,
            }
        )
        return SelfAttentionConfig(
            vocab_size=vocabulary,
            hidden_size=self.d_model,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=self.d_ff,
            max_position_embeddings=self.longest,
            positions=self.positions,
            similarity=self.similarity,
            scaling=self.scaling,
            is_causal=causal,
            norm=self.norm,
            pooling=self.pooling,
            attention_dropout=self.attention_dropout,
            dropout=self.dropout,
            # Queries and keys of about unit variance: attention that starts out even takes long to leave it.
            initializer_range=self.d_model**-0.5,
            pad_token_id=pad,
            tie_word_embeddings=causal,
            **named,
        )
