"""The lexicon by which captions are parsed: nouns, verbs, colours, numbers, places, and which nouns mean one thing."""

from __future__ import annotations

from functools import cache

from engine.data.coco_labels import CLASS_OF, KINDS, LABELS, PEOPLE, SYNONYMS
from engine.data.nouns import IRREGULAR, PLURAL_ONLY
from engine.data.vocabulary import names

COLOURS = {"black": "black", "white": "white", "red": "red", "blue": "blue", "green": "green", "yellow": "yellow",
           "orange": "orange", "pink": "pink", "purple": "purple", "brown": "brown", "gray": "gray", "grey": "gray",
           "tan": "tan", "silver": "silver", "gold": "gold"}
SHADES = frozenset("light dark bright pale deep".split())  # before a colour they belong to it
NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
PEOPLE_OF = {"man": "man guy gentleman businessman fisherman cowboy policeman fireman groom snowman",
             "woman": "woman lady bride", "boy": "boy", "girl": "girl", "child": "child kid toddler",
             "baby": "baby infant",
             "person": "person people adult someone somebody player skier surfer snowboarder skateboarder skater biker "
                       "bicyclist cyclist motorcyclist rider climber hiker swimmer runner jogger kayaker pedestrian "
                       "teenager passenger spectator batter catcher pitcher umpire goalie athlete worker chef "
                       "officer soldier performer dancer singer musician couple friend student boarder driver team "
                       "wrestler racer fan tourist artist cheerleader band guitarist family crowd"}
PERSON = {word: person for person, own in PEOPLE_OF.items() for word in own.split()}
ROOMS = frozenset(("kitchen", "bathroom", "bedroom", "living room", "office", "dining room", "classroom"))
INDOORS = ROOMS | {"restaurant", "gym", "bar", "store", "shop", "library", "museum", "room"}
OUTDOORS = frozenset((
    "snow", "beach", "water", "grass", "field", "street", "sidewalk", "road", "ocean", "sand", "forest", "lake",
    "river", "mountain", "hill", "playground", "yard", "park", "desert", "pond", "stream", "mud", "dirt",
    "tennis court",
    "baseball field", "soccer field", "parking lot", "skate park", "trail", "path", "slope", "pool", "lawn", "garden",
    "runway", "pier", "dock", "cliff", "city", "zoo", "puddle", "ski slope", "swimming pool", "football field",
    "train tracks"))
PLACES = INDOORS - {"room"} | OUTDOORS | {"stage", "court", "airport", "train station", "subway", "pool", "tunnel",
                                          "station", "market"}
# Words that mean a place of this list.
PLACE_OF = {"woods": "forest", "sea": "ocean", "meadow": "field", "lawn": "grass", "backyard": "yard", "surf": "ocean",
            "swimming pool": "pool", "road": "street", "highway": "street", "sidewalk": "sidewalk",
            "shore": "beach", "mountain": "mountain", "ski slope": "slope", "hill": "hill", "path": "path",
            "trail": "path", "creek": "stream", "pasture": "field", "diner": "restaurant", "cafe": "restaurant"}
# "a snowy field" is also snow
ADJECTIVE_PLACE = {"snowy": "snow", "snow-covered": "snow", "grassy": "grass", "sandy": "sand", "muddy": "mud"}
CLOTHES = frozenset(
    "shirt t-shirt hat helmet jacket coat dress skirt shorts pants jeans suit tie cap sweater vest uniform costume "
    "scarf glasses sunglasses goggles wetsuit swimsuit bikini backpack shoes boots gloves outfit sweatshirt hoodie "
    "mask bandana headband apron tuxedo jersey trunks robe life jacket swim trunks bathing suit".split()) | {
        "life jacket", "swim trunks", "bathing suit", "tank top"}
MASS = frozenset("water snow grass sand food beer wine coffee bread broccoli rice fruit meat mud dirt luggage traffic "
                 "baseball tennis soccer frisbee".split()) - {"frisbee"}
PLURALS = frozenset("shorts pants jeans glasses sunglasses goggles trunks trousers overalls tights pajamas clothes "
                    "scissors headphones stairs woods".split())  # nouns without a singular
PAIRED = PLURALS | {"shoe", "boot", "glove", "sock", "sandal"}
# What a question says for a class whose noun nobody says.
SAID = {"orange fruit": "orange"}
UNSEEN = frozenset(("book",))  # an annotated class whose boxes people do not see as one
# Annotated classes whose things people count differently.
UNCOUNTED = frozenset(("table", "book", "potted plant", "food"))
# Parts and vague words about which no question is sensible.
VAGUE = frozenset(
    "portrait motor tag clothes clothing pile gear wake washer pane whole couple front back top side middle "
    "background foreground distance air mid-air midair edge end bottom corner day night time picture photo photograph "
    "image view scene shot close-up area something someone thing item object piece part kind type variety lot bunch "
    "group pair couple number set row line way place body face head hand arm leg eye mouth ear nose hair foot finger "
    "shoulder lap neck tooth chest tongue tail hind mid light lights color shade trick stunt jump life game position "
    "pose camera's it them him her himself itself themselves one ground day left right other center case surface "
    "motion smile show team match race event competition half world wild open sun weather stop cross date letter word "
    "words name number design display base home land match post line figure spot".split())
