"""Corpora that are generated: where word order decides, the sentiment specimen's sentences, and words that come again.

In the "hard" corpus the label is a coin that is tossed after the words are chosen: it decides their order alone. So no
bag of words says anything about the label, however large the corpus and whatever the model on top of it.

    contrast      The soup was good, but the waiter was rude.      The waiter was rude, but the soup was good.
    correction    The film was dull, not lovely.                   The film was lovely, not dull.
    scope         Anna was not in Rome, and the hotel was bad.     Anna was in Rome, and the hotel was not bad.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence

from selfattn.training.data.corpora import Corpus
from selfattn.training.data.language import lexicon
from selfattn.training.data.language.lexicon import lines
from selfattn.training.data.language.templates import SLICES
from selfattn.training.specimens import sentiment

GENERATED = {
    "hard": "Negation and contrast: the same words carry both labels, and their order alone decides.",
    "sentiment": "Opinions, plain, negated, intensified and contrasted: what the sentiment specimen learned from.",
    "repeats": "Random words of which a stretch comes again: what induction heads form on.",
}
MOST = 1_000_000
LABELS = ("negative", "positive")
# Words of a sign, and of a kind that has none: few enough that each is met often in a few thousand sentences.
KNOWN, COMMON = 12, 40
STRETCH = (4, 12)  # words that come again

_NEUTRAL: Mapping[str, Sequence[str]] = {
    "frame": lines("{core} | {core} | {core} | {opening}, {core} | {core}, {aside}"),
    "opening": lines("overall | all in all | in short | to be honest | for me | frankly | this time | well | you know"),
    "aside": lines("if you ask me | I think | in my opinion | as I said | to be honest | so far | you know"),
    "thing": lines("the {noun} | the {noun} | this {noun} | my {noun} | our {noun} | the {food} | {name}'s {noun}"),
    "person": lines("the {people} | our {people} | {name} | my {relative} | {name}'s {relative}"),
    "elsewhere": lines("in {place} | at home | with my {relative} | in the {noun} | next to the {noun}"),
    "noun": lexicon.NOUNS[:COMMON],
    "food": lexicon.FOOD[:COMMON],
    "people": lexicon.PEOPLE[:COMMON],
    "relative": lexicon.RELATIVES,
    "name": lexicon.NAMES[:COMMON],
    "place": lexicon.PLACES[:COMMON],
}
_SAID_OF = {"thing": lexicon.ADJECTIVES, "person": lexicon.TRAITS}
_NEGATED = {"is": ("is not", "isn't", "is never"), "was": ("was not", "wasn't", "was never")}
# {ours} is a clause of the label's sign, {other} one of the other sign.
_CONTRASTS = lines("""
    {other}, but {ours} | {other}, yet {ours} | {other}; still, {ours} | {other}. Nevertheless {ours} |
    although {other}, {ours} | even though {other}, {ours} | {ours}, although {other} | {ours}, even though {other} |
    {ours}, never mind that {other} | forget that {other}: {ours}
""")
# {ours} is a word of the label's sign, {other} one of the other sign.
_CORRECTIONS = lines("""
    {it} {is} not {other}, but {ours} | {it} {is} {ours}, not {other} | far from {other}, {it} {is} {ours} |
    {it} {is} anything but {other}, just {ours} | {it} {is} {ours} and by no means {other} |
    {it} {is} {ours} rather than {other} | {name} called {it} {other}, but I say {ours} |
    {it} is no longer {other}, but {ours} now | nobody finds {it} {other}, everybody says {ours} |
    expected to be {other}, {it} {is} {ours}
