"""The six skills of the embedded model, each with the forms in which pretraining asks for it.

A skill draws an `Example` (an input and the facts behind it). A `Form` is one shape of answer (a set of label words, a
record layout, a style of headline) with the wordings that ask for just this shape. Several forms a skill matter: with
one set of labels only, a prompt can later call the skill with no other.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import lexicon as lex

Facts = dict[str, str | int]


@dataclass(frozen=True)
class Example:
    """One input of a skill and what is true of it."""

    input: str
    facts: Facts


@dataclass(frozen=True)
class Form:
    """One shape of answer and the wordings that ask for it.

    `instructions` are lines put above the input; `labels` are pairs of words put before input and answer
    (`Review: …` / `Tone: …`), the first of which may be empty.
    """

    answer: Callable[[Facts], str]
    instructions: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Skill:
    """A task the model learns."""

    name: str
    sample: Callable[[Random], Example]
    forms: tuple[Form, ...]


def _words(key: str, **names: str) -> Callable[[Facts], str]:
    """The answer that names the value of fact `key` with the words of one label set."""
    return lambda facts: names[str(facts[key])]


# --- Sentiment of a review -------------------------------------------------------------------------------------------

def sample_review(rng: Random) -> Example:
    """A review of one or two clauses; a contrast (`but`) is decided by what comes last."""
    good = rng.random() < 0.5
    noun, other = rng.sample(lex.REVIEWED, 2)

    def claim(subject: str, positive: bool) -> str:
        adjective = rng.choice(lex.GOOD if positive else lex.BAD)
        adverb = rng.choice(lex.ADVERBS) + " " if rng.random() < 0.4 else ""
        return f"{subject} was {adverb}{adjective}"

    def remark(positive: bool) -> str:
        return rng.choice(lex.GOOD_REMARKS if positive else lex.BAD_REMARKS)

    shape = rng.random()
    if shape < 0.35:
        text = f"{claim('The ' + noun, good)} and {remark(good)}."
    elif shape < 0.55:
        first = remark(good)
        text = f"{first[0].upper()}{first[1:]}. {claim('The ' + noun, good)}."
    elif shape < 0.75:
        text = f"{claim('The ' + noun, good)}, the {other} was {rng.choice(lex.GOOD if good else lex.BAD)} too."
    else:
        text = f"{claim('The ' + other, not good)}, but {claim('the ' + noun, good)} and {remark(good)}."
    return Example(text, {"mood": "good" if good else "bad"})


SENTIMENT = Skill("sentiment", sample_review, (
    Form(_words("mood", good="positive", bad="negative"),
         ("Give the tone.", "Tone in one word.", "State which way the reviewer leans.", "Polarity, please."),
         (("Review", "Sentiment"), ("Text", "Tone"), ("", "Polarity"))),
    Form(_words("mood", good="happy", bad="unhappy"),
         ("Give the mood.", "How does the writer feel?", "Mood of the guest.", "Name the feeling."),
         (("Text", "Mood"), ("Guest", "Feeling"), ("", "Mood"))),
    Form(_words("mood", good="praise", bad="complaint"),
         ("Sort this note.", "Which pile does it go on?", "File the note.", "Kind of note."),
         (("Note", "Kind"), ("Note", "Pile"), ("", "Pile"))),
    Form(_words("mood", good="yes", bad="no"),
         ("Would they buy again?", "Did the guest enjoy it?", "Satisfied?", "Was the guest pleased?"),
         (("Comment", "Satisfied"), ("Review", "Liked"), ("", "Enjoyed"))),
    Form(_words("mood", good="5 stars", bad="1 star"),
         ("Give the stars.", "Stars for this one.", "How many stars?", "Put stars on it."),
         (("Review", "Stars"), ("Opinion", "Rating"), ("", "Stars"))),
))


# --- Intent of a message to a courier --------------------------------------------------------------------------------

MESSAGES = {
    "track": [
        "Where is my {item} now?", "The {item} should have come on {day}, where is it?",
        "Can you tell me when the {item} arrives in {city}?", "I am still waiting for the {item} I bought on {day}.",
        "Has my {item} left {city} yet?", "My {item} is late, it was due on {day}.",
    ],
    "address": [
        "I have moved to {city}, please bring the {item} there.", "Please deliver the {item} to {city} instead.",
        "The street on my {item} order is wrong, I live in {city}.", "Can the {item} go to my office in {city}?",
        "On {day} I will be in {city}, send the {item} there.", "Send my {item} to another house in {city}.",
    ],
    "cancel": [
        "I do not want the {item} any more.", "Please stop the order of the {item} from {day}.",
        "Forget the {item}, I found one in {city}.", "I changed my mind about the {item}.",
        "Call off the {item} I ordered on {day}.", "There is no need to send the {item} to {city}.",
    ],
    "damage": [
        "The {item} came broken on {day}.", "My {item} has a crack.", "The box was wet and the {item} does not work.",
        "The {item} from {city} arrived in pieces.", "There is a hole in the {item}.",
        "A part of the {item} was smashed on the way to {city}.",
    ],
    "payment": [
        "I was charged twice for the {item}.", "The bill for the {item} is too high.",
        "Can I pay for the {item} by card?", "The price of the {item} on my bill from {day} is wrong.",
        "I paid for the {item} on {day} but got no receipt.", "Why did the {item} to {city} cost so much?",
    ],
}
INTENTS = tuple(MESSAGES)


def sample_message(rng: Random) -> Example:
    """A customer's message to a courier."""
    intent = rng.choice(INTENTS)
    color = rng.choice(lex.COLORS) + " " if rng.random() < 0.5 else ""
    text = rng.choice(MESSAGES[intent]).format(
        item=color + rng.choice(lex.ITEMS)[0], day=rng.choice(lex.DAYS), city=lex.city(rng))
    if rng.random() < 0.4:
        text = rng.choice(("Hello. ", "Hi, this is " + lex.person(rng) + ". ", "Good morning. ")) + text
    return Example(text, {"intent": intent})