COLLECTIVES = frozenset("couple family crowd team band".split())  # people of no certain number
GROUPS = frozenset("group crowd bunch herd flock pack team row line pile lot lots stack couple pair family band "
                   "several many some various multiple numerous few assortment variety dozen dozens hundreds fleet "
                   "both all these those other another".split())
DETERMINERS = frozenset("a an the his her its their this that my your our".split())
AUXILIARIES = {"is": False, "are": True}  # whether it is a plural
PREPOSITIONS = {
    "in": "in", "on": "on", "at": "at", "through": "through", "along": "along", "down": "down", "across": "across",
    "into": "into", "onto": "onto", "over": "over", "under": "under", "beneath": "under", "underneath": "under",
    "behind": "behind", "by": "near", "near": "near", "beside": "next to", "with": "with", "of": "of", "from": "from",
    "inside": "in", "up": "up", "around": "around", "off": "off", "towards": "towards", "toward": "towards",
    "for": "for", "to": "to", "against": "against", "above": "above", "outside": "outside", "after": "after",
    "between": "between", "past": "past", "about": "about", "during": "during", "as": "as", "like": "like",
    "without": "without", "atop": "on", "beyond": "beyond", "below": "below", "among": "among", "within": "in",
    "while": "while", "and": "and", "or": "or", "that": "that", "who": "who", "which": "which", "whilst": "while"}
LONG_PREPOSITIONS = {("next", "to"): "next to", ("in", "front", "of"): "in front of", ("on", "top", "of"): "on",
                     ("close", "to"): "near", ("out", "of"): "out of", ("inside", "of"): "in"}
ADVERBS = frozenset("up down out away together outside outdoors inside indoors off back quickly still happily just "
                    "now around forward upside".split())
# Words that may follow a noun phrase, beside those of the lists above.
FOLLOWING = frozenset(
    "has have next close covered dressed filled parked full there it they he she takes getting bends makes goes was "
    "were gets covered topped made does do did can tries leads shows appears seems takes comes moves".split())
ADJECTIVES = frozenset(
    "small large big little young old older tall short long huge tiny giant fluffy furry wooden wet dry dirty clean "
    "empty full busy crowded beautiful pretty cute happy sad colorful striped plaid shirtless bald blond blonde "
    "bearded elderly smiling male female adult professional metal plastic stone brick concrete snowy grassy sandy "
    "rocky muddy shallow deep open closed sunny bright dark light pale fancy antique vintage modern stuffed lone "
    "single american asian african leafy tropical calm cloudy clear blue-eyed long-haired short-haired decorated "
    "delicious fresh sliced cooked baked toy double-decker public hot cold steep high low round square wide narrow "
    "fallen teenage middle-aged heavy thick thin curly spotted golden leather snow-covered wooded paved urban rural "
    "city nearby fenced yellowish reddish shiny ornate soft purebred fast fat skinny smaller larger bigger second "
    "first inflatable indoor outdoor local residential backyard".split())
VERBS = (
    "run jump sit stand walk play ride hold wear carry climb swim race chase hang watch talk fly eat dance slide leap "
    "splash fight ski surf snowboard skateboard skate drink catch lean pull laugh throw fish lie read fall bite drive "
    "hike kick hug blow push dive smoke shake sleep wrestle stare cross point wave kiss chew wade rest dig roll paint "
    "shoot float sing paddle lick balance hit cook cut brush serve feed pet work write crawl kneel bark sniff graze "
    "swing smile pose look lay perform use prepare reach travel wait bat pitch tumble bounce jog stretch row kayak "
    "cycle bike type clean wash shop sail land sled rollerblade crouch squat spray retrieve "
    "drag hop fetch wander stroll relax".split())
DOUBLED = frozenset("run sit swim hit cut hug dig pet bat jog hop drag shop".split())
# Verbs that say little of what somebody does, or nothing that a picture shows.
NO_ACTION = frozenset("wear hold look watch hang lean use wait reach travel point carry land pose smile lay stare "
                      "perform prepare work shop lie cross retrieve serve fly shoot type".split())
# Actions that a question with yes or no names.
STILL = ("sitting", "standing", "walking", "running", "jumping", "swimming", "sleeping", "eating", "climbing",
         "surfing", "skiing", "skateboarding", "snowboarding", "playing tennis", "riding bike", "riding horse")
