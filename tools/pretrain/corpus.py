"""The seeded generator of the pretraining corpus: an endless stream of documents.

Three kinds of document, in shares that were found by trying:

- plain text (a third): lines of the same kinds as the skills' inputs and no task, so that the model alone *continues* a
  text and does not answer it;
- pure copying (a quarter): without it a model of this size learns to classify but never to extract or to translate;
- skills (the rest): each in several forms and wordings, alone or after examples.

A later stage of the pretraining puts lessons in looking up between them (`lesson_document`): the question skill does not
come by itself, as the rest do.

Answers are marked (`mark`), so that training can give them more weight than the text before them, most of which nobody
could predict. Every input whose hash falls into the held-out eighth is skipped here and used only for the sample
datasets.
"""

import hashlib
from collections.abc import Iterator
from random import Random

import lexicon as lex
from skills import QUESTION, SKILLS, Example, Form, Skill, Stated, sample_facts

PLAIN_SHARE = 0.33
COPY_SHARE = 0.25


MARK = "\x01"  # stands before and after the answers in a document


def mark(answer: str) -> str:
    """An answer between marks."""
    return MARK + answer + MARK


def unmarked(document: str) -> str:
    """The text of a document."""
    return document.replace(MARK, "")


def is_held_out(text: str) -> bool:
    """Whether an input is kept out of pretraining (one in eight, by hash, on every machine the same)."""
    return hashlib.sha256(text.encode()).digest()[0] % 8 == 0


def draw(skill: Skill, rng: Random, held_out: bool = False) -> Example:
    """An example of a skill from the pretraining part, or from the held-out part."""
    while True:
        example = skill.sample(rng)
        if is_held_out(example.input) == held_out:
            return example


def documents(seed: int, lessons: float = 0) -> Iterator[str]:
    """Endless documents, the same for the same seed; `lessons` is the share of lessons in looking up."""
    rng = Random(seed)
    while True:
        if lessons > 0 and rng.random() < lessons:
            yield lesson_document(rng)
            continue
        share = rng.random()
        if share < PLAIN_SHARE:
            yield plain_document(rng)
        elif share < PLAIN_SHARE + COPY_SHARE:
            yield rng.choice(COPYING)(rng)
        else:
            yield skill_document(rng)


# --- Plain text ------------------------------------------------------------------------------------------------------

def plain_document(rng: Random) -> str:
    """Lines of one kind, or a paragraph of them, without any task."""
    skill = rng.choice(SKILLS)
    lines = []
    for _ in range(rng.randint(2, 5)):
        example = draw(skill, rng)
        spanish = skill.name == "translation" and rng.random() < 0.3
        lines.append(str(example.facts["spanish"]) if spanish else example.input)
    return ("\n" if rng.random() < 0.8 else " ").join(lines)


# --- Copying ---------------------------------------------------------------------------------------------------------

def _some_words(rng: Random, count: int) -> list[str]:
    """Words to copy: known ones, numbers and invented names in one list."""
    pools = (lex.OBJECTS, lex.COLORS, lex.CITIES, lex.PEOPLE, lex.PLACES, [item for item, _ in lex.ITEMS])
    words = []
    for _ in range(count):
        kind = rng.random()
        if kind < 0.3:
            words.append(lex.invented_name(rng))
        elif kind < 0.4:
            words.append(str(rng.randint(2, 60)))
        else:
            words.append(rng.choice(rng.choice(pools)))
    return words


def copy_line(rng: Random) -> str:
    """A line and the same line again: a list, or an input of some skill."""
    if rng.random() < 0.5:
        line = rng.choice((", ", " ")).join(_some_words(rng, rng.randint(2, 8)))
    else:
        line = draw(rng.choice(SKILLS), rng).input
    layout = rng.choice((
        "Repeat: {0}\n{1}", "Say it again.\n{0}\n{1}", "Copy this line.\n{0}\n{1}", "{0}\nAgain: {1}", "Echo\n{0}\n{1}",
    ))
    return layout.format(line, mark(line))