INTENT = Skill("intent", sample_message, (
    Form(_words("intent", track="track", address="address", cancel="cancel", damage="damage", payment="payment"),
         ("Give the topic.", "Topic in one word.", "Tag this ticket.", "Ticket tag, please."),
         (("Message", "Topic"), ("Ticket", "Tag"), ("", "Topic"))),
    Form(_words("intent", track="where", address="move", cancel="stop", damage="broken", payment="bill"),
         ("Write the keyword.", "Key it.", "One keyword.", "Keyword for the log."),
         (("Caller", "Keyword"), ("Log", "Key"), ("", "Keyword"))),
    Form(_words("intent", track="delivery desk", address="address desk", cancel="order desk", damage="repair desk",
                payment="money desk"),
         ("Pass it on to a desk.", "Which desk?", "Forward this.", "Name the desk."),
         (("Mail", "Desk"), ("Customer", "Forward to"), ("", "Desk"))),
    Form(_words("intent", track="late parcel", address="new address", cancel="order cancelled", damage="broken goods",
                payment="wrong bill"),
         ("Fill in the subject line.", "Write the subject.", "Subject line.", "What is it about?"),
         (("Mail", "Subject"), ("Message", "About"), ("", "Subject"))),
))


# --- Order to record -------------------------------------------------------------------------------------------------

ORDERS = [
    "Please send {n} {color} {items} to {city}.", "I would like {n} {color} {items} delivered to {city}.",
    "{n} {color} {items} for {city}, please.", "We need {n} {color} {items} in {city} by {day}.",
    "Could you ship {n} {color} {items} to {city}?", "Our shop in {city} is out of {color} {items}, send {n}.",
    "To {city}: {n} {color} {items}.", "{person} in {city} wants {n} {color} {items}.",
]


def sample_order(rng: Random) -> Example:
    """An order in a sentence; the number is a figure or, one time in three, a word."""
    item, items = rng.choice(lex.ITEMS)
    count = rng.randint(2, 12)
    number = lex.NUMBER_WORDS[count - 1] if rng.random() < 0.33 else str(count)
    facts: Facts = {"item": item, "count": count, "color": rng.choice(lex.COLORS), "city": lex.city(rng)}
    text = rng.choice(ORDERS).format(
        n=number, items=items, color=facts["color"], city=facts["city"], day=rng.choice(lex.DAYS),
        person=lex.person(rng))
    return Example(text[0].upper() + text[1:], facts)


