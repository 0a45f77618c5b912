"""Fixed expressions and events that say what the sentiment specimen's writers think, without a word of praise or blame.

`PHRASES` are whole clauses, `IDIOMS` go after "it is", `DEGREES` are too much or not enough of something.
"""

from selfattn.training.data.language.lexicon import Signed, lines, words

IDIOMS: Signed = {
    "+": lines("""
    worth every penny | worth the money | worth the trip | worth the wait | well worth it | worth seeing |
    worth a visit | a must | out of this world | second to none | a cut above the rest | easy to use | easy to read |
    a pleasure to use | good value | money well spent | time well spent | on point | spot on | as good as new |
    in perfect condition | just what we needed | exactly what I wanted | everything I hoped for | full of surprises |
    fit for a king | to die for | one of a kind | hard to beat | like a dream | a step up | top of the class |
    full of life | done with love | my favourite | my favorite {noun} | our favourite {noun} | a breath of fresh air |
    the real deal | a work of art | love at first sight | in good hands | up to the mark | ahead of its time |
    finger licking | a pleasant surprise | better than new
"""),
    "-": lines("""
        a waste of time | a waste of money | a total waste | not worth it | not worth the money | not worth a penny |
        not worth seeing | not worth the wait | not worth the trip | hardly worth a visit | hard to use |
        hard to read | difficult to follow | impossible to use | a pain to use | poor value | money down the drain |
        time badly spent | beyond repair | out of order | past its best | of no use | nothing special |
        nothing to write home about | nothing new | like a bad dream | like watching paint dry | a step back |
        full of holes | falling apart | out of date | all over the place | below average | beneath contempt |
        in poor condition | not what I ordered | not what we wanted | not fit for purpose | a slap in the face |
        my least favourite | the least interesting {noun} | the last thing we needed | as bad as it gets |
        a far cry from the photos | a bitter disappointment | in bad taste | good for nothing | not up to standard |
        not good enough
    """),
}

