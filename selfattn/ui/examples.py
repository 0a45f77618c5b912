"""Texts to start from, by what a model was made for."""

EXAMPLES = {
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
}
OTHERS = (
    "The animal didn't cross the street because it was too tired.",
    "The keys to the old cabinet are on the table.",
    "She poured water from the bottle into the cup until it was full.",
)

# The head that a model opens on, (layer, head), where its card names one worth a look: the best induction head.
HEADS = {"induction": (1, 2)}


def examples(model: str) -> tuple[str, ...]:
    """The texts offered for a model; the first is what the app opens on."""
    return EXAMPLES.get(model, OTHERS)
