"""The words of the corpus.

The lexicon is small on purpose: a model of 2.6 million parameters and a vocabulary of 1,536 tokens learns what to do
with words only if it meets each of them often. Invented names (`invented_name`) are the exception: they never repeat,
so the model can handle them only by copying.
"""

from random import Random

PEOPLE = "Anna Tom Maria Ben Lucy Omar Sara Paul Nina Leo Clara Hugo Rosa Max Ella Ivan".split()
CITIES = "Oslo Lund Paris Rome Porto Bern Dublin Vienna Milan Cairo Lima Quito Turin Graz Leeds Riga".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
COLORS = "red blue green black white yellow brown grey".split()
NUMBER_WORDS = "one two three four five six seven eight nine ten eleven twelve".split()

# Things that are ordered, shipped, owned and reviewed: singular and plural.
ITEMS = [
    ("lamp", "lamps"), ("chair", "chairs"), ("table", "tables"), ("book", "books"), ("phone", "phones"),
    ("clock", "clocks"), ("mirror", "mirrors"), ("coat", "coats"), ("cup", "cups"), ("bag", "bags"),
    ("bike", "bikes"), ("camera", "cameras"), ("carpet", "carpets"), ("guitar", "guitars"), ("basket", "baskets"),
    ("pillow", "pillows"), ("kettle", "kettles"), ("tent", "tents"), ("printer", "printers"), ("desk", "desks"),
]

OBJECTS = "key map ring coin letter ticket ball hat knife pen rope box torch flag".split()
PLACES = "kitchen garden garage office cellar hall attic school station library market cabin".split()

# Reviews.
REVIEWED = (
    "film meal hotel room book phone lamp concert show game coffee soup camera chair song tour bike service"
).split()
GOOD = "great lovely excellent wonderful perfect delightful superb charming brilliant pleasant".split()
BAD = "awful terrible poor dreadful boring horrible useless ugly disappointing dull".split()
GOOD_REMARKS = [
    "I would come back any day", "it made my week", "I enjoyed every minute", "my friends adored it",
    "it was worth every cent", "I smiled all evening", "we were thrilled", "I recommend it to all",
    "it works like a charm", "I could not stop praising it",
]
BAD_REMARKS = [
    "I want my money back", "it ruined my week", "I regret every minute", "my friends hated it",
    "it was a waste of time", "I was angry all evening", "we were let down", "I warn you all",
    "it broke at once", "I could not stand it",
]
ADVERBS = ["really", "simply", "quite", "truly", "just", "rather"]

# English, Spanish, gender.
NOUNS_ES = [
    ("house", "casa", "f"), ("dog", "perro", "m"), ("cat", "gato", "m"), ("table", "mesa", "f"),
    ("book", "libro", "m"), ("door", "puerta", "f"), ("window", "ventana", "f"), ("car", "coche", "m"),
    ("street", "calle", "f"), ("garden", "jardín", "m"), ("boat", "barco", "m"), ("chair", "silla", "f"),
    ("tree", "árbol", "m"), ("flower", "flor", "f"), ("horse", "caballo", "m"), ("kitchen", "cocina", "f"),
    ("hat", "sombrero", "m"), ("shirt", "camisa", "f"), ("river", "río", "m"), ("moon", "luna", "f"),
    ("train", "tren", "m"), ("school", "escuela", "f"), ("bread", "pan", "m"), ("apple", "manzana", "f"),
]
# English, masculine, feminine.
ADJECTIVES_ES = [
    ("red", "rojo", "roja"), ("white", "blanco", "blanca"), ("black", "negro", "negra"),
    ("yellow", "amarillo", "amarilla"), ("small", "pequeño", "pequeña"), ("new", "nuevo", "nueva"),
    ("old", "viejo", "vieja"), ("pretty", "bonito", "bonita"), ("cheap", "barato", "barata"),
    ("clean", "limpio", "limpia"), ("long", "largo", "larga"), ("strange", "extraño", "extraña"),
    ("green", "verde", "verde"), ("big", "grande", "grande"), ("strong", "fuerte", "fuerte"), ("blue", "azul", "azul"),
]

# Reports: subject, past, present, passive, objects it happens to.
EVENTS = [
    ("storm", "closed", "closes", "closed", ["bridge", "harbour", "road", "airport"]),
    ("fire", "destroyed", "destroys", "destroyed", ["barn", "warehouse", "mill", "theatre"]),
    ("flood", "damaged", "damages", "damaged", ["bridge", "church", "road", "museum"]),
    ("thief", "robbed", "robs", "robbed", ["bank", "museum", "shop", "hotel"]),
    ("mayor", "opened", "opens", "opened", ["museum", "school", "theatre", "harbour"]),
    ("crew", "repaired", "repairs", "repaired", ["road", "bridge", "tower", "church"]),
    ("company", "bought", "buys", "bought", ["hotel", "mill", "shop", "warehouse"]),
    ("teacher", "saved", "saves", "saved", ["school", "library", "garden", "tower"]),
    ("judge", "stopped", "stops", "stopped", ["sale", "strike", "race", "trial"]),
    ("students", "painted", "paint", "painted", ["tower", "school", "barn", "shop"]),
    ("farmers", "blocked", "block", "blocked", ["road", "harbour", "market", "bridge"]),
    ("police", "searched", "search", "searched", ["hotel", "warehouse", "airport", "bank"]),
]
REPORT_REMARKS = [
    "Nobody was hurt.", "The damage is not known yet.", "Many people came to watch.", "The news surprised the town.",
    "Work goes on tomorrow.", "Traffic was slow for hours.", "The cost is still unclear.", "Neighbours were relieved.",
    "It was the first time in ten years.", "More details will follow.",
]

_ONSETS = "b d f g k l m n p r s t v z br dr gr kl st tr".split()
_VOWELS = "a e i o u".split()


def invented_name(rng: Random) -> str:
    """A pronounceable name of two or three syllables that is no word: it can only be copied."""
    syllables = rng.choice((2, 2, 3))
    name = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(syllables))
    return (name + rng.choice(("", "n", "s", "l"))).capitalize()


def person(rng: Random) -> str:
    """A known first name, or one time in four an invented one."""
    return invented_name(rng) if rng.random() < 0.25 else rng.choice(PEOPLE)


def city(rng: Random) -> str:
    """A known city, or one time in four an invented one."""
    return invented_name(rng) if rng.random() < 0.25 else rng.choice(CITIES)