PHRASES: Signed = {
    "+": lines("""
    I would recommend it to anyone | I recommend {thing} to everyone | we warmly recommend {thing} |
    highly recommended | I would buy it again | I would go back {time} | we will come back | we will be back |
    I will definitely return | we can't wait to return | I can't wait to see it again |
    I could watch it again and again | I could not put it down | I could not stop laughing |
    I can't get enough of {thing} | I can't praise {thing} enough | I can't complain | nothing to complain about |
    no complaints from me | I have no regrets | we had a good laugh | we laughed all the way home |
    we laughed and laughed | I laughed so hard | just the {noun} I needed | exactly what I was looking for |
    there is no better {noun} | {thing} kept us laughing | I laughed a lot | {person} laughed out loud |
    it made me laugh | {person} made us laugh | it made me smile | it made my day | {thing} put a smile on my face |
    my {relative} could not stop smiling | {person} smiled at us | it cheered me up | we were in tears of joy |
    it was love at first sight | {person} fell in love with {thing} | {thing} stole my heart | {thing} won my heart |
    {thing} won many prizes | {thing} won an award | {thing} deserves an award | {thing} deserves every prize |
    {thing} deserves five stars | five stars | ten out of ten | two thumbs up | thumbs up | hats off to {person} |
    well done | good job | good work, {name} | keep up the good work | thank you so much | thank you, {name} |
    many thanks to {person} | I am a big fan | I became a fan | I want more | I want another one |
    we asked for a second portion | {thing} works like a charm | {thing} works as it should |
    {thing} works every time | {thing} does its job | {thing} still works after {number} years |
    {thing} fits like a glove | {thing} lasts for {number} days | {thing} arrived on time | {thing} came early |
    {thing} saved my life | {thing} saved us a lot of time | {thing} changed my life | {thing} lives up to the hype |
    {thing} met all our needs | {thing} exceeded our hopes | {thing} surpassed my expectations |
    {thing} exceeds what I hoped for | {thing} beat all our hopes | {thing} went beyond our wildest hopes |
    {thing} meets every expectation | nothing comes close to {thing} | {thing} beats all the others |
    {thing} has it all | {thing} is better by the day | {thing} gets better and better |
    {thing} gets everything right | {thing} is close to my heart | {thing} grows on you | {thing} melts in your mouth |
    {thing} brought us together | {thing} brings back fond memories | {thing} kept me on the edge of my seat |
    {thing} held my attention until the end | {thing} took my breath away | {thing} blew me away |
    {thing} blew my mind | {thing} rocks | {thing} rules | {person} went out of the way to help |
    {person} went the extra mile | {person} helped us right away | {person} helped me with a smile |
    {person} answered every question | {person} fixed it for free | {person} fixed everything in an hour |
    {person} refunded us at once | {person} gave us a free {noun} | {person} gave me a discount |
    {person} took good care of us | {person} made us feel at home | {person} made us feel welcome |
    {person} knows what to do | {person} always has time for us | {person} kept every promise |
    {person} kept the promise | {person} told the truth | {person} apologised and fixed it | {person} listened to us |
    {person} deserves a raise | we felt at home | we felt safe | we slept like babies | I slept well |
    the time flew by | we did not want it to end | I did not want to leave | I never wanted to leave |
    you will not regret it | you won't regret it | you should try it | you have to see it | you must see {thing} |
    go and see it | do not miss it | don't miss {thing} | everyone should see {thing} | give it a try | buy it |
    I wish I had bought it sooner | I wish we could stay longer | I wish there were more | what more could you want |
    all went well | everything went well | everything went smoothly | everything was in order |
    all is well that ends well | it was worth it | worth it | I got more than I paid for | {person} got the job |
    {person} passed the {noun} | {person} found a friend | {person} won the {noun} | we won | our team won |
    it was over too soon | I bought {number} more | I bought another one for my {relative} | I give it {many} stars |
    the crowd cheered | the audience clapped for {number} minutes | there was a standing ovation | I learned a lot |
    I learned so much | we danced all night | it could not be better | I could not ask for more |
    I could not be more pleased | I have never been happier | nothing could be better | nothing beats it |
    nobody does it better | no one was left hungry | {thing} never let me down | {thing} never lets us down |
    {thing} has no equal | I have nothing but praise for {thing} | I feel much better now | {person} got well soon |
    all my {nouns} survived | everybody had a smile | it sounds like music | it smells like flowers |
    it tastes like home | it feels like home | it looks like new | the sun was shining
"""),
    "-": lines("""
        I would not recommend it to anyone | I can't recommend {thing} to anyone | we do not recommend {thing} |
        not recommended | I would not buy it again | I would never go back {time} | we will not come back |
        we won't be back | I will never return | I won't be returning | never again for us |
        we will go somewhere else | I could not finish it | I stopped after {number} pages |
        I gave up after {number} minutes | we gave up | we left after {number} minutes | we walked out |
        we left early | we left hungry | we went home hungry | I nearly fell asleep | {person} fell asleep |
        it put me to sleep | it sent us to sleep | I yawned all the time | it made me cry with pain | it made me sick |
        {person} got sick | my {relative} was ill for {number} days | we got food poisoning | {person} made us cry |
        it gave me a headache | it gave us nightmares | it ruined my day | {thing} ruined our {noun} |
        {thing} spoiled the {noun} | {person} spoiled everything | {person} broke my heart | {person} broke my {noun} |
        {person} broke the promise | {person} lied to us | {person} lied about {thing} | {person} shouted at us |
        {person} yelled at me | {person} laughed at us | {person} ignored us | {person} ignored my {noun} |
        {person} never answered | {person} never called back | {person} hung up on me | {person} refused to help |
        {person} refused a refund | {person} refused to listen | {person} refused to pay | {person} did not care |
        {person} could not care less | {person} did not even say hello | {person} did not help us |
        {person} did nothing | {person} had no idea | {person} had no time for us | {person} did not know the way |
        {person} made us feel unwelcome | {person} made us wait | {person} kept us waiting | {person} never came |
        {person} never apologised | {person} blamed us | {person} lost our {noun} | {person} lost the {noun} |
        {person} stole my {noun} | {person} charged me twice | {person} charged us too much |
        {person} took my money and left | {person} overcharged us | {person} should be fired |
        {person} failed the {noun} | {person} forgot our order | {person} forgot about us | somebody stole my {noun} |
        one star | zero stars | zero out of ten | two thumbs down | thumbs down | shame on {person} | shame on you |
        I want a refund | I would rather go without | I would rather be anywhere else | {thing} kept us awake |
        I would rather {act} my own {noun} | we got no sleep because of {thing} | I doubt it |
        I have my doubts about {thing} | I asked for a refund | give me back my money | I sent it back |
        I returned it {time} | I threw it away | it ended up in the bin | {thing} belongs in the bin | no thanks |
        no thank you | stay away | stay away from {thing} | avoid | avoid {thing} | avoid it at all costs |
        do not buy it | don't buy {thing} | don't waste your money | don't waste your time | save your money |
        skip it | do not go there | I had enough | I can't stand {thing} | I can't bear {thing} |
        we could not stand it | I am tired of {thing} | I am sick of {thing} | I have had enough of {thing} |
        I got tired of it | I lost interest | I lost my patience | I lost my money | I wasted {number} hours on it |
        we wasted a whole {period} | I want those hours back | I will never get that {period} back |
        I wish I had not bought it | I wish I had stayed at home | I wish it had ended sooner | I expected better |
        {thing} fell short of my expectations | {thing} did not meet our expectations | {thing} dashed our hopes |
        I expected much more | I expected more from {person} | we hoped for more | it could have been better |
        it could be better | it goes on and on | it never ends | it went on forever | it did not go well |
        nothing went well | everything went wrong | nothing worked | nothing works | {thing} did not work |
        {thing} does not work | {thing} stopped working | {thing} stopped working after {number} days |
        {thing} died after {number} hours | {thing} died {time} | {thing} broke down |
        {thing} broke after {number} days | {thing} fell apart | {thing} fell to pieces | {thing} falls apart |
        {thing} arrived late | {thing} arrived broken | {thing} came {number} weeks late | {thing} never arrived |
        {thing} was late again | {thing} was cancelled | {thing} was delayed | {thing} does not fit |
        {thing} does not turn on | {thing} won't start | {thing} would not open | {thing} turns off by itself |
        {thing} gets stuck | {thing} gets worse and worse | {thing} gets everything wrong | {thing} makes no sense |
        {thing} has no taste | {thing} has no point | {thing} leaves a bad taste | {thing} goes nowhere |
        {thing} misses the point | {thing} misses the mark | {thing} lets you down | {thing} let us down |
        {thing} leaves much to be desired | {thing} cost me a fortune | {thing} cost too much |
        {thing} was full of water | {thing} smells of smoke | {thing} did not live up to the hype |
        {thing} is beyond me | {thing} tries too hard | {thing} needs a lot of work | there was a hair in my {food} |
        there was a fly in the {food} | there were bugs in the {noun} | the {food} was cold | my {food} came cold |
        the {food} was ice cold | the {food} was half raw | the {food} was old and dry |
        the {food} tastes like {junk} | {thing} smells like {junk} | it tasted like water | it tasted of nothing |
        it smells like a toilet | it smells bad | it looks like a toy | it sounds like a dying cat | it feels cheap |
        it feels like {junk} | the crowd booed | half of the audience left | we lost | our team lost | we got lost |
        we were robbed | we were left alone | we were left in the rain | we were stuck for {number} hours |
        we waited {number} hours | we waited for {number} minutes and nobody came | we waited in vain | nobody came |
        nobody helped us | no one answered | no one cared | nobody laughed | I did not laugh once |
        I did not sleep at all | we could not sleep | I could not hear a word | I could not wait to leave |
        we could not wait to go home | I understood nothing | I learned nothing | I was not amused |
        I got less than I paid for | I paid too much | what were they thinking | who needs that | who would buy that |
        why would anyone buy it | no wonder it was empty | the rain ruined everything | my {relative} cried |
        my {relative} complained all day | I had to complain | we complained to {person} |
        what can I say, {adjective} | what is the point | you will regret it | you will be sorry |
        I am sorry I bought it
    """),
}

DEGREES: Signed = {
    "+": [
        f"not too {word}"
        for word in words("loud long short small big heavy sweet salty spicy hot cold dark slow strict tight")
    ]
    + [f"{word} enough" for word in words("big warm strong clear sharp long soft bright deep quick tall wide")]
    + lines("""
    just right | just the right size | loud and clear | hot and fresh | cold and refreshing | close to everything
"""),
    "-": [
        f"{much} {word}"
        for word in words("""
            loud long short small big heavy sweet salty spicy hot cold dark slow strict tight thin late dry fatty
            complicated difficult hard far fast
        """)
        for much in ("too", "too", "much too", "far too", "way too")
    ]
    + [f"not {word} enough" for word in words("big warm strong clear sharp long soft bright deep quick tall wide")]
    + lines("""
        ice cold | cold and wet | dark and damp | late again | far from everything | too long by an hour
    """),
}
