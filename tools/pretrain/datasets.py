"""Writes the sample datasets of the studio, from inputs that pretraining never saw.

    python datasets.py            # public/datasets

Each dataset has 200 training and 200 validation rows with the columns `input` and `target`. They come from the held-out
eighth of the corpus' inputs (`corpus.is_held_out`). What they ask for is at hand in the model and out of reach of words:
labels that pretraining never had as an answer, parts of two forms of an answer in one, the less obvious form of one.
On two (`courier-intent`, `english-spanish`) words rank the answers as well, so that this too can be seen; one (`desk-color`) is hard on purpose.
"""

import argparse
import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pyarrow
import pyarrow.parquet

import corpus
import skills

DATASET_FOLDER = Path(__file__).resolve().parent.parent.parent / "public" / "datasets"
ROWS = 200
SEED = 11

Row = tuple[str, str]


@dataclass(frozen=True)
class Dataset:
    """A sample dataset: what the page shows of it, and how its rows are made.

    `instructions` are ten wordings a person would try, none of which pretraining saw.
    """

    id: str
    title: str
    description: str
    task: str  # "class" or "text"
    format: str  # file extension
    skill: skills.Skill
    answer: Callable[[skills.Facts], str]
    instructions: tuple[str, ...]
    takes: Callable[[skills.Facts], bool] = lambda facts: True  # which of the skill's inputs


def _labels(fact: str, **names: str) -> Callable[[skills.Facts], str]:
    """Label words that pretraining never had as an answer, so that no instruction can name them to the model."""
    return lambda facts: names[str(facts[fact])]


def _record(facts: skills.Facts) -> str:
    """A record with the keys of one form and the fields of another."""
    keys = {"product": "item", "quantity": "count", "color": "color", "city": "city"}
    return json.dumps({key: facts[fact] for key, fact in keys.items()}, ensure_ascii=False)


def _who_does_what(facts: skills.Facts) -> str:
    """The plain headline without its place."""
    return f"{str(facts['subject']).capitalize()} {facts['present']} {facts['thing']}"


# The first is the first on the page.
DATASETS = (
    Dataset(
        "review-sentiment", "Review sentiment", "Tell whether a short review is good or bad.",
        "class", "csv", skills.SENTIMENT, _labels("mood", good="good", bad="bad"),
        ("Is this review good or bad?", "Classify the review as good or bad.", "Answer good or bad.",
         "Sentiment: good or bad", "What is the sentiment of this review?", "Decide if the review is good or bad.",
         "Label the review: good or bad.", "You are a sentiment classifier. Reply with good or bad.", "good or bad?",
         "Did the reviewer find it good or bad?"),
    ),
    Dataset(
        "courier-intent", "Customer intent",
        "Sort customers' messages to a courier into five kinds; the right words rank them as well as a prompt does.",
        "class", "csv", skills.INTENT, skills.INTENT.forms[1].answer,
        ("Classify the message: where, move, stop, broken or bill.", "What does the customer want?",
         "Choose one: where, move, stop, broken, bill.", "Which category is this message?",
         "Answer with where, move, stop, broken or bill.", "Classify the intent of the customer.", "Intent:",
         "Label this message with one word.", "Is this about where, move, stop, broken or bill?",
         "Route the message to the right team."),
    ),
    Dataset(
        "question-answer", "Question and answer",
        "Answer where a thing is, or what color it has, from a short text, as a line of a list.",
        "text", "csv", skills.QUESTION, lambda facts: f"List: {facts['thing']}: {facts['answer']}",
        ("Answer the question.", "thing: answer", "List: thing: answer", "Write a line of a list.",
         "Answer as a list entry.", "Answer like this: List: key: kitchen", "Read the text and answer the question.",
         "Write List, then the thing, then the answer.", "List:", "Answer with the thing and what is asked about it."),
        takes=lambda facts: facts["kind"] != "who",  # which the model does not know how to answer, see the model card
    ),
    Dataset(
        "order-json", "Order to JSON", "Turn an order written in a sentence into a JSON record of four fields.",
        "text", "jsonl", skills.ORDER, _record,
        ("Convert the order to JSON.", "Extract product, quantity, color and city as JSON.", "Return JSON.",
         'Write a JSON object with the keys "product", "quantity", "color" and "city".', "Parse this order.",
         "What are the product, the quantity, the color and the city?", "Order to JSON:", "Output only JSON.",
         "Turn this sentence into a JSON record with four keys.", "Extract the details of the order."),
    ),
    Dataset(
        "order-packing", "Order to packing line", "Shorten an order to one packing line: count x item, color, city.",
        "text", "parquet", skills.ORDER, skills.ORDER.forms[3].answer,
        ("Shorten the order to one line.", "Write the order as: count x item, color, city.", "Write a packing line.",
         "Summarize the order.", "Make it short: 2 x cup, red, Rome.", "count x item, color, city",
         "Rewrite the order in short form.", "What goes where?", "Packing line:", "List count, item, color and city."),
    ),
    Dataset(
        "english-spanish", "Spanish flashcards", "Give the Spanish noun, with its article, of an English sentence.",
        "text", "csv", skills.TRANSLATION, skills.TRANSLATION.forms[2].answer,
        ("Translate the noun to Spanish.", "What is the noun in Spanish?", "Translate only the noun.",
         "Find the noun and translate it into Spanish.", "Make a Spanish flashcard.", "Traduce el sustantivo.",
         "Which noun is in the sentence? Answer in Spanish.", "Extract the noun, in Spanish, with el or la.",
         "You are a translator. Translate the noun.", "Spanish noun:"),
    ),
    Dataset(
        "report-headline", "Report to headline", "Tell in three words who does what in a short report.",
        "text", "csv", skills.HEADLINE, _who_does_what,
        ("Write a headline without the city.", "Who did what?", "Write a headline of three words.",
         "Summarize in three words.", "Headline: who does what", "Say who does what.", "Write a short headline.",
         "Shorten to subject, verb and object.", "Headline:", "What happened? Leave out the place."),
    ),
    Dataset(
        "desk-color", "Message to desk color (hard)",
        "Send each message to a desk with a color name; the model never met these labels, so it takes a longer run.",
        "class", "csv", skills.INTENT,
        _labels("intent", track="blue", address="green", cancel="red", damage="black", payment="white"),
        ("Which desk: blue, green, red, black or white?", "Blue is tracking, green is address, red is cancel, black is "
         "damage, white is payment.", "Choose the color of the desk.", "Answer with a color.", "Classify the message.",
         "Send the message to the blue, green, red, black or white desk.", "What color is the right desk?",
         "Desk color:", "Label: blue, green, red, black, white.", "Pick one color for this message."),
    ),
)


