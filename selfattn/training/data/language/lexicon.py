"""The words that the sentiment specimen reads, a list for each part of speech, and the forms that they take.

A list that carries sentiment is `Signed`: the words that speak for a thing under "+", those against it under "-".
"""

import re

Signed = dict[str, list[str]]


def _signed(good: str, bad: str) -> Signed:
    return {"+": words(good), "-": words(bad)}


def words(text: str) -> list[str]:
    """The entries of a list of single words."""
    return text.split()


def lines(text: str) -> list[str]:
    """The entries of a list written with bars between them."""
    return [entry.strip() for entry in text.split("|")]


# What carries sentiment.

ADJECTIVES = _signed(
    """good great excellent wonderful fantastic amazing awesome brilliant superb fabulous marvellous marvelous
        terrific lovely beautiful gorgeous stunning splendid magnificent delightful charming enchanting
        captivating fascinating gripping thrilling exciting engaging compelling absorbing entertaining amusing
        funny hilarious witty clever smart ingenious inventive creative original imaginative fresh moving touching
        heartwarming uplifting inspiring inspired powerful impressive remarkable outstanding exceptional
        extraordinary phenomenal sensational spectacular breathtaking dazzling incredible unforgettable memorable
        perfect flawless faultless impeccable exquisite elegant graceful stylish classy refined polished tasteful
        delicious tasty yummy scrumptious mouthwatering flavorful flavourful savory juicy crispy tender succulent
        creamy fragrant comfortable comfy cosy cozy spotless clean tidy spacious airy bright sunny warm peaceful
        relaxing calming soothing pleasant enjoyable satisfying rewarding refreshing pleasing agreeable nice fine
        decent solid sturdy durable reliable dependable efficient effective practical handy useful helpful
        valuable worthwhile affordable reasonable fair generous smooth seamless fast quick speedy responsive
        intuitive convenient accessible safe secure sound robust superior supreme fabled first-rate top-notch
        world-class ideal heavenly divine magical dreamy sweet cute adorable pretty attractive handsome appealing
        inviting welcoming festive joyful joyous happy cheerful merry fun lively vibrant colorful colourful rich
        deep profound thoughtful insightful intelligent informative educational sincere honest authentic genuine
        tremendous glorious grand majestic unbeatable unmatched priceless precious beloved popular acclaimed
        celebrated successful triumphant winning healthy nourishing wholesome serene idyllic picturesque scenic
        radiant luminous luxurious plush lavish commendable admirable praiseworthy noteworthy sublime masterful
        skilful skillful accomplished refreshed balanced harmonious melodic catchy addictive believable convincing
        suspenseful riveting electrifying exhilarating invigorating energetic well-made well-written well-crafted
        worthy positive favourable favorable promising fortunate lucky blissful stellar epic ace super cool neat
        swell crisp silky soft cushy snug organised organized painless effortless foolproof quiet trustworthy""",
    """bad terrible awful horrible dreadful horrid atrocious abysmal appalling disgusting revolting repulsive gross
        nasty vile foul rotten lousy poor weak mediocre inferior subpar substandard disappointing underwhelming
        unimpressive forgettable boring dull tedious tiresome monotonous dreary bland stale flat lifeless soulless
        uninspired unoriginal predictable cliched formulaic derivative shallow hollow empty pointless meaningless
        useless worthless senseless mindless stupid silly idiotic dumb moronic ridiculous ludicrous laughable absurd
        pathetic pitiful miserable wretched sad depressing gloomy bleak grim dismal ugly hideous unattractive
        unsightly unappealing tasteless tacky cheesy corny trashy shabby filthy dirty grimy greasy grubby messy
        sloppy dusty mouldy moldy musty smelly stinky stinking damp soggy mushy raw undercooked overcooked burnt
        burned bitter inedible unpalatable unappetizing rubbery chewy watery lukewarm oily salty cramped noisy
        stuffy claustrophobic uncomfortable painful unpleasant unbearable intolerable insufferable unacceptable
        inadequate insufficient incomplete unfinished broken faulty defective damaged cracked unreliable flimsy
        fragile wobbly shaky clumsy clunky awkward cumbersome inefficient ineffective slow sluggish laggy
        unresponsive unusable unstable buggy glitchy confusing confused convoluted incoherent illogical nonsensical
        incomprehensible misleading deceptive dishonest fake phony false fraudulent shady dodgy suspicious dangerous
        unsafe hazardous harmful toxic poisonous unhealthy overpriced expensive costly extortionate unfair unjust
        wrong incorrect inaccurate offensive insulting vulgar crude tactless cruel brutal violent hateful obnoxious
        annoying irritating frustrating infuriating maddening exasperating tiring exhausting draining stressful
        disturbing upsetting distressing alarming shocking scandalous outrageous shameful disgraceful embarrassing
        humiliating cringeworthy unfunny humourless humorless witless charmless bloodless pretentious overrated
        overlong overblown self-indulgent bloated rambling disjointed rushed amateurish unconvincing implausible
        unrealistic wooden stilted artificial clueless hopeless disastrous catastrophic tragic horrendous horrific
        ghastly hellish nightmarish monstrous deplorable lamentable dire rubbish crappy crummy shoddy second-rate
        third-rate low-quality rusty leaky torn stained scratched worn wasted ruined regrettable unfortunate unlucky
        unhappy joyless negative unfavourable unworthy unhelpful unwelcoming unfriendly cold-hearted creepy
        sickening nauseating putrid rancid sour harsh jarring grating garbled blurry grainy unwatchable unreadable
        unlistenable disorganised disorganized chaotic inconvenient unwanted lame sappy tepid yucky icky""",
)
TRAITS = _signed(
    """kind friendly polite courteous gracious charming generous warm caring considerate thoughtful attentive
        patient gentle helpful honest sincere loyal brave courageous clever smart bright brilliant talented gifted
        skilled competent capable professional knowledgeable diligent hardworking dedicated cheerful funny witty
        humble modest respectful welcoming hospitable supportive understanding sympathetic compassionate loving
        affectionate trustworthy reliable wise sensible wonderful lovely amazing great fantastic good nice sweet
        pleasant delightful punctual efficient accommodating inspiring likeable likable adorable amiable graceful
        motivated positive fair selfless forgiving heroic""",
    """rude impolite unfriendly hostile mean cruel nasty arrogant conceited selfish greedy lazy careless
        thoughtless inconsiderate impatient dishonest disloyal cowardly stupid foolish ignorant incompetent
        incapable unprofessional clueless unhelpful useless grumpy cranky moody bitter jealous bossy pushy
        aggressive abusive obnoxious annoying irritating boring dull pompous smug cold indifferent uncaring
        heartless ruthless disrespectful dismissive condescending patronising patronizing unreliable untrustworthy
        horrible awful terrible bad unpleasant vile sloppy negligent lousy hateful spiteful vindictive sarcastic
        creepy sleazy shameless deceitful manipulative stingy miserly snobbish hypocritical uncooperative unkind
        ungrateful inattentive""",
)
FEELINGS = _signed(
    """happy glad pleased delighted thrilled excited satisfied content impressed amazed grateful thankful relieved
        relaxed proud cheerful charmed enchanted captivated fascinated inspired moved touched entertained amused
        comfortable ecstatic overjoyed joyful hopeful comforted refreshed enthusiastic blessed lucky hooked
        spellbound""",
    """sad unhappy upset angry annoyed irritated frustrated furious disappointed dissatisfied bored disgusted
        horrified shocked appalled ashamed embarrassed depressed miserable worried anxious stressed exhausted
        confused offended insulted cheated deceived betrayed scared frightened sick livid outraged unimpressed
        underwhelmed disheartened discouraged fed-up uncomfortable regretful hurt distressed disillusioned bitter""",
)
COMPARATIVES = _signed(
    """better nicer finer lovelier kinder friendlier funnier happier tastier prettier smarter cleverer sweeter
        cleaner fresher comfier smoother cosier warmer brighter safer healthier wiser""",
    """worse uglier duller ruder nastier dirtier sadder blander weaker poorer sillier dumber messier meaner lazier
        noisier clumsier shabbier stupider crueler smellier""",
)
SUPERLATIVES = _signed(
    """best nicest finest greatest loveliest kindest friendliest funniest happiest tastiest prettiest smartest
        cleverest sweetest cleanest freshest cosiest wisest coolest""",
    """worst ugliest dullest rudest nastiest dirtiest saddest blandest weakest poorest silliest dumbest stupidest
        messiest meanest laziest noisiest clumsiest shabbiest cruelest smelliest""",
)
VERDICTS = _signed(  # nouns with an article: "a ..."
    """masterpiece joy delight pleasure triumph treat gem success hit bargain treasure blessing dream wonder
        winner miracle marvel highlight relief victory gift paradise jewel knockout sensation charmer keeper
        must-see inspiration thrill revelation smash stunner beauty find godsend lifesaver celebration feast""",
    """disaster waste mess failure disappointment letdown nightmare joke flop rip-off scam torture bore shame
        horror catastrophe insult embarrassment fraud chore pain misery mistake swindle farce dud burden ordeal
        crime headache hell trainwreck fiasco travesty blunder debacle snoozefest eyesore nuisance error problem
        turkey stinker drag monstrosity abomination downer con lie wreck shambles""",
)
STUFF = _signed(  # nouns without one
    "fun magic perfection bliss heaven quality excellence brilliance gold happiness poetry",
    "rubbish garbage trash junk nonsense crap drivel trouble agony torment hell drudgery boredom madness poison",
)
QUALITIES = _signed(
    """charm warmth wit heart energy beauty talent magic style grace joy humor humour imagination passion care love
        skill kindness quality flavor flavour class elegance intelligence honesty courage creativity originality
        depth tenderness excitement hope laughter wisdom courtesy comfort respect taste substance soul suspense
        clarity variety freshness harmony sparkle sense delights surprises jokes logic finesse""",
    """cliches mistakes errors bugs problems flaws faults dirt mold mould noise rudeness boredom stupidity
        arrogance greed hatred cruelty lies chaos delays complaints confusion pain dust grease anger nonsense
        defects trouble excuses stains scratches laziness cockroaches hate hypocrisy stress malware drama
        disappointments rats holes glitches crashes cracks insults smells hassle issues""",
)
OPINIONS = _signed(  # what a person does with a thing
    """love like enjoy adore admire appreciate recommend praise cherish treasure value respect trust favor favour
    applaud celebrate relish savor savour endorse""",
    """hate dislike loathe despise detest regret resent abhor curse fault criticize criticise condemn mock reject
        boycott distrust bemoan dread deplore fear avoid""",
)
EFFECTS = _signed(  # what a thing does to a person
    """delight please impress amaze charm thrill inspire comfort entertain amuse captivate fascinate satisfy
        reward relax cheer excite enchant astonish dazzle help refresh soothe enthral enrich uplift encourage
        reassure enlighten""",
    """annoy bore disappoint irritate frustrate disgust anger upset offend confuse insult worry tire exhaust
        depress horrify infuriate deceive cheat mislead fail hurt bother shock sicken torment betray sadden alarm
        embarrass humiliate outrage enrage aggravate swindle ignore scam trick""",
)
ACTIONS = _signed(  # what a thing does
    "shine excel sparkle succeed work deliver impress triumph improve thrive satisfy glow last please win",
    """fail break crash freeze leak stink suck drag collapse rot flop struggle crumble jam disappoint overheat
        smell malfunction crack rust bore stall lag suffer deteriorate annoy""",
)
ADVERBS = _signed(
    """beautifully wonderfully perfectly brilliantly superbly nicely well smoothly gracefully elegantly flawlessly
        magnificently splendidly marvellously excellently skilfully skillfully cleverly carefully lovingly
        thoughtfully charmingly delightfully impressively amazingly reliably effortlessly politely kindly quickly
        patiently happily professionally exquisitely admirably expertly masterfully tastefully generously
        efficiently cheerfully intelligently gorgeously convincingly clearly fantastically""",
    """badly terribly horribly awfully poorly dreadfully abysmally miserably clumsily carelessly rudely lazily
        sloppily weakly atrociously appallingly pathetically disgracefully shamefully painfully cruelly unfairly
        slowly dishonestly stupidly foolishly arrogantly unprofessionally unconvincingly inadequately unreliably
        incompetently ineptly disappointingly wrongly shabbily cheaply amateurishly monotonously aggressively""",
)
PRAISE = _signed(
    "bravo wow yay hooray congratulations thanks yum kudos hurrah", "ugh yuck boo yikes meh eww gah argh blah"
)
EMOJI = _signed("😀 😍 👍 ❤️ 🎉 😊 🤩 :) :-) <3", "😡 👎 😞 🤮 😠 💩 😢 :( :-( 🙄")  # drawn with their sentence's sign

