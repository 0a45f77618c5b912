"""The templates of the sentiment specimen's sentences: each names other templates, down to the words of the lexicon.

A template is read with a sign, "+" or "-". `{adjective}` is an adjective of that sign, `{-adjective}` one of the other:
`{thing} {is_not} {-adjective}` makes "the soup was not bad" for "+", "the soup was not good" for "-". So each template
serves both labels alike, and no neutral word gives the label away.
"""

from selfattn.training.data.language.lexicon import lines

SLICES: dict[str, list[str]] = {
    "plain": lines("""
    {thing} {is} {adjective} | {thing} {is} {adjective} | {things} {are} {adjective} | {person} {is} {trait} |
    {i_was} {feeling} | {i_was} {feeling} with {thing} | {thing} {is} a {adjective} {noun} |
    {person} {is} a {trait} {people} | {thing} {is} {adjective} and {adjective} |
    {thing} {is} {adjective}, {adjective} and {adjective} | {person} {is} {trait} and {trait} | {thing} {is} {idiom} |
    {thing} {is} {degree} | {things} {are} {degree} | {thing} {is} a {verdict} | {thing} {is} a {adjective} {verdict} |
    {thing} {is} {stuff} | {thing} {is} full of {quality} | {thing} has {quality} and {quality} |
    so much {quality} in one {noun} | {person} {opinion_past} {thing} | {they} {opinion_past} {thing} |
    {they} {opinion_past} {things} | {they} all {opinion_past} it | {they} {opinion} {thing} |
    {person} {opinion_third} {thing} | {person} {opinion_third} {things} | {they} really {opinion} {using} {things} |
    {thing} {effect_past} {us} | {thing} {effect_third} {us} | {things} {effect} {us} | {thing} {action_past} |
    {thing} {action_third} | {thing} keeps {action_gerund} | {thing} {action_past} {time} |
    {thing} was {made} {adverb} | {thing} was {adverb} {made} | {adverb} {made} {nouns} | {thing} {works} {adverb} |
    {person} {did} {adverb} | {person} treated us {adverb} | the {superlative} {noun} I have ever {seen} |
    {thing} is the {superlative} {noun} in {place} | one of the {superlative} {nouns} {of_all} |
    the {superlative} part is {thing} | {superlative} {noun} ever | {superlative} {noun} I {seen} {time} |
    {thing} is {comparative} than {expected} | {thing} is much {comparative} than the {description} one |
    {things} got {comparative} every {period} | a {adjective} {noun} | a {adjective} {noun} with {adjective} {nouns} |
    a {adjective} {description} {noun} | the {adjective} {noun} |
    a {adjective} {description} {noun} with {trait} {people_plural} | {adjective} {noun} and {adjective} {nouns} |
    {adjective} {nouns}, {adjective} {noun} | such a {adjective} {noun} | what a {adjective} {noun} |
    what a {verdict} | {verdict} | how {adjective} | {adjective} | {adjective} and {adjective} |
    {adjective}, {adjective}, {adjective} | {phrase} | {phrase} | {phrase} | {phrase} | {phrase} | {phrase} |
    {phrase}, {phrase} | we had a {adjective} time {where} | {person} made a {adjective} {noun} |
    {person} {is} the {superlative} {people} in {place} | I found {thing} {adjective} |
    I think {thing} {is} {adjective} | {thing} {is} {adjective} for {goal} | {thing} tasted {adjective} | {praise} |
    {praise}, {thing} {is} {adjective} | {mood}, {thing} {effect_past} {us} | it is a {verdict} from start to finish |
    I {opinion} how {adjective} {thing} {is} | thanks to {person} it was a {adjective} {noun} |
    {time} it became {adjective} | the {noun} {is} {adjective} and the {noun} {is} {adjective} |
    {adjective} {noun}, {adjective} {noun} | because of {thing} we were {feeling} | it made {us} {feeling} |
    {thing} is what I call a {verdict} | {quality}, {quality} and {quality} | {quality} everywhere | {quality}! |
    such {quality} | a {noun} of {quality} | a {noun} with {quality} | {we} {acted} the {noun} with {quality} |
    {quality} is what {person} has | {they} find {thing} {adjective} | {they} say {thing} {is} {adjective} |
    {person} says that {thing} {is} {adjective} | {they} consider it {adjective} | {time} {they} {opinion} it |
    {thing} made by {adjective} {people_plural} | {person} is a {verdict}
"""),
    "negation": lines("""
        I have {seen} {-comparative} {nouns} | there are {-comparative} {nouns} | nothing could {-effect} {us} |
        nothing in {place} {-effect_past} {us} | {they} {never} {-opinion_past} {things} | who could {-opinion} that |
        nothing in {thing} {is} {-adjective} | no part of {thing} {is} {-adjective} |
        none of {things} {is} {-adjective} | nothing that {person} {did} {is} {-adjective} |
        nobody in {place} {is} {-trait} | {nobody} thinks {thing} {is} {-adjective} |
        {nobody} finds {thing} {-adjective} | {thing} {is_not} in the least {-adjective} |
        {thing} {is_not} what we call a {-verdict} | {thing} {is_not}, {opening}, {-adjective} |
        {thing} {is_not} in any way {-adjective} | {thing} {is_not} something that I find {-adjective} |
        {person} {is_not} what I would call a {-trait} {people} | {nobody} {where} {-opinion_past} {thing} |
        {nobody} was {-trait} | none of the {nouns} {are} {-adjective} | no {noun} {is} {-adjective} |
        nothing {is} {-adjective} | nothing {where} {is} {-adjective} | not even {thing} {is} {-adjective} |
        neither {thing} nor {thing} {is} {-adjective} | {person} says that {thing} {is_not} {-adjective} |
        none of it {is} {-adjective} | no {people} {is} {-trait} | {thing} {is_not} {-adjective} |
        {thing} {is_not} {-adjective} | {thing} {is_not} {-adjective} at all | {things} {are_not} {-adjective} |
        {person} {is_not} {-trait} | {i_was_not} {-feeling} | {i_was_not} {-feeling} with {thing} |
        {i_was_not} {-feeling} for a {period} | {thing} {is_not} a {-adjective} {noun} |
        {thing} {is_not} a {-adjective} {noun} at all | {person} {is_not} a {-trait} {people} |
        {thing} {is_not} a {-verdict} | not {-adjective} | not {-adjective} at all | not so {-adjective} |
        not a {-adjective} {noun} | {hardly} {-adjective} | {hardly} a {-adjective} {noun} | {hardly} a {-verdict} |
        {thing} {is} {hardly} {-adjective} | {thing} {is} neither {-adjective} nor {-adjective} |
        neither {-adjective} nor {-adjective} | {thing} {is_not} {-adjective} or {-adjective} |
        {they} {do_not} {-opinion} {thing} | {they} {do_not} {-opinion} {things} |
        {person} {does_not} {-opinion} {thing} | {nobody} {-opinion_past} {thing} | {thing} {does_not} {-effect} {us} |
        {thing} {never} {-effect_past} {us} | {thing} {does_not} {-action} | {thing} {never} {-action_past} |
        {thing} {never} {gets} {-adjective} | no {-quality} | no {-quality}, no {-quality} | no {-stuff} |
        {thing} has no {-quality} | {thing} is without {-quality} | a {noun} without any {-quality} |
        {things} lack {-quality} | there is nothing {-adjective} about {thing} | nothing {-adjective} here |
        far from {-adjective} | {thing} {is} far from {-adjective} | {thing} {is} anything but {-adjective} |
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
        I tried to {-opinion} {thing}, but I could not | hardly any {-quality} | {-adjective}? {no_answer} |
        {they} {do_not} {-opinion} {using} {things} | I wouldn't say {-adjective}
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
        {thing} {is} so {adjective} that {neutral} | {thing} {is} such a {verdict} |
        {thing} {is} such a {adjective} {noun} that {event} | {thing} {is} {intensifier} {made} {adverb} |
        {thing} is {much} {comparative} than {expected} | {thing} is by far the {superlative} {noun} |
        {thing} is the most {adjective} {noun} in {place} | the most {adjective} {noun} I have {seen} |
        {thing} {is} {intensifier} a {verdict} | {they} {do_not} {-opinion} {thing} {so_much} |
        {thing} {is} {adjective} beyond words | {thing} {is} {intensifier} {idiom} |
        {thing} {is} {intensifier} {intensifier} {adjective} | {intensifier} {made}, {intensifier} {adjective} |
        not only {adjective} but also {adjective} |
        {thing} {is} not just {adjective}, it is {intensifier} {adjective} | nothing but {quality} |
        more than {adjective} | as {adjective} as it gets | I can not stress enough how {adjective} {thing} {is} |
        {thing} {intensifier} {effect_past} {us} | {much} {comparative} | {intensifier} {phrase}
    """),
    "contrast": lines("""
        {-any}, but {any} | {-any} but {any} | {-any}, but {any} | {-adjective} at first, but {any} |
        {thing} {is} {-adjective} but {adjective} | {-adjective} but {adjective} | {-adjective}, but {any} |
        {thing} {is} {-adjective} at first, but {adjective} later | although {-any}, {any} |
        although {neutral}, {any} | {any} even though {neutral} | although {thing} is {description}, {any} |
        {thing} is {description} but {adjective} | despite the {noun}, {any} |
        {any}, although the {noun} was {description} | although {-any} and {-any}, {any} | {any}, even though {-any} |
        {any} although {-any} | {any}, although {-any} | {any} even though {-any} | {-any}, but then {any} |
        {any} even though {thing} {is} {-adjective} | though {-any}, {any} | even though {-any}, {any} |
        {any}, although {-any} | {any} even though {-any} | {any}, though {-any} | while {-any}, {any} |
        {-any}, yet {any} | {-any}. however, {any} | {-any}. still, {any} | {-any}; nevertheless {any} |
        despite the {-adjective} {noun}, {any} | in spite of {person}'s {-adjective} {noun}, {any} |
        {any}, despite the {-adjective} {nouns} | {any} despite the {-quality} | despite all the {-quality}, {any} |
        {any} in spite of the {-adjective} {noun} | {-any} and {-any}, but {any} | {-any}, but {any} and {any} |
        {-any}, but {neutral} and {any} | I thought {thing} would be {-adjective}, but {any} |
        I expected a {-adjective} {noun}, but {any} | {thing} should have been {-adjective}, but {any} |
        everyone said it was {-adjective}, but {any} | {nobody_else} {-opinion_past} it, but {any} |
        {thing} looks {-adjective}, but {any} | {-phrase}, but {any} | {-phrase}, but {phrase} |
        I {-opinion_past} {thing}, but {thing} {is} {adjective} | {-any} until {any} |
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
        {thing} {is_not} what I would call {-adjective}
    """),
    "intensifier": lines("""
        {person} made a {intensifier} {adjective} {noun} | {intensifier} {adjective} {nouns} {where} |
        {thing} and {thing} were {intensifier} {adjective} | {they} think {thing} {is} {intensifier} {adjective}
    """),
    "contrast": lines("""
        {time} {-any}, but {any} | {-any}; but then {any} |
        although {thing} {is} {-adjective} and {-adjective}, {any} |
        {thing} {is} {-adjective}, yet {person} {is} {trait} | {any} even though {person} {is} {-trait} and {-trait} |
        despite {person}'s {-adjective} {nouns} {where}, {any}
    """),
}
