"""COCO's 80 labels as region classes: the noun of each class, its synonyms, and nouns for kinds of it.

VOC's 19 labels here are among them, under COCO's names. A synonym is merged into the class. A kind keeps a class of its
own where photos name it often enough: a box that is labelled only "person" may show a "man" or a "player".
"""

from __future__ import annotations

# label: noun of the class | synonyms | kinds
TABLE = """
person: person | people persons human | @people
bicycle: bicycle | | bike
car: car | automobile | taxi cab
motorcycle: motorcycle | motorbike | bike scooter
airplane: airplane | plane aeroplane airliner | jet
bus: bus | |
train: train | | locomotive
truck: truck | |
boat: boat | | canoe kayak raft ship sailboat
traffic light: traffic light | | light
fire hydrant: fire hydrant | hydrant |
stop sign: stop sign | | sign
parking meter: parking meter | meter |
bench: bench | |
bird: bird | | pigeon duck goose seagull
cat: cat | kitten |
dog: dog | | puppy greyhound terrier retriever shepherd poodle lab animal
horse: horse | pony | animal
sheep: sheep | lamb | animal
cow: cow | cattle | bull animal
elephant: elephant | | animal
bear: bear | | animal
zebra: zebra | | animal
giraffe: giraffe | | animal
backpack: backpack | | bag
umbrella: umbrella | parasol |
handbag: handbag | purse | bag
tie: tie | necktie |
suitcase: suitcase | luggage | bag
frisbee: frisbee | | disc
skis: ski | skis |
snowboard: snowboard | | board
sports ball: ball | | basketball football baseball
kite: kite | |
baseball bat: bat | | stick
baseball glove: baseball glove | mitt | glove
skateboard: skateboard | | board
surfboard: surfboard | | board
tennis racket: racket | racquet |
bottle: bottle | | beer
wine glass: wine glass | | glass drink
cup: cup | mug | glass drink
fork: fork | |
knife: knife | |
spoon: spoon | |
bowl: bowl | |
banana: banana | | food fruit
apple: apple | | food fruit
sandwich: sandwich | burger | food
orange: orange fruit | | food fruit
broccoli: broccoli | | food
carrot: carrot | | food
hot dog: hot dog | hotdog | food
pizza: pizza | | food
donut: donut | doughnut | food
cake: cake | cupcake | food
chair: chair | armchair | seat
couch: couch | sofa | seat
potted plant: potted plant | | plant flower
bed: bed | |
dining table: table | |
toilet: toilet | |
tv: tv | television | monitor screen
laptop: laptop | | computer
mouse: computer mouse | |
remote: remote | controller |
keyboard: keyboard | |
cell phone: phone | cellphone smartphone telephone |
microwave: microwave | |
oven: oven | stove |
toaster: toaster | |
sink: sink | |
refrigerator: refrigerator | fridge |
book: book | |
clock: clock | |
vase: vase | |
scissors: scissors | |
teddy bear: teddy bear | | toy bear
hair drier: hair drier | hairdryer |
toothbrush: toothbrush | |
"""
PEOPLE = "@people"  # stands for every class whose noun names people


def _parsed() -> dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]]:
    table = {}
    for line in TABLE.strip().splitlines():
        label, rest = line.split(": ", 1)
        noun, synonyms, kinds = (part.strip() for part in rest.split("|"))
        table[label] = (noun, tuple(synonyms.split()), tuple(kinds.split()))
    return table


LABELS = _parsed()
CLASS_OF = {label: noun for label, (noun, _, _) in LABELS.items()}
SYNONYMS = {synonym: noun for noun, synonyms, _ in LABELS.values() for synonym in synonyms}
KINDS = {noun: kinds for noun, _, kinds in LABELS.values()}