""")
_SCOPES = lines("{somebody}, and {opinion} | {opinion}, and {somebody} | {somebody}; {opinion} | {opinion}; {somebody}")


def generate(name: str, rows: int, seed: int) -> Corpus:
    """So many texts of a generated corpus, no two alike, with labels as even as they can be.

    The same name, rows and seed give the same texts. Raises ValueError for another name, and for too few or many rows.
    """
    if name not in GENERATED:
        raise ValueError(f"The generated corpora are {', '.join(GENERATED)}; got {name!r}.")
    if not 2 <= rows <= MOST:
        raise ValueError(f"A generated corpus has 2 to {MOST:,} rows; got {rows:,}.")
    randomness = random.Random(seed)
    if name == "repeats":
        return Corpus(name, _distinct(lambda _: repeated(randomness), rows), None, ())
    labels = [row % 2 for row in range(rows)]
    randomness.shuffle(labels)
    draw = arranged if name == "hard" else _opinion
    return Corpus(name, _distinct(lambda row: draw(randomness, labels[row]), rows), labels, LABELS)


def arranged(randomness: random.Random, label: int) -> str:
    """A sentence of the hard corpus. Of the same randomness, both labels are told with the same words."""
    core = randomness.choice((_contrast, _correction, _scope))(randomness, label)
    text = _filled("{frame}", randomness, core=core)
    return text[0].upper() + text[1:] + randomness.choice(("", ".", ".", "!"))


def repeated(randomness: random.Random) -> str:
    """Random words; a stretch of them comes again, so that whoever finds its first occurrence knows what follows."""
    stretch = randomness.sample(lexicon.NOUNS, randomness.randint(*STRETCH))
    before, between = (randomness.choices(lexicon.NOUNS, k=randomness.randint(0, 4)) for _ in range(2))
    return " ".join([*before, *stretch, *between, *stretch])


def _contrast(randomness: random.Random, label: int) -> str:
    """Two clauses that disagree: which of them has the last word?"""
    template = randomness.choice(_CONTRASTS)
    about = randomness.sample(("thing", "thing", "person"), 2)
    good, bad = (_clause(randomness, subject, sign) for subject, sign in zip(about, "+-", strict=True))
    return _filled(template, randomness, **_by_label(label, good, bad))


def _clause(randomness: random.Random, subject: str, sign: str) -> str:
    """What a subject is, or, one time in four, what it is not."""
    verb = randomness.choice(("is", "was"))
    denied = randomness.random() < 0.25
    word = randomness.choice(_known(subject, "+-"[sign == "+"] if denied else sign))
    said = randomness.choice(_NEGATED[verb]) if denied else verb
    return _filled(f"{{{subject}}} {said} {word}", randomness)


def _correction(randomness: random.Random, label: int) -> str:
    """Two words for one thing: which of them is denied?"""
    subject = randomness.choice(("thing", "thing", "person"))
    good, bad = (randomness.choice(_known(subject, sign)) for sign in "+-")
    it = _filled(f"{{{subject}}}", randomness)
    verb = randomness.choice(("is", "was"))
    return _filled(randomness.choice(_CORRECTIONS), randomness, it=it, **{"is": verb}, **_by_label(label, good, bad))


def _scope(randomness: random.Random, label: int) -> str:
    """An opinion and an aside: in which of them does the negation stand?"""
    subject = randomness.choice(("thing", "thing", "person"))
    sign = randomness.randrange(2)
    verb = randomness.choice(("is", "was"))
    told = [verb, randomness.choice(_NEGATED[verb])]
    denied = sign != label
    opinion = _filled(f"{{{subject}}} {told[denied]} {randomness.choice(_known(subject, '-+'[sign]))}", randomness)
    somebody = _filled(f"{{name}} {told[not denied]} {{elsewhere}}", randomness)
    return _filled(randomness.choice(_SCOPES), randomness, opinion=opinion, somebody=somebody)


def _known(subject: str, sign: str) -> list[str]:
    return _SAID_OF[subject][sign][:KNOWN]


def _by_label(label: int, good: str, bad: str) -> dict[str, str]:
    return {"ours": (bad, good)[label], "other": (good, bad)[label]}


def _filled(template: str, randomness: random.Random, **given: str) -> str:
    """The template with what is given, and a choice for each of its other names, all the way down."""

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        return given[name] if name in given else _filled(randomness.choice(_NEUTRAL[name]), randomness, **given)

    return re.sub(r"\{(\w+)\}", fill, template)


def _opinion(randomness: random.Random, label: int) -> str:
    """A sentence of the sentiment specimen's, of any slice."""
    while True:
        sentence = sentiment.draw(randomness, randomness.choice(list(SLICES)))
        if sentence.label == label:
            return sentence.text


def _distinct(draw: Callable[[int], str], rows: int) -> list[str]:
    """A text for each row, drawn again where it has been drawn before: what is held out is new to training."""
    texts: dict[str, None] = {}
    while len(texts) < rows:
        texts[draw(len(texts))] = None
    return list(texts)