# What is done with what: one answer for several ways to say it.
DONE = {("riding", "wave"): "surfing", ("riding", "surfboard"): "surfing", ("riding", "skateboard"): "skateboarding",
        ("riding", "snowboard"): "snowboarding", ("riding", "ski"): "skiing", ("riding", "bicycle"): "riding bike",
        ("riding", "bike"): "riding bike", ("riding", "horse"): "riding horse", ("riding", "motorcycle"):
        "riding motorcycle", ("flying", "kite"): "flying kite", ("brushing", "teeth"): "brushing teeth",
        ("talking", "phone"): "talking on phone", ("biking", ""): "riding bike", ("cycling", ""): "riding bike",
        ("jogging", ""): "running", ("leaping", ""): "jumping", ("hopping", ""): "jumping", ("hiking", ""): "walking",
        ("strolling", ""): "walking", ("batting", ""): "playing baseball", ("pitching", ""): "playing baseball"}
GAMES = ("tennis", "baseball", "soccer", "football", "basketball", "volleyball", "hockey", "rugby", "guitar", "frisbee",
         "golf", "wii")
SPORTS = {"tennis": "tennis", "baseball": "baseball", "soccer": "soccer", "football": "football",
          "basketball": "basketball", "volleyball": "volleyball", "hockey": "hockey", "surfing": "surfing",
          "surfer": "surfing", "skiing": "skiing", "skier": "skiing", "snowboarding": "snowboarding",
          "snowboarder": "snowboarding", "skateboarding": "skateboarding", "skateboarder": "skateboarding",
          "rugby": "rugby", "golf": "golf", "batter": "baseball"}
ANIMALS = ("dog", "cat", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "bird")
VEHICLES = ("bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat")
FOODS = ("banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake")
# Nouns beside COCO's that name one thing or may name each other.
KEPT_PAIRS = frozenset({*CLASS_OF.values(), *PLACES, *PLACE_OF, *CLOTHES, "stuffed animal", "fire truck",
                        "cutting board", "ice cream", "remote control"})
MORE_SYNONYMS = {"doggy": "dog", "tshirt": "t-shirt", "plane": "airplane", "telephone": "phone", "bicyle": "bicycle",
                 "eyeglasses": "glasses", "teeshirt": "t-shirt", "doughnut": "donut", "cab": "taxi", "sofa": "couch",
                 "motor cycle": "motorcycle", "motor bike": "motorcycle",
                 "skate board": "skateboard", "surf board": "surfboard", "snow board": "snowboard", "lap top": "laptop",
                 "base ball": "baseball", "foot ball": "football", "fire engine": "fire truck",
                 **dict.fromkeys("puppy pup greyhound terrier retriever shepherd poodle lab labrador".split(), "dog")}
# By what else a caption may call a thing that is there.
MAY_BE = {"ball": "tennis basketball football baseball soccer volleyball toy ball", "frisbee": "disc toy frisbee",
          "tennis racket": "racket tennis", "boat": "kayak canoe raft ship sailboat vessel yacht ferry rowboat",
          "car": "vehicle traffic van suv taxi cab jeep racecar", "truck": "vehicle van pickup traffic",
          "bus": "vehicle traffic",
          "motorcycle": "bike dirtbike biker motorcyclist vehicle motorbike scooter bmx rider",
          "bicycle": "bike biker bicyclist cyclist bmx rider cycle", "train": "subway railway tram trolley",
          "surfboard": "board surfer surfing surf wave", "skateboard": "board skateboarder skateboarding skater skate",
          "snowboard": "board snowboarder snowboarding", "ski": "skier skiing",
          "kite": "parasail kiteboarding sail", "umbrella": "parasol canopy shade", "dog": "animal pet",
          "cat": "animal pet", "horse": "animal rider jockey cowboy bull pony rodeo", "cow": "animal bull calf ox",
          "sheep": "animal lamb goat", "bird": "animal duck goose seagull pigeon chicken parrot swan",
          "elephant": "animal",
          "chair": "seat table", "table": "desk counter", "couch": "seat chair", "bed": "bedroom",
          "tv": "screen monitor",
          "laptop": "computer", "phone": "camera cell", "cake": "dessert cupcake", "pizza": "food", "sandwich": "food",
          "bat": "baseball batter", "ice": "rink hockey", "guitar": "instrument band musician",
          "bench": "seat", "bottle": "drink beer", "cup": "drink coffee glass mug", "bag": "backpack purse luggage"}


def ing(verb: str) -> str:
    """The -ing form of a verb: run, running."""
    if verb == "lie":
        return "lying"
    if verb in DOUBLED:
        return verb + verb[-1] + "ing"
    return (verb[:-1] if verb.endswith("e") and not verb.endswith("ee") else verb) + "ing"


