"""What the names in a template stand for: other templates, down to the words of the lexicon."""

from collections.abc import Callable, Mapping, Sequence

from selfattn.training.data.language import idioms, lexicon
from selfattn.training.data.language.lexicon import Signed, gerund, lines, past, plural, third_person, words
from selfattn.training.data.language.templates import SLICES

Rules = Mapping[str, Sequence[str] | Signed]


def _formed(words: Signed, form: Callable[[str], str]) -> Signed:
    return {sign: [form(word) for word in of_sign] for sign, of_sign in words.items()}


# Single words that carry sentiment, by the names that templates call them.
WORDS: dict[str, Signed] = {
    "adjective": lexicon.ADJECTIVES,
    "trait": lexicon.TRAITS,
    "feeling": lexicon.FEELINGS,
    "comparative": lexicon.COMPARATIVES,
    "superlative": lexicon.SUPERLATIVES,
    "verdict": lexicon.VERDICTS,
    "stuff": lexicon.STUFF,
    "quality": lexicon.QUALITIES,
    "opinion": lexicon.OPINIONS,
    "opinion_past": _formed(lexicon.OPINIONS, past),
    "opinion_third": _formed(lexicon.OPINIONS, third_person),
    "effect": lexicon.EFFECTS,
    "effect_past": _formed(lexicon.EFFECTS, past),
    "effect_third": _formed(lexicon.EFFECTS, third_person),
    "action": lexicon.ACTIONS,
    "action_past": _formed(lexicon.ACTIONS, past),
    "action_third": _formed(lexicon.ACTIONS, third_person),
    "action_gerund": _formed(lexicon.ACTIONS, gerund),
    "adverb": lexicon.ADVERBS,
}
_NEUTRAL_PAST = [past(verb) for verb in lexicon.VERBS]
_NEUTRAL_GOING = [past(verb) for verb in lexicon.GOINGS]