# What carries none.

FOOD = words("""
    soup pizza bread cheese salad cake coffee tea wine beer fish chicken rice pasta burger sandwich curry steak
    breakfast lunch dinner dessert meal sauce egg pie noodle chocolate fruit apple banana orange lemon tomato potato
    onion mushroom bean butter milk juice water sugar honey jam cream yogurt cookie biscuit pancake waffle omelette
    sausage ham bacon beef pork lamb turkey shrimp lobster salmon tuna sushi taco burrito kebab dumpling stew broth
    snack menu drink cocktail lemonade smoothie pudding muffin croissant toast cereal nut pepper garlic carrot
    cabbage pea corn pumpkin strawberry cherry grape peach pear melon mango
""")
NOUNS = words("""
    film movie show series episode play musical opera concert song album band orchestra book novel story poem
    chapter script plot ending beginning scene dialogue acting soundtrack performance cast character documentary
    cartoon comedy drama thriller western sequel remake trailer painting exhibition museum gallery theatre theater
    cinema game puzzle toy doll sport match race team stadium phone laptop computer tablet screen keyboard mouse
    printer camera battery charger cable speaker headphone radio television remote software app website program
    update password account email message video photo picture hotel room bed pillow blanket mattress bathroom shower
    toilet towel kitchen lobby pool balcony view window door floor wall ceiling roof garden yard house flat
    apartment building office school college university library hospital clinic church temple castle tower bridge
    park beach lake river mountain forest island valley village town city street road square market shop store mall
    bakery bar pub cafe restaurant diner bank station airport train bus plane flight car taxi truck van bicycle bike
    motorcycle boat ship ferry ticket seat journey trip tour holiday vacation weekend cruise hike walk ride party
    wedding birthday festival ceremony meeting conference lecture lesson course class workshop seminar exam test
    homework project report article essay magazine newspaper letter card review service delivery package parcel box
    bag suitcase backpack wallet purse shirt dress skirt coat jacket sweater trousers jeans shoe boot sandal sock
    hat cap scarf glove belt watch ring necklace bracelet earring glasses umbrella chair table sofa couch desk lamp
    shelf cupboard wardrobe mirror carpet curtain clock vase candle fridge oven stove microwave kettle toaster
    blender dishwasher vacuum heater fan knife fork spoon plate bowl cup mug bottle pan pot dog cat horse bird
    rabbit hamster parrot puppy kitten cow sheep goat duck plant tree flower rose grass leaf seed weather rain snow
    wind sun storm cloud sky summer winter spring autumn morning afternoon evening night day week month year hour
    minute price cost bill fee tax discount offer deal product brand company business factory design colour color
    size shape material fabric leather sound noise voice accent language word sentence page cover picture drawing
    map guide manual recipe ingredient dish portion atmosphere decor location neighbourhood neighborhood staff crew
    reception checkout parking elevator lift staircase corridor entrance exit gym spa sauna haircut massage
    treatment medicine pill cream soap shampoo perfume lipstick makeup brush razor toothpaste tool hammer drill
    screw nail paint rope ladder engine tire wheel brake motor pump machine robot device gadget sensor button switch
    interface feature tutorial answer question idea plan decision speech debate election news interview podcast
    channel stream blog post comment photo gift present visit stay experience job work career salary contract
    apprenticeship internship training childhood relationship marriage conversation dance choreography melody lyric
    rhythm guitar piano violin drum flute trumpet harp beat sculpture statue monument ruin tomb palace fountain zoo
    aquarium circus carnival parade firework sunset sunrise landscape trail campsite tent hostel cabin cottage villa
    resort writing direction animation effect costume set lighting sequel version edition model result repair
    process system support cleaning cooking pricing translation pronunciation handwriting thing stuff evening event
    display keyboard case sleeve strap zipper pocket lens tripod drone console controller level graphics server
    network connection signal router modem
""")
PEOPLE = words("""
    waiter waitress chef cook bartender manager owner receptionist driver pilot guide teacher professor student
    doctor nurse dentist surgeon pharmacist lawyer judge policeman officer soldier firefighter mechanic plumber
    electrician carpenter painter builder gardener farmer baker butcher barber hairdresser tailor cashier clerk
    seller customer guest visitor tourist traveller neighbour neighbor colleague boss secretary assistant engineer
    programmer designer architect scientist researcher writer author poet journalist reporter editor publisher
    critic actor actress director producer singer musician dancer guitarist drummer pianist conductor composer
    artist photographer player coach trainer referee goalkeeper captain crew host hostess landlord tenant roommate
    maid porter janitor guard librarian politician president mayor minister king queen prince princess priest monk
    nun lady gentleman man woman boy girl child kid baby teenager adult stranger team therapist consultant
    accountant salesman operator technician instructor babysitter agent
""")
RELATIVES = words("""
    mother father mum mom dad brother sister son daughter wife husband uncle aunt cousin nephew niece grandmother
    grandfather grandma grandpa friend girlfriend boyfriend partner family
""")
NAMES = words("""
    Anna Ben Carla David Emma Frank Grace Henry Ivan Julia Kevin Laura Maria Nina Oscar Paul Rosa Sam Tom Victor
    Wendy Alice Bob Charlie Diana Eric Fiona George Hannah Isabel Jack Karen Leo Mia Noah Olivia Peter Rachel Sarah
    Tim Zoe John Mary James Robert Michael William Linda Barbara Susan Jessica Thomas Daniel Lisa Nancy Mark Donald
    Steven Andrew Joshua Kenneth Brian Timothy Jason Ryan Jacob Gary Nicholas Jonathan Stephen Larry Justin Scott
    Brandon Benjamin Samuel Gregory Alexander Patrick Jose Carlos Juan Luis Pedro Miguel Ahmed Ali Fatima Omar Yusuf
    Wei Chen Li Wang Yuki Hiro Kenji Sakura Priya Raj Arjun Olga Natasha Dmitri Sofia Elena Lukas Jonas Finn Lena
    Clara Marta Pablo Diego Lucia Chloe Louis Pierre Marie Amelie Sanna Mikael Erik Astrid Ingrid Lars Kate Lucy Amy
    Ruth Simon Adam Eve Max Felix Hugo Ella Lily Ava Sophie Martin Smith Jones Brown Miller Wilson Taylor Garcia
    Martinez
""")
PLACES = words("""
    Paris London Berlin Rome Madrid Vienna Prague Lisbon Dublin Athens Oslo Helsinki Stockholm Copenhagen Amsterdam
    Brussels Zurich Geneva Moscow Istanbul Cairo Nairobi Delhi Mumbai Tokyo Kyoto Seoul Beijing Shanghai Singapore
    Bangkok Sydney Melbourne Toronto Vancouver Montreal Boston Chicago Seattle Denver Dallas Houston Miami Brooklyn
    Manhattan California Texas Florida Mexico Peru Brazil Argentina Chile Spain France Italy Germany England
    Scotland Ireland Wales Greece Portugal Norway Sweden Finland Denmark Poland Russia Turkey Egypt Kenya India
    China Japan Korea Thailand Vietnam Australia Canada America Europe Asia Africa
""")
DESCRIPTIONS = words("""
    old new young big small large little huge tiny long short tall thin thick wide narrow round square red blue
    green yellow black white grey gray brown pink purple golden silver plastic metal glass paper cotton woollen
    electric digital modern ancient medieval local foreign national Italian French Spanish German Greek Turkish
    Chinese Japanese Korean Indian Mexican American British English Russian Polish African European Asian first
    second third last next main other same usual different whole half double single public private daily weekly
    annual early late free open closed hot cold dry wet light dark heavy empty full simple plain famous nearby cheap
    second-hand wireless portable folding vegetarian vegan organic homemade frozen grilled fried baked boiled
    roasted historical royal rural urban northern southern eastern western central secret silent animated three-hour
    two-day
""")
VERBS = words("""
    buy order see watch read hear visit try use borrow rent open close start finish find choose pick take bring
    carry move open clean wash cook bake fry taste eat drink serve share order sell return send receive pay book
    reserve cancel change check test fix build make paint draw write print record film photograph play study teach
    learn explain describe discuss mention remember forget notice follow meet call ask answer help join leave enter
    pass cross drive ride park repair install download update charge plug unpack pack wear fold hang keep hold hide
    show review rate compare count measure weigh cut mix stir pour fill empty
""")
GOINGS = words("""
    walk run swim sit stand wait sleep wake talk speak listen laugh sing dance travel arrive leave stay live work
    rest return drive cycle shop camp climb hike jog argue chat smoke cook eat read
""")
TIMES = lines("""
    yesterday | today | tonight | last night | last week | last month | last year | last summer | this morning |
    this afternoon | this evening | this weekend | on Monday | on Tuesday | on Wednesday | on Thursday | on Friday |
    on Saturday | on Sunday | in January | in February | in March | in April | in May | in June | in July | in August |
    in September | in October | in November | in December | two days ago | three weeks ago | a month ago |
    ten years ago | after work | after lunch | before dinner | at noon | at midnight | at six | around eight |
    for an hour | for two hours | for the whole day | during the break | during the holidays | every day |
    every morning | every week | once a month | from time to time | now and then | in the evening | at night |
    over the weekend | for the first time | for my birthday | for Christmas | by train | by bus
""")
NUMBERS = words("""
    two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred 2 3 5 7 10 20 50
    100
""")
INTENSIFIERS = lines("""
    very | really | so | absolutely | truly | extremely | incredibly | totally | completely | utterly | simply |
    quite | rather | pretty | fairly | just | particularly | especially | remarkably | surprisingly | unbelievably |
    thoroughly | deeply | genuinely | seriously | super | mostly | somewhat | slightly | always | generally |
    consistently | still | also | even | definitely | certainly | clearly | obviously | honestly | undeniably |
    equally
""")