def rows_of(dataset: Dataset, count: int) -> list[Row]:
    """`count` different rows of a dataset; classes are as balanced as the skill draws them."""
    rng = Random(f"{SEED} {dataset.id}")
    rows: dict[str, str] = {}
    while len(rows) < count:
        example = corpus.draw(dataset.skill, rng, held_out=True)
        if dataset.takes(example.facts):
            rows.setdefault(example.input, dataset.answer(example.facts))
    return list(rows.items())


def write_rows(path: Path, rows: list[Row]) -> None:
    """Writes rows in the format of the path's extension."""
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([("input", "target"), *rows])
    elif path.suffix == ".jsonl":
        lines = (json.dumps({"input": text, "target": target}, ensure_ascii=False) for text, target in rows)
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    else:
        table = pyarrow.table({"input": [text for text, _ in rows], "target": [target for _, target in rows]})
        pyarrow.parquet.write_table(table, path, compression="snappy")


def read_rows(path: Path) -> list[Row]:
    """Reads what `write_rows` wrote."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return [(row["input"], row["target"]) for row in csv.DictReader(file)]
    if path.suffix == ".jsonl":
        records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        return [(record["input"], record["target"]) for record in records]
    table = pyarrow.parquet.read_table(path).to_pydict()
    return list(zip(table["input"], table["target"]))


def write_all(folder: Path, best: dict[str, str]) -> None:
    """Writes every dataset and the index; `best` names the measured best instruction of a dataset, where known."""
    folder.mkdir(parents=True, exist_ok=True)
    index = []
    for dataset in DATASETS:
        train, validation = f"{dataset.id}.{dataset.format}", f"{dataset.id}.validation.{dataset.format}"
        rows = rows_of(dataset, 2 * ROWS)
        write_rows(folder / train, rows[:ROWS])
        write_rows(folder / validation, rows[ROWS:])
        index.append({
            "id": dataset.id, "title": dataset.title, "description": dataset.description, "task": dataset.task,
            "train": train, "validation": validation,
            "instruction": best.get(dataset.id, dataset.instructions[0]),
        })
    (folder / "index.json").write_text(json.dumps(index, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=DATASET_FOLDER)
    parser.add_argument("--measured", type=Path, help="measured.json of measure.py, for the best instructions")
    arguments = parser.parse_args()
    best = {}
    if arguments.measured and arguments.measured.exists():
        measured = json.loads(arguments.measured.read_text())
        best = {name: result["best_instruction"] for name, result in measured["datasets"].items()}
    write_all(arguments.out, best)


if __name__ == "__main__":
    main()