RULES: Rules = {
    "any": [template for name in ("plain", "plain", "negation", "intensifier") for template in SLICES[name]],
    "framed": lines("""
    {core} {time} | {opening}, {core} | {opening} {core} | {mood}, {core} | {neutral}, and {core} | {neutral}. {core} |
    {neutral} and {core} | {core}. {neutral} | {core}, {neutral} | {core} {aside} | {neutral}, because {core} |
    {neutral}, so {core} | {neutral} when {core} | {core} when {neutral} | {name} said: "{core}" | {core} {emoji} |
    {core}! {emoji} | {emoji} {core} | {neutral}. {neutral}. {core}
"""),
    "joined": lines("""
        {core} and {any} | {any} and {core} | {core}, and {any} | {core}. {any} | {core}, {any} |
        {core}! {any}! {any}! | {neutral}. {any}. {core} | {any}. {any}. {neutral}. {core} |
        {neutral}. {neutral}. {any}, and {core} | {core} because {any} | {core}, so {any} | {core} ({any}) |
        {core} - {any}
    """),
    "opening": lines("""
        honestly | in my opinion | I must say | I think | I think that | I feel that | we all thought | to be fair |
        to be honest | in the end | overall | all in all | so far | well | oh | yes | no | also | frankly |
        if you ask me | I have to admit that | let me tell you | for me | as usual | as always | this time |
        believe me | it turned out that | my {relative} thinks that | the critics say that | everyone says that |
        for once | after all | in short | guess what | I know that | update | what can I say
    """),
    "mood": {
        "+": lines("""
        luckily | happily | fortunately | thankfully | to my delight | to our joy | I am happy to say that
    """),
        "-": lines("""
            sadly | unfortunately | regrettably | alas | to my horror | I am sorry to say that | what a pity
        """),
    },
    "aside": lines("""
        if you ask me | I think | in my opinion | as I said | to say the least | as always | again | though |
        to be honest | for {goal} | in {place} | with my {relative} | from {place} | from {name} |
        after {number} {period}s | from start to finish | at the end | this time | indeed | this year | by {name} |
        today | right now | and so on | so far | I guess | every single time
    """),
    "neutral": lines("""
        {we} {acted} {thing} | {we} {acted} {thing} {time} | {we} {acted} a {noun} in {place} |
        {we} {acted} the {description} {noun} with {person} | {we} {went} {where} | {we} {went} {where} {time} |
        {we} {went} and {went} | {we} went to {place} {time} | {we} flew to {place} | {we} have {number} {nouns} |
        {we} had {food} and {food} | {we} ordered {food} with {food} | {we} paid {number} dollars |
        {we} paid {number} euros for {thing} | the {noun} has {number} {nouns} | the {noun} cost {number} euros |
        the {noun} is {description} | the {noun} was {description} and {description} | the {noun} comes from {place} |
        the {noun} is in the {noun} | there is a {noun} next to the {noun} |
        there were {number} {people_plural} in the {noun} | it was {time} | it is a {description} {noun} from {place} |
        it takes {number} minutes | it lasted {number} hours | {name} is a {people} | {name} is my {relative} |
        {person} is from {place} | {person} comes here {time} | {person} was {doing} {thing} |
        {person} is {number} years old | I am a {people} from {place} | I was {doing} a {noun} |
        my {relative} was with us | {we} did not {act} {thing} | {we} didn't {act} the {noun} |
        {we} have not {acted} it before | {we} had never been to {place} before | {we} did not go alone |
        {we} don't have a {noun} | {nobody} {acted} the {noun} | {nobody} {went} {where} | it was not {time} |
        the {noun} is not {description} | I do not know {person} | {we} will {act} {thing} {time} |
        {we} want to {act} {thing} | {we} decided to {act} {thing} | {we} used to {act} {nouns} |
        {we} started to {act} {thing} | before that {we} {acted} {thing} | then {we} {acted} the {nouns} |
        my {relative} and {name} {acted} {thing} | this is about {thing} | the story is about a {people} in {place} |
        the {noun} tells of a {people} and a {people} | {person} plays a {people} | {person} wrote it {time} |
        {person} bought it for {number} dollars | I got it as a present | I got it from {person} |
        I saw it with my {relative} | I read it on the {noun} | I tried it {time} | we saw {things} |
        I have been {doing} {things} for {number} years
    """),
    "event": lines("""
        {we} {acted} it again | {we} {went} {where} | I told my {relative} | we told everyone | {person} noticed it |
        I called my {relative} | {we} talked about it {time} | I had to {act} it | I wrote this review |
        I still think about it | I could not believe it
    """),
    "thing": lines("""
        it | it | this | that | everything | the {noun} | the {noun} | the {noun} | the {noun} | this {noun} |
        that {noun} | my {noun} | our {noun} | their {noun} | your {noun} | the {food} | my {food} |
        the {description} {noun} | my {description} {noun} | {name}'s {noun} | my {relative}'s {noun} |
        the {noun} in {place} | the {noun} of the {noun} | the {noun} from {place} | the whole {noun} |
        the {noun} here | {place} | the {noun} by {name} | the {noun} I bought | the {noun} we {acted} |
        the {noun} that {name} {acted}
    """),
    "things": lines("""
        the {nouns} | the {nouns} | these {nouns} | those {nouns} | my {nouns} | our {nouns} | all the {nouns} |
        most {nouns} | the {description} {nouns} | {name}'s {nouns} | the {noun} and the {noun} |
        the {nouns} in {place} | they | both {nouns} | the {number} {nouns} | {food} and {food}
    """),
    "person": lines("""
        the {people} | the {people} | our {people} | that {people} | this {people} | {name} | {name} | {name} {name} |
        my {relative} | {name}'s {relative} | he | she | the {description} {people} | the {people} in {place} |
        the {people} at the {noun} | the {people} from {place} | the staff | everyone | somebody
    """),
    "we": lines("""
        I | we | he | she | they | {name} | my {relative} | {name} and I | the {people} | the {people_plural}
    """),
    "they": lines("""
        I | I | I | we | we | they | you | people | my parents | most people | the kids | {name} and I
    """),
    "us": lines("""
        us | me | my {relative} | everyone | the {people} | {name} | the audience | the whole family | them
    """),
    "nobody": lines("""
        nobody | no one | none of us | not one of us | few people | not a single {people} |
        none of the {people_plural}
    """),
    "nobody_else": ["no one else", "nobody else", "none of my friends"],
    "is": lines("""
        is | is | was | was | was | seems | seemed | looks | looked | felt | feels | sounds | sounded | remains |
        became | has been | turned out | will be | proved | used to be | is always | was again | must be | would be
    """),
    "are": lines("""
        are | are | were | were | were | seem | seemed | look | looked | felt | have been | turned out | will be |
        are all
    """),
    "is_not": lines("""
        is not | is not | isn't | isn't | was not | was not | wasn't | wasn't | is never | was never | is hardly |
        was hardly | was scarcely | was barely | is rarely | is seldom | does not seem | doesn't seem | did not look |
        didn't look | doesn't feel | didn't feel | doesn't sound | never seems | was by no means | is in no way |
        has not been | hasn't been | has never been | isn't exactly | wasn't exactly | was not really | isn't really |
        can't be called | cannot be | will never be | won't be | would not be | wouldn't be | is nowhere near |
        does not become
    """),
    "are_not": lines("""
        aren't | weren't | are not | were not | are never | were hardly | don't seem | did not look | have not been |
        won't be | haven't been
    """),
    "i_was": lines("""
        I am | I was | I felt | I'm | I feel | we were | we felt | we are | my {relative} was | {name} felt |
        the {people} was | everyone was | it left me | it left us | they were | I was left
    """),
    "i_was_not": lines("""
        I am not | I was not | I wasn't | I'm not | I don't feel | we were not | we weren't | we never felt |
        I was never | my {relative} was not | my {relative} wasn't | {name} was hardly | nobody was | no one was |
        we aren't
    """),
    "do_not": lines("""
        do not | don't | don't | did not | didn't | could not | couldn't | can not | cannot | can't | would not |
        wouldn't | will not | won't | will never | never | hardly | do not really | don't really | didn't even |
        no longer
    """),
    "does_not": lines("""
        doesn't | didn't | couldn't | can't | won't | wouldn't | never | does not | did not | could not | would not |
        will not | will never | does not even | did not really
    """),
    "hardly": lines("""
        hardly | scarcely | barely | never | rarely | not | not exactly | not really | by no means | in no way
    """),
    "never": lines("""
        never | never | hardly | rarely | hardly ever | scarcely | seldom | almost never | never once | barely
    """),
    "gets": words("gets got felt becomes became looks seems"),
    "no_answer": lines("""
        no | not at all | no way | hardly | not really | not for me | I don't think so | not a bit | never
    """),
    "made": words("""
        made written built designed cooked played acted directed done told filmed shot sung organised prepared
        packed explained drawn planned produced edited served painted decorated constructed
    """),
    "works": words("""
        works worked runs ran performs performed functions sounds plays moves fits handles behaves goes went
    """),
    "work": words("work run perform function sound play move fit go"),
    "did": words("""
        sang acted spoke danced cooked worked played wrote taught drove behaved answered reacted explained listened
        talked painted dressed performed replied handled cleaned
    """),
    "seen": words("""
        seen read heard tasted had visited met watched used bought owned tried played eaten known been
    """),
    "of_all": lines("""
        of the year | of my life | in the world | in town | of all time | I know | in years | in {place} |
        this {period}
    """),
    "expected": lines("""
        I expected | we expected | I hoped | we thought | everyone says | they claim | the trailer suggests |
        my {relative} said | I remembered | before | last time | the others | the first one | {name}'s {noun} |
        the {noun} | advertised | promised | usual | ever | the {description} {noun}
    """),
    "much": lines("much | far | a lot | a bit | way | even | so much | slightly | clearly"),
    "so_much": lines("""
        so much | very much | a lot | at all times | a great deal | to no end | with all my heart | deeply | indeed
    """),
    "a_bit": lines("a bit | a little | kind of | sort of | a tad | somehow | more and more | so very | as usual"),
    "junk": words("plastic rubber sand soap mud dust sawdust ash chalk glue wax chemicals petrol sewage swamp"),
    "goal": lines("""
        children | kids | a family | the whole family | a {people} | the price | the money | beginners | a weekend |
        a rainy day | work | everyone | {people_plural} | a {noun} | my {relative} | me
    """),
    "where": lines("""
        in {place} | in the {noun} | at the {noun} | near the {noun} | with {name} | with my {relative} | at home |
        here | there | to the {noun} | around the {noun} | in town | downtown | abroad
    """),
    "period": words("minute second hour day night week weekend month year evening afternoon morning"),
    "many": ["five", "all the", "ten", "a hundred"],
    "acted": _NEUTRAL_PAST,
    "act": lexicon.VERBS,
    "doing": [gerund(verb) for verb in lexicon.VERBS],
    "using": [gerund(verb) for verb in lexicon.VERBS],
    "went": _NEUTRAL_GOING,
    "noun": lexicon.NOUNS,
    "nouns": [plural(noun) for noun in lexicon.NOUNS + lexicon.FOOD],
    "food": lexicon.FOOD,
    "people": lexicon.PEOPLE,
    "people_plural": [
        third_person(person) for person in lexicon.PEOPLE if not person.endswith(("man", "child", "lady"))
    ],
    "relative": lexicon.RELATIVES,
    "name": lexicon.NAMES,
    "place": lexicon.PLACES,
    "description": lexicon.DESCRIPTIONS,
    "time": lexicon.TIMES,
    "number": lexicon.NUMBERS,
    "intensifier": lexicon.INTENSIFIERS,
    **WORDS,
    "praise": lexicon.PRAISE,
    "emoji": lexicon.EMOJI,
    "idiom": idioms.IDIOMS,
    "phrase": idioms.PHRASES,
    "degree": idioms.DEGREES,
}
