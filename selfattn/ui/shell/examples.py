"""What to start from, by what a model was made for: texts, pairs of texts, pictures and sounds that ship with it."""

from collections.abc import Callable
from functools import partial

from selfattn.figures.scenes import SCENES, scene
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
# Of the pictures that are drawn here: what is asked about them, and what is said of them.
ABOUT_PICTURES = ("What is in the picture?", "Where is the sun?", "Which shape is left of the blue square?")
CAPTIONS = ("a house and a tree under the sun", "a red circle beside a blue square", "a photo of a cat")
FILES = {"picture": "*.png", "sound": "*.wav"}
# The specimen whose sounds any model of sounds can start from.
HEARD = "tones"

# What each model that ships shows, as short as the closed list is wide.
SHOWS = {
    "sentiment": "positive or negative?",
    "induction": "goes on as before",
    "dates": "writes a date as 2021-03-02",
    "digits": "reads a drawn digit",
    "tones": "hears dialled keys",
    "brackets": "fills in a bracket",
    "pairs": "the same or opposite?",
    "minilm": "how alike are two texts?",
    "smollm2": "a language model",
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
    of_kind: dict[str, tuple[str | Pair, ...]] = {"pair": QUESTIONS, "illustrated": ABOUT_PICTURES, "caption": CAPTIONS}
    return of_kind.get(wants, OTHERS)


def known(model: str) -> set[str | Pair]:
    """Every text that is offered for this model, or that ships with some: what the reader did not type."""
    shipped = (example for offered in EXAMPLES.values() for example in offered)
    return {*OTHERS, *QUESTIONS, *ABOUT_PICTURES, *CAPTIONS, *shipped, *examples(model)}


def files(model: str, wants: str) -> dict[str, Callable[[], bytes]]:
    """What reads the pictures or sounds offered for a model, by their names: its own, else what any can start from."""
    own = sorted((names()[model] / "examples").glob(FILES[wants])) if model in names() else []
    if not own and wants == "picture":
        return {name: partial(scene, name) for name in SCENES}
    found = own or sorted((SPECIMENS / HEARD / "examples").glob(FILES[wants]))
    return {file.stem: file.read_bytes for file in found}
