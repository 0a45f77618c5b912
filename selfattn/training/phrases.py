"""The templates of the sentiment specimen's sentences: each names other templates, down to the words of the lexicon.

A template is read with a sign, "+" or "-". `{adjective}` is an adjective of that sign, `{-adjective}` one of the other:
`{thing} {is_not} {-adjective}` makes "the soup was not bad" for "+" and "the soup was not good" for "-". So each template
serves both labels alike, and no neutral word gives the label away.
"""

from collections.abc import Callable, Mapping, Sequence

from selfattn.training import idioms, lexicon
from selfattn.training.lexicon import Signed, gerund, lines, past, plural, third_person

Rules = Mapping[str, Sequence[str] | Signed]


def _formed(words: Signed, form: Callable[[str], str]) -> Signed:
    return {sign: [form(word) for word in of_sign] for sign, of_sign in words.items()}


SLICES: dict[str, list[str]] = {
    "plain": lines("""
        {thing} {is} {adjective} | {thing} {is} {adjective} | {things} {are} {adjective} | {person} {is} {trait} |
        {i_was} {feeling} | {i_was} {feeling} with {thing} | {thing} {is} a {adjective} {noun} |
        {person} {is} a {trait} {people} | {thing} {is} {adjective} and {adjective} |
        {thing} {is} {adjective}, {adjective} and {adjective} | {person} {is} {trait} and {trait} | {thing} {is} {idiom} |
        {thing} {is} {degree} | {things} {are} {degree} | {thing} {is} a {verdict} | {thing} {is} a {adjective} {verdict} |
        {thing} {is} {stuff} | {thing} {is} full of {quality} | {thing} has {quality} and {quality} |
        so much {quality} in one {noun} | {person} {opinion_past} {thing} | {they} {opinion} {thing} |
        {person} {opinion_third} {thing} | {person} {opinion_third} {things} | {they} really {opinion} {using} {things} |
        {thing} {effect_past} {us} | {thing} {effect_third} {us} | {things} {effect} {us} | {thing} {action_past} |
        {thing} {action_third} | {thing} keeps {action_gerund} | {thing} {action_past} {time} |
        {thing} was {made} {adverb} | {thing} was {adverb} {made} | {adverb} {made} {nouns} | {thing} {works} {adverb} |
        {person} {did} {adverb} | {person} treated us {adverb} | the {superlative} {noun} I have ever {seen} |
        {thing} is the {superlative} {noun} in {place} | one of the {superlative} {nouns} {of_all} |
        the {superlative} part is {thing} | {superlative} {noun} ever | {superlative} {noun} I {seen} {time} |
        {thing} is {comparative} than {expected} | {thing} is much {comparative} than the {description} one |
        {things} got {comparative} every {period} | a {adjective} {noun} | a {adjective} {noun} with {adjective} {nouns} |
        the {adjective} {noun} | a {adjective} {description} {noun} with {trait} {people_plural} |
        {adjective} {noun} and {adjective} {nouns} | {adjective} {nouns}, {adjective} {noun} | such a {adjective} {noun} |
        what a {adjective} {noun} | what a {verdict} | {verdict} | how {adjective} | {adjective} |
        {adjective} and {adjective} | {adjective}, {adjective}, {adjective} | {phrase} | {phrase} | {phrase} | {phrase} |
        {phrase} | {phrase} | {phrase}, {phrase} | we had a {adjective} time {where} | {person} made a {adjective} {noun} |
        {person} {is} the {superlative} {people} in {place} | I found {thing} {adjective} |
        I think {thing} {is} {adjective} | {thing} {is} {adjective} for {goal} | {thing} tasted {adjective} | {praise} |
        {praise}, {thing} {is} {adjective} | {mood}, {thing} {effect_past} {us} | it is a {verdict} from start to finish |
        I {opinion} how {adjective} {thing} {is} | thanks to {person} it was a {adjective} {noun} |
        {time} it became {adjective} | the {noun} {is} {adjective} and the {noun} {is} {adjective} |
        {adjective} {noun}, {adjective} {noun} | because of {thing} we were {feeling} | it made {us} {feeling} |
        {thing} is what I call a {verdict}
    """),
    "negation": lines("""
        {thing} {is_not} {-adjective} | {thing} {is_not} {-adjective} | {thing} {is_not} {-adjective} at all |
        {things} {are_not} {-adjective} | {person} {is_not} {-trait} | {i_was_not} {-feeling} |
        {i_was_not} {-feeling} with {thing} | {i_was_not} {-feeling} for a {period} |
        {thing} {is_not} a {-adjective} {noun} | {thing} {is_not} a {-adjective} {noun} at all |
        {person} {is_not} a {-trait} {people} | {thing} {is_not} a {-verdict} | not {-adjective} |
        not {-adjective} at all | not so {-adjective} | not a {-adjective} {noun} | {hardly} {-adjective} |
        {hardly} a {-adjective} {noun} | {hardly} a {-verdict} | {thing} {is} {hardly} {-adjective} |
        {thing} {is} neither {-adjective} nor {-adjective} | neither {-adjective} nor {-adjective} |
        {thing} {is_not} {-adjective} or {-adjective} | {they} {do_not} {-opinion} {thing} |
        {they} {do_not} {-opinion} {things} | {person} {does_not} {-opinion} {thing} |
        {nobody} {-opinion_past} {thing} | {thing} {does_not} {-effect} {us} | {thing} {never} {-effect_past} {us} |
        {thing} {does_not} {-action} | {thing} {never} {-action_past} | {thing} {never} {gets} {-adjective} |
        no {-quality} | no {-quality}, no {-quality} | no {-stuff} | {thing} has no {-quality} |
        {thing} is without {-quality} | a {noun} without any {-quality} | {things} lack {-quality} |
        there is nothing {-adjective} about {thing} | nothing {-adjective} here | far from {-adjective} |
        {thing} {is} far from {-adjective} | {thing} {is} anything but {-adjective} |
        nobody would call {thing} {-adjective} | {they} {do_not} think {thing} {is} {-adjective} |
        {they} {do_not} think that {person} {is} {-trait} | I can't say that {thing} {is} {-adjective} |
        {thing} is not the {-superlative} {noun} | {thing} is no {-comparative} than {expected} |
        {thing} could not be {comparative} | {thing} could have been {-comparative} |
        I have never {seen} a {comparative} {noun} | {thing} {is_not} as {-adjective} as {expected} |
        {thing} {is_not} as {-adjective} as {thing} | {thing} {is} less {-adjective} than {expected} |
        {thing} was not {made} {-adverb} | {person} did not treat us {-adverb} | {thing} doesn't {work} {-adverb} |
        no {-adjective} {nouns} | not one {-adjective} {noun} {where} | {thing} failed to {-effect} {us} |
        {thing} refuses to {-action} | not once did {thing} {-effect} {us} |
        they say {thing} {is} {-adjective}; it is not | they call it a {-verdict}; I do not |
        how could anyone {-opinion} {thing} | I don't {-opinion} it and never will |
        I don't see why anyone would {-opinion} {thing} | {thing} stopped being {-adjective} |
        {i_was_not} able to {-opinion} {thing} | there was no {-quality} in {thing} | it has nothing of a {-verdict} |
        {they} {do_not} find {thing} {-adjective} | I never {-opinion_past} {thing} |
        I tried to {-opinion} {thing}, but I could not | hardly any {-quality} | little {-quality} |
        {-adjective}? {no_answer} | {they} {do_not} {-opinion} {using} {things} | I wouldn't say {-adjective}
    """),
    "intensifier": lines("""
        {thing} {is} {intensifier} {adjective} | {thing} {is} {a_bit} {adjective} |
        {things} {are} {a_bit} {adjective} | {a_bit} {adjective} | {person} {is} {a_bit} {trait} |
        {things} {are} {intensifier} {adjective} | {person} {is} {intensifier} {trait} |
        {i_was} {intensifier} {feeling} | {i_was} {intensifier} {feeling} with {thing} |
        {thing} {is} a {intensifier} {adjective} {noun} | a {intensifier} {adjective} {noun} |
        {intensifier} {adjective} | {intensifier} {intensifier} {adjective} | {adjective} {adjective} {adjective} |
        what a {intensifier} {adjective} {noun} | {they} {intensifier} {opinion} {thing} |
        {they} {opinion} {thing} {so_much} | {thing} {effect_past} {us} {so_much} |
        {thing} {is_not} {intensifier} {-adjective} | {person} {is_not} {intensifier} {-trait} |
        {i_was_not} {intensifier} {-feeling} | {thing} {is} so {adjective} that {event} |
        {thing} {is} such a {verdict} | {thing} {is} such a {adjective} {noun} that {event} |
        {thing} {is} {intensifier} {made} {adverb} | {thing} is {much} {comparative} than {expected} |
        {thing} is by far the {superlative} {noun} | {thing} is the most {adjective} {noun} in {place} |
        the most {adjective} {noun} I have {seen} | {thing} {is} {intensifier} a {verdict} |
        {they} {do_not} {-opinion} {thing} {so_much} | {thing} {is} {adjective} beyond words |
        {thing} {is} {intensifier} {idiom} | {thing} {is} {intensifier} {intensifier} {adjective} |
        {intensifier} {made}, {intensifier} {adjective} | not only {adjective} but also {adjective} |
        {thing} {is} not just {adjective}, it is {intensifier} {adjective} | nothing but {quality} |
        more than {adjective} | as {adjective} as it gets | I can not stress enough how {adjective} {thing} {is} |
        {thing} {intensifier} {effect_past} {us} | {much} {comparative} | {intensifier} {phrase}
    """),
    "contrast": lines("""
        {-any}, but {any} | {-any} but {any} | {-any}, but {any} | {-adjective} at first, but {any} |
        {thing} {is} {-adjective} but {adjective} | {-adjective} but {adjective} | {-adjective}, but {any} |
        {thing} {is} {-adjective} at first, but {adjective} later | although {-any}, {any} | though {-any}, {any} |
        even though {-any}, {any} | {any}, although {-any} | {any} even though {-any} | {any}, though {-any} |
        while {-any}, {any} | {-any}, yet {any} | {-any}. however, {any} | {-any}. still, {any} |
        {-any}; nevertheless {any} | despite the {-adjective} {noun}, {any} |
        in spite of {person}'s {-adjective} {noun}, {any} | {any}, despite the {-adjective} {nouns} |
        {any} despite the {-quality} | despite all the {-quality}, {any} | {any} in spite of the {-adjective} {noun} |
        {-any} and {-any}, but {any} | {-any}, but {any} and {any} | {-any}, but {neutral} and {any} |
        I thought {thing} would be {-adjective}, but {any} | I expected a {-adjective} {noun}, but {any} |
        {thing} should have been {-adjective}, but {any} | everyone said it was {-adjective}, but {any} |
        {nobody_else} {-opinion_past} it, but {any} | {thing} looks {-adjective}, but {any} | {-phrase}, but {any} |
        {-phrase}, but {phrase} | I {-opinion_past} {thing}, but {thing} {is} {adjective} | {-any} until {any} |
        {thing} was supposed to be {-adjective}, but {any} | it started {-adverb} but ended {adverb} |
        {thing} {is} {-adjective}, {thing} however {is} {adjective} | apart from the {-adjective} {noun}, {any} |
        {neutral}, but {any} | {any}, but {any}
    """),
}