def third(verb: str) -> str:
    """The form of a verb after he or she: carry, carries."""
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("ch", "sh", "ss", "x")) else "s")


ING = {ing(verb): ing(verb) for verb in VERBS}
THIRD = {third(verb): ing(verb) for verb in VERBS}
BASE = {verb: ing(verb) for verb in VERBS}
SIT = {"sitting": "sitting", "seated": "sitting", "perched": "sitting"}


# What a question says for an answer.
IN_A_QUESTION = {"riding bike": "riding a bike", "riding horse": "riding a horse", "riding motorcycle":
                 "riding a motorcycle", "flying kite": "flying a kite"}


@cache
def nouns() -> frozenset[str]:
    """Singular nouns of one or two words that a caption's head noun may be."""
    spellings = {spelling for own in names("visual_genome_objects") for spelling in own}
    spellings |= {*CLASS_OF.values(), *SYNONYMS, *PERSON, *PLACES, *PLACE_OF, *CLOTHES, *MORE_SYNONYMS, *LABELS}
    spellings |= {kind for kinds in KINDS.values() for kind in kinds if kind != PEOPLE}
    spellings |= set("puppy greyhound skateboard snowboard sled trampoline hurdle rope swing slide stick waterfall "
                     "fountain guitar microphone leash raft canoe tunnel obstacle bone bubble drum book stage "
                     "sprinkler newspaper violin hammock football basketball volleyball soccer tennis baseball hockey "
                     "frisbee rugby golf surf bmx birthday wedding game wii video cell".split())
    things = set("skis bats bikes waves drinks brushes sleds kayaks bike swing slide paint surf skateboard snowboard "
                 "ski bat wave drink fish watch brush sled kayak cycle smile hug land building".split())
    verbs = {*VERBS, *ING, *THIRD} - things
    return frozenset(spellings - verbs - set(COLOURS) - {"wild", "outside", "black", "yellow"})


@cache
def singular_of(word: str) -> str:
    """The singular of a known noun, or the word itself."""
    if word in IRREGULAR or word == "people":
        return IRREGULAR.get(word, "person")
    if word in PLURAL_ONLY or word in ("skis",):
        return "ski" if word == "skis" else word
    if word.endswith("s"):
        stems = [word[:-1]]
        if word.endswith(("ches", "shes", "sses", "xes", "oes", "uses")):
            stems.insert(0, word[:-2])
        if word.endswith("ies"):
            stems.insert(0, word[:-3] + "y")
        if word.endswith("ves"):
            stems += [word[:-3] + "f", word[:-3] + "fe"]
        return next((stem for stem in stems if stem in nouns()), word)
    return word


def is_plural(word: str) -> bool:
    """Whether a noun names several."""
    return word in ("people", "sheep", "cattle") or singular_of(word) != word


def plural_of(noun: str) -> str:
    """The plural of a noun, of the last word of two."""
    *first, last = noun.split()
    irregular = {"person": "people", "man": "men", "woman": "women", "child": "children", "foot": "feet",
                 "mouse": "mice", "sheep": "sheep", "knife": "knives", "scissors": "scissors", "skis": "skis"}
    if last in irregular:
        last = irregular[last]
    elif last.endswith("y") and last[-2] not in "aeiou":
        last = last[:-1] + "ies"
    elif last not in PLURALS:
        last += "es" if last.endswith(("ch", "sh", "ss", "s", "x")) else "s"
    return " ".join((*first, last))


@cache
def canonical(noun: str) -> str:
    """One noun for all that mean the same thing: lady, woman; sofa, couch; skier, person."""
    one = singular_of(noun)
    one = CLASS_OF.get(one, one)
    one = MORE_SYNONYMS.get(one, one)
    one = PERSON.get(one, one)
    if " " in one and one not in KEPT_PAIRS:
        return canonical(one.rpartition(" ")[2])
    return SYNONYMS.get(one, one) if one not in ("person",) else one


@cache
def may_name(noun: str) -> frozenset[str]:
    """Every word by which a caption may name a thing of this noun, in the singular; so also those that hint at it."""
    words = {noun, *noun.split()[-1:], *KINDS.get(noun, ()), *MAY_BE.get(noun, "").split()}
    words |= {word for word, own in (*SYNONYMS.items(), *MORE_SYNONYMS.items()) if own == noun}
    if noun == "person":
        words |= {*PERSON, *PEOPLE_OF}
    elif noun in PEOPLE_OF:
        words |= {word for word, own in PERSON.items() if own in (noun, "person")} | {"person", "child", "baby"}
        words |= {"boy", "girl"} if noun in ("child", "baby") else set()
    return frozenset(words - {PEOPLE})
