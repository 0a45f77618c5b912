"""What to start from, by what a model was made for: texts, pairs of texts, pictures and sounds that ship with it."""

from pathlib import Path

from selfattn.models.inputs.given import Pair
from selfattn.models.loading.names import names
from selfattn.places import SPECIMENS
from selfattn.ui.shell import yours

EXAMPLES: dict[str, tuple[str | Pair, ...]] = {
    "sentiment": (
        "The plot was dull, but the acting was not bad at all.",
        "The food was hardly good, and the waiter was rude.",
        "Although the room was small, the view was absolutely wonderful.",
        "I would not recommend this phone to anyone.",
    ),
    "induction": (
        "the cat sat on the mat because the cat sat on the",
        "one two three four five one two three four",
        "red green blue yellow red green blue yellow red green",
    ),
    "brackets": (
        "( [ { } [MASK] < > )",
        "( [ ] { ( ) } )",
        "[ ( ) { < > } ( [ ] ) ]",
        "f(a[0], {b: [c, (d)]})",
    ),
    "pairs": (
        Pair("the food was not good", "the food was bad"),
        Pair("the film was not boring", "I hated the film"),
        Pair("nobody liked the waiter", "the waiter was rude"),
    ),
    "dates": (
        "Tuesday, the 2nd of March 2021",
        "the 12th day of June, 1987",
        "We met on Saturday, 1st of May 1999 in Paris.",
        "14 July 1789",
    ),
}
OTHERS = (
    "The animal didn't cross the street because it was too tired.",
    "The keys to the old cabinet are on the table.",
    "She poured water from the bottle into the cup until it was full.",
)
QUESTIONS = (
    Pair("Where are the keys?", "The keys to the old cabinet are on the table in the kitchen."),
    Pair("Who was tired?", "The animal didn't cross the street because it was too tired."),
)
# Specimens whose pictures and sounds any model of their kind can start from.
SHOWN = {"picture": ("digits", "*.png"), "sound": ("tones", "*.wav")}

# What each model that ships shows, in half a line.
SHOWS = {
    "sentiment": "positive or negative, in English",
    "induction": "goes on as it has seen before",
    "dates": "writes a date as 2021-03-02",
    "digits": "reads a picture of a digit",
    "tones": "hears which keys were dialled",
    "brackets": "fills in a bracket",
    "pairs": "the same, or the opposite?",
    "minilm": "a real BERT; two texts, how alike",
    "smollm2": "a real language model, that chats",
}

# The head that a model opens on, where its card names one worth a look: (attention, layer, head).
HEADS = {
    "induction": ("decoder, self", 1, 2),
    "dates": ("decoder, cross", 1, 3),
    "brackets": ("", 1, 0),
    "pairs": ("", 1, 3),
    "tones": ("", 1, 3),
}


def examples(model: str, wants: str = "text") -> tuple[str | Pair, ...]:
    """The texts offered for a model, of its own data where it was trained here; the first is what the app opens on."""
    if model in EXAMPLES:
        return EXAMPLES[model]
    run = yours.run_of(model)
    if run is not None:
        return tuple(dict.fromkeys(run.about["watched"]))
    return QUESTIONS if wants == "pair" else OTHERS


def known(model: str) -> set[str | Pair]:
    """Every text that is offered for this model, or that ships with some: what the reader did not type."""
    shipped = (example for offered in EXAMPLES.values() for example in offered)
    return {*OTHERS, *QUESTIONS, *shipped, *examples(model)}


def files(model: str, wants: str) -> dict[str, Path]:
    """The pictures or sounds offered for a model, by their names."""
    other, pattern = SHOWN[wants]
    own = sorted((names().get(model, SPECIMENS / other) / "examples").glob(pattern))
    return {file.stem: file for file in own or sorted((SPECIMENS / other / "examples").glob(pattern))}