IRREGULAR_PASTS = dict(
    pair.split(":")
    for pair in words("""
        buy:bought see:saw read:read hear:heard find:found choose:chose take:took bring:brought eat:ate drink:drank
        sell:sold send:sent pay:paid build:built make:made draw:drew write:wrote teach:taught forget:forgot meet:met
        leave:left drive:drove ride:rode wear:wore hang:hung keep:kept hold:held hide:hid cut:cut run:ran swim:swam
        sit:sat stand:stood sleep:slept wake:woke speak:spoke sing:sang mislead:misled hurt:hurt break:broke
        freeze:froze stink:stank shine:shone win:won upset:upset
    """)
)
_DOUBLING = re.compile(
    r"^(?:plan|drag|rot|flop|jam|lag|excel|scam|enthral|run|swim|sit|cut|jog|chat|shop|plug|stir|upset|forget|regret|abhor)$"
)


def plural(noun: str) -> str:
    """More than one of it: film -> films, knife -> knives."""
    return re.sub("fe?$", "ves", noun) if re.search(r"(?:kni|lea|scar|shel)fe?$", noun) else third_person(noun)


def third_person(verb: str) -> str:
    """The form that goes with "he": watch -> watches, try -> tries."""
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return verb + ("es" if re.search(r"(?:s|x|z|ch|sh)$", verb) else "s")


def past(verb: str) -> str:
    """The simple past: love -> loved, try -> tried, break -> broke."""
    return IRREGULAR_PASTS.get(verb) or _suffixed(verb, "ed")


def gerund(verb: str) -> str:
    """The -ing form: love -> loving, run -> running."""
    return _suffixed(verb, "ing")


def _suffixed(verb: str, ending: str) -> str:
    if _DOUBLING.match(verb):
        return verb + verb[-1] + ending
    if ending == "ed" and re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    return (verb[:-1] if verb.endswith("e") and not verb.endswith("ee") else verb) + ending