# Complete templates that training never sees: measured apart.
HELD_OUT: dict[str, list[str]] = {
    "plain": lines("""
    {thing} {is} {adjective} and {person} {is} {trait} | {i_was} {feeling} because {thing} {action_past} |
    we call {thing} a {verdict} | {quality} and {quality}, that is {thing} |
    {person} {opinion_past} the {adjective} {noun} {time} |
    {adjective} {people_plural}, {adjective} {noun}, {adjective} {nouns} | {they} {opinion} this {adjective} {noun}
"""),
    "negation": lines("""
        {person} thinks {thing} {is_not} {-adjective} | {things} {never} {-effect_past} {us} |
        nothing about {thing} {is} {-adjective} | {thing} {is_not} a {-adjective} or {-adjective} {noun} |
        {they} {do_not} {-opinion} the {description} {noun} {where} | there is no {-quality} and no {-quality} here |
        {thing} {is_not} {-idiom}
    """),
    "intensifier": lines("""
        {person} made a {intensifier} {adjective} {noun} | {intensifier} {adjective} {nouns} {where} |
        {thing} and {thing} were {intensifier} {adjective} | {they} think {thing} {is} {intensifier} {adjective}
    """),
    "contrast": lines("""
        {time} {-any}, but {any} | {-any}; but then {any} |
        although {thing} {is} {-adjective} and {-adjective}, {any} |
        {thing} {is} {-adjective}, yet {person} {is} {trait} | {any} even though {thing} {-action_past} and {-any} |
        despite {person}'s {-adjective} {nouns} {where}, {any}
    """),
}
_NEUTRAL_PAST = [past(verb) for verb in lexicon.VERBS]
_NEUTRAL_GOING = [past(verb) for verb in lexicon.GOINGS]