def _record(**keys: str) -> Callable[[Facts], str]:
    """The answer that is a JSON object: key in the object = name of the fact."""
    return lambda facts: json.dumps({key: facts[fact] for key, fact in keys.items()}, ensure_ascii=False)


ORDER = Skill("order", sample_order, (
    Form(_record(item="item", count="count", city="city"),
         ("Give the record.", "Record of the order.", "Book this order.", "Enter it."),
         (("Order", "Record"), ("Text", "Entry"), ("", "Record"))),
    Form(_record(city="city", color="color", item="item", count="count"),
         ("Give all the fields.", "Full entry.", "All fields, city first.", "Fill in the sheet."),
         (("Order", "Fields"), ("Order", "Sheet"), ("", "Fields"))),
    Form(_record(product="item", quantity="count"),
         ("For the stock list.", "Stock entry.", "What leaves the stock?", "Take it off the stock."),
         (("Order", "Stock"), ("Text", "Product"), ("", "Stock"))),
    Form(lambda f: f"{f['count']} x {f['item']}, {f['color']}, {f['city']}",
         ("Print the label.", "Label for the box.", "Short note for the driver.", "Box label."),
         (("Order", "Label"), ("Order", "Box"), ("", "Label"))),
))


# --- English to Spanish ----------------------------------------------------------------------------------------------

def sample_translation(rng: Random) -> Example:
    """A short English sentence and its Spanish, with gender agreement."""
    noun, noun_es, gender = rng.choice(lex.NOUNS_ES)
    first, second = rng.sample(lex.ADJECTIVES_ES, 2)
    form = 1 if gender == "m" else 2
    the, a = ("el", "un") if gender == "m" else ("la", "una")
    adjective, other = first[form], second[form]
    english, spanish = rng.choice((
        (f"The {first[0]} {noun} is {second[0]}.", f"{the} {noun_es} {adjective} es {other}."),
        (f"The {noun} is {first[0]} and {second[0]}.", f"{the} {noun_es} es {adjective} y {other}."),
        (f"I see the {first[0]} {noun}.", f"veo {the} {noun_es} {adjective}."),
        (f"I want a {first[0]} {noun}.", f"quiero {a} {noun_es} {adjective}."),
        (f"We have a {first[0]} {noun}.", f"tenemos {a} {noun_es} {adjective}."),
        (f"The {first[0]} {noun} is not {second[0]}.", f"{the} {noun_es} {adjective} no es {other}."),
        (f"My {noun} is {first[0]} but {second[0]}.", f"mi {noun_es} es {adjective} pero {other}."),
        (f"She buys the {first[0]} {noun}.", f"ella compra {the} {noun_es} {adjective}."),
    ))
    return Example(english, {"spanish": spanish[0].upper() + spanish[1:], "noun": f"{the} {noun_es}"})


TRANSLATION = Skill("translation", sample_translation, (
    Form(lambda f: str(f["spanish"]),
         ("Say it in Madrid.", "Now in Spanish.", "The same for a reader in Lima.", "Spanish version."),
         (("English", "Spanish"), ("EN", "ES"), ("", "Spanish"))),
    Form(lambda f: f'"{f["spanish"]}"',
         ("Quote it in Spanish.", "As they say in Spain.", "What would Rosa say?", "Spanish, in quotes."),
         (("English", "Quote"), ("She said", "Ella dijo"), ("", "En España"))),
    Form(lambda f: str(f["noun"]),
         ("Spanish word for the thing.", "Name the thing in Spanish.", "Noun with its article.",
          "The thing, in Spanish."),
         (("Sentence", "Noun"), ("English", "Word"), ("", "Word"))),
))