def copy_field(rng: Random) -> str:
    """Named values in a sentence, then one or more of them by name."""
    names = rng.sample(("city", "item", "color", "count", "name", "place", "gift", "street"), rng.randint(2, 4))
    values = _some_words(rng, len(names))
    pairs = list(zip(names, values))
    text = rng.choice((", ", " and ")).join(f"{name} is {value}" for name, value in pairs)
    wanted = rng.sample(pairs, rng.randint(1, len(pairs)))
    style = rng.random()
    if style < 0.4:
        return f"{text}.\n" + "\n".join(f"{name}:{mark(' ' + value)}" for name, value in wanted)
    if style < 0.7:
        fields = ", ".join(f'"{name}": "{value}"' for name, value in wanted)
        asked = ", ".join(name for name, _ in wanted)
        return f"Fields {asked}.\n{text}.\n{mark('{' + fields + '}')}"
    name, value = wanted[0]
    return f"Find the {name}.\n{text}.\n{mark(value)}"


def copy_position(rng: Random) -> str:
    """A list and the element at one place of it."""
    words = _some_words(rng, rng.randint(3, 6))
    place, word = rng.choice((("First", words[0]), ("Last", words[-1]), ("Second", words[1])))
    separator = rng.choice((", ", " "))
    if rng.random() < 0.5:
        return f"{place} word.\n{separator.join(words)}\n{mark(word)}"
    return f"List: {separator.join(words)}\n{place}:{mark(' ' + word)}"


def copy_next(rng: Random) -> str:
    """A list, and the same list once more from some element on."""
    words = list(dict.fromkeys(_some_words(rng, rng.randint(5, 8))))
    start = rng.randrange(1, len(words) - 1)
    rest = " " + " ".join(words[start:])
    return f"{' '.join(words)}\nFrom {words[start]} on:{mark(rest)}"


COPYING = (copy_line, copy_line, copy_field, copy_field, copy_position, copy_next)


# --- Skills ----------------------------------------------------------------------------------------------------------

def skill_document(rng: Random, skill: Skill | None = None) -> str:
    """One skill in one form: under an instruction or with label words, alone or after examples."""
    skill = skill or rng.choice(SKILLS)
    form = rng.choice(skill.forms)
    examples = 1 if rng.random() < 0.75 else rng.randint(2, 4)
    pairs = [(example.input, form.answer(example.facts)) for example in (draw(skill, rng) for _ in range(examples))]
    return _under_instruction(form, pairs, rng) if rng.random() < 0.65 else _with_labels(form, pairs, rng)


def _under_instruction(form: Form, pairs: list[tuple[str, str]], rng: Random) -> str:
    """The instruction once, then input and answer on a line each: the layout that a soft prompt stands in for."""
    instruction = rng.choice(form.instructions)
    if rng.random() < 0.2:
        instruction = instruction.rstrip(".?") + ":"
    return "\n".join([instruction] + [f"{text}\n{mark(answer)}" for text, answer in pairs])


def _with_labels(form: Form, pairs: list[tuple[str, str]], rng: Random) -> str:
    """`Review: …` and `Tone: …`, with the answer behind its label or, at times, on the line below."""
    before, after = rng.choice(form.labels)
    start = f"{before}: " if before else ""
    gap = "\n" if rng.random() < 0.3 else " "
    return "\n".join(f"{start}{text}\n{after}:{mark(gap + answer)}" for text, answer in pairs)


# --- Lessons in looking up -------------------------------------------------------------------------------------------

def lesson_document(rng: Random) -> str:
    """Stated facts and what they answer, in steps: all of them as a list, several questions, one question."""
    style = rng.random()
    if style < 0.35:
        return skill_document(rng, QUESTION)
    stated = _facts_to_learn(rng)
    order = rng.sample(range(len(stated.things)), rng.randint(1, len(stated.things)))
    if style < 0.6:
        lines = [f"{stated.things[i]}:{mark(' ' + stated.values[i])}" for i in order]
        return "\n".join([stated.text, *lines])
    form = rng.choice(QUESTION.forms)
    lines = [f"{stated.question(i)}\n{mark(form.answer(stated.example(i).facts))}" for i in order]
    # Never without an instruction: the model alone is to continue a text, not to answer it.
    return rng.choice(form.instructions) + "\n" + stated.text + rng.choice((" ", "\n")) + "\n".join(lines)


def _facts_to_learn(rng: Random) -> Stated:
    """Facts about which no question is held out."""
    while True:
        stated = sample_facts(rng)
        if not any(is_held_out(stated.example(i).input) for i in range(len(stated.things))):
            return stated


if __name__ == "__main__":
    stream = documents(0)
    for _ in range(40):
        print(unmarked(next(stream)), end="\n<|endoftext|>\n")