RULES: Rules = {
    "any": [template for name in ("plain", "plain", "negation", "intensifier") for template in SLICES[name]],
    "sentence": lines("""
    {core} | {core} | {core} | {core} | {core} | {core} | {core} | {core} | {core} | {core} | {core} | {core} | {core} | {core} | {core} | {core} | {core} | {core} |  {core} {time} | {opening}, {core} | {opening} {core} |
    {mood}, {core} | {neutral}, and {core} | {neutral}. {core} | {neutral} and {core} | {core}. {neutral} |
    {core}, {neutral} | {core} {aside} | {core} and {any} | {any} and {core} | {core}, and {any} | {core}. {any} |
    {core}, {any} | {core}! {any}! {any}! | {neutral}. {any}. {core} | {any}. {any}. {neutral}. {core} |
    {neutral}. {neutral}. {any}, and {core} | {core} because {any} | {core}, so {any} | {neutral}, because {core} |
    {neutral}, so {core} | {neutral} when {core} | {core} when {neutral} | {name} said: "{core}" | {core} ({any}) |
    {core} - {any} | {core} {emoji} | {core}! {emoji} | {emoji} {core}
"""),
    "opening": lines("""
        honestly | in my opinion | I must say | I think | I think that | I feel that | we all thought | to be fair |
        to be honest | in the end | overall | all in all | so far | well | oh | yes | no | also | frankly |
        if you ask me | I have to admit that | let me tell you | for me | as usual | as always | this time |
        believe me | it turned out that | my {relative} thinks that | the critics say that | everyone says that |
        for once | after all | in short | guess what | I know that | update | what can I say
    """),
    "mood": {
        "+": ["luckily", "happily", "fortunately", "thankfully", "to my delight", "to our joy", "I am happy to say that"],
        "-": ["sadly", "unfortunately", "regrettably", "alas", "to my horror", "I am sorry to say that", "what a pity"],
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
    "we": ["I", "we", "he", "she", "they", "{name}", "my {relative}", "{name} and I", "the {people}", "the {people_plural}"],
    "they": ["I", "I", "I", "we", "we", "they", "you", "people", "my parents", "most people", "the kids", "{name} and I"],
    "us": ["us", "me", "my {relative}", "everyone", "the {people}", "{name}", "the audience", "the whole family", "them"],
    "nobody": ["nobody", "no one", "none of us", "not one of us", "few people", "not a single {people}", "none of the {people_plural}"],
    "nobody_else": ["no one else", "nobody else", "none of my friends"],
    "is": """is is was was was seems seemed looks looked felt feels sounds sounded remains became""".split()
    + ["has been", "turned out", "will be", "proved", "used to be", "is always", "was again", "must be", "would be"],
    "are": "are are were were were seem seemed look looked felt".split() + ["have been", "turned out", "will be", "are all"],
    "is_not": lines("""
        is not | is not | isn't | isn't | was not | was not | wasn't | wasn't | is never | was never | is hardly |
        was hardly | was scarcely | was barely | is rarely | is seldom | does not seem | doesn't seem | did not look |
        didn't look | doesn't feel | didn't feel | doesn't sound | never seems | was by no means | is in no way |
        has not been | hasn't been | has never been | isn't exactly | wasn't exactly | was not really | isn't really |
        can't be called | cannot be | will never be | won't be | would not be | wouldn't be | is nowhere near |
        does not become
    """),
    "are_not": "aren't weren't".split()
    + ["are not", "were not", "are never", "were hardly", "don't seem", "did not look", "have not been", "won't be", "haven't been"],
    "i_was": ["I am", "I was", "I felt", "I'm", "I feel", "we were", "we felt", "we are", "my {relative} was", "{name} felt"]
    + ["the {people} was", "everyone was", "it left me", "it left us", "they were", "I was left"],
    "i_was_not": ["I am not", "I was not", "I wasn't", "I'm not", "I don't feel", "we were not", "we weren't", "we never felt"]
    + ["I was never", "my {relative} was not", "my {relative} wasn't", "{name} was hardly", "nobody was", "no one was", "we aren't"],
    "do_not": lines("""
        do not | don't | don't | did not | didn't | could not | couldn't | can not | cannot | can't | would not |
        wouldn't | will not | won't | will never | never | hardly | do not really | don't really | didn't even |
        no longer
    """),
    "does_not": "doesn't didn't couldn't can't won't wouldn't never".split()
    + ["does not", "did not", "could not", "would not", "will not", "will never", "does not even", "did not really"],
    "hardly": ["hardly", "scarcely", "barely", "never", "rarely", "not", "not exactly", "not really", "by no means", "in no way"],
    "never": ["never", "never", "hardly", "rarely", "hardly ever", "scarcely", "seldom", "almost never", "never once", "barely"],
    "gets": "gets got felt becomes became looks seems".split(),
    "no_answer": ["no", "not at all", "no way", "hardly", "not really", "not for me", "I don't think so", "not a bit", "never"],
    "made": """made written built designed cooked played acted directed done told filmed shot sung organised prepared packed
        explained drawn planned produced edited served painted decorated constructed""".split(),
    "works": "works worked runs ran performs performed functions sounds plays moves fits handles behaves goes went".split(),
    "work": "work run perform function sound play move fit go".split(),
    "did": """sang acted spoke danced cooked worked played wrote taught drove behaved answered reacted explained listened talked
        painted dressed performed replied handled cleaned""".split(),
    "seen": "seen read heard tasted had visited met watched used bought owned tried played eaten known been".split(),
    "of_all": ["of the year", "of my life", "in the world", "in town", "of all time", "I know", "in years", "in {place}", "this {period}"],
    "expected": lines("""
        I expected | we expected | I hoped | we thought | everyone says | they claim | the trailer suggests |
        my {relative} said | I remembered | before | last time | the others | the first one | {name}'s {noun} |
        the {noun} | advertised | promised | usual | ever | the {description} {noun}
    """),
    "much": ["much", "far", "a lot", "a bit", "way", "even", "so much", "slightly", "clearly"],
    "so_much": ["so much", "very much", "a lot", "at all times", "a great deal", "to no end", "with all my heart", "deeply", "indeed"],
    "a_bit": ["a bit", "a little", "kind of", "sort of", "a tad", "somehow", "more and more", "all too", "so very", "as usual"],
    "goal": lines("""
        children | kids | a family | the whole family | a {people} | the price | the money | beginners | a weekend |
        a rainy day | work | everyone | {people_plural} | a {noun} | my {relative} | me
    """),
    "where": lines("""
        in {place} | in the {noun} | at the {noun} | near the {noun} | with {name} | with my {relative} | at home |
        here | there | to the {noun} | around the {noun} | in town | downtown | abroad
    """),
    "period": "minute second hour day night week weekend month year evening afternoon morning".split(),
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
    "people_plural": [third_person(person) for person in lexicon.PEOPLE if not person.endswith(("man", "child", "lady"))],
    "relative": lexicon.RELATIVES,
    "name": lexicon.NAMES,
    "place": lexicon.PLACES,
    "description": lexicon.DESCRIPTIONS,
    "time": lexicon.TIMES,
    "number": lexicon.NUMBERS,
    "intensifier": lexicon.INTENSIFIERS,
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
    "praise": lexicon.PRAISE,
    "emoji": lexicon.EMOJI,
    "idiom": idioms.IDIOMS,
    "phrase": idioms.PHRASES,
    "degree": idioms.DEGREES,
}