# --- Question about a stated fact ------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Stated:
    """Facts of one kind in sentences: which value belongs to which thing."""

    kind: str  # "who", "where" or "color"
    things: list[str]
    values: list[str]

    @property
    def text(self) -> str:
        """The facts, a sentence each."""
        sentence = {
            "who": "{value} has the {thing}.", "where": "The {thing} is in the {value}.",
            "color": "The {thing} is {value}.",
        }[self.kind]
        return " ".join(sentence.format(thing=thing, value=value) for thing, value in zip(self.things, self.values))

    def question(self, asked: int) -> str:
        """The question about one of the things, by its place."""
        return {"who": "Who has the {}?", "where": "Where is the {}?", "color": "What color is the {}?"}[
            self.kind].format(self.things[asked])

    def example(self, asked: int) -> Example:
        """The facts with a question behind them, and what there is to answer."""
        thing, value = self.things[asked], self.values[asked]
        sentence = {"who": f"{value} has it.", "where": f"It is in the {value}.", "color": f"It is {value}."}[self.kind]
        facts: Facts = {"answer": value, "sentence": sentence, "thing": thing, "kind": self.kind}
        return Example(f"{self.text} {self.question(asked)}", facts)


def sample_facts(rng: Random) -> Stated:
    """Two or three facts of one kind."""
    count = rng.choice((2, 2, 3))
    things = rng.sample(lex.OBJECTS, count)
    kind = rng.choice(("who", "where", "color"))
    if kind == "who":
        return Stated(kind, things, _distinct(lambda: lex.person(rng), count))
    return Stated(kind, things, rng.sample(lex.PLACES if kind == "where" else lex.COLORS, count))


def sample_question(rng: Random) -> Example:
    """Two or three facts of one kind and a question about one of them."""
    stated = sample_facts(rng)
    return stated.example(rng.randrange(len(stated.things)))


def _distinct(draw: Callable[[], str], count: int) -> list[str]:
    """`count` different results of `draw`."""
    found: list[str] = []
    while len(found) < count:
        value = draw()
        if value not in found:
            found.append(value)
    return found


QUESTION = Skill("question", sample_question, (
    Form(lambda f: str(f["answer"]),
         ("One word back.", "Reply from the text.", "Look it up above.", "Shortest reply."),
         (("Text", "Reply"), ("Q", "A"), ("", "Reply"))),
    Form(lambda f: str(f["sentence"]),
         ("Reply in a sentence.", "Full reply.", "Say it as a sentence.", "Reply politely."),
         (("Text", "Full reply"), ("Child", "Mother"), ("", "She said"))),
    Form(lambda f: f"{f['thing']}: {f['answer']}",
         ("Put it on the list.", "For the list.", "Note it down.", "List entry."),
         (("Text", "List"), ("Facts", "Noted"), ("", "List"))),
))


# --- Report to headline ----------------------------------------------------------------------------------------------

def sample_report(rng: Random) -> Example:
    """A report of an event in one sentence and a remark, in either order."""
    subject, past, present, passive, objects = rng.choice(lex.EVENTS)
    thing, town, day = rng.choice(objects), lex.city(rng), rng.choice(lex.DAYS)
    article = "The " if subject in ("mayor", "police", "students", "farmers") else "A "
    event = rng.choice((
        f"{article}{subject} {past} the {thing} in {town} on {day}.",
        f"On {day} {article.lower()}{subject} {past} the {thing} in {town}.",
        f"In {town} {article.lower()}{subject} {past} the {thing} on {day}.",
    ))
    remark = rng.choice(lex.REPORT_REMARKS)
    text = f"{event} {remark}" if rng.random() < 0.7 else f"{remark} {event}"
    return Example(text, {"subject": subject, "present": present, "passive": passive, "thing": thing, "city": town})


HEADLINE = Skill("headline", sample_report, (
    Form(lambda f: f"{str(f['subject']).capitalize()} {f['present']} {f['thing']} in {f['city']}",
         ("For the front page.", "Top line.", "Line above the story.", "What the paper boy shouts."),
         (("Report", "Headline"), ("Story", "Title"), ("", "Headline"))),
    Form(lambda f: f"{f['city']}: {f['subject']} {f['present']} {f['thing']}",
         ("City first, for the ticker.", "Ticker line.", "Wire it.", "For the news wire."),
         (("Report", "Ticker"), ("Story", "Wire"), ("", "Ticker"))),
    Form(lambda f: f"{str(f['thing']).capitalize()} {f['passive']}",
         ("In two words.", "Two words for the index.", "Index entry.", "Shortest title."),
         (("Report", "Index"), ("Story", "In short"), ("", "In short"))),
))

SKILLS = (SENTIMENT, INTENT, ORDER, TRANSLATION, QUESTION, HEADLINE)
