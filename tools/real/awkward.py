"""Texts and conversations that a tokenizer or a chat template could get wrong, drawn from a seed."""

import random

CONTRACTIONS = ["it's", "WE'RE", "I'd've", "don’t", "'s's", "y'all'll", "O'Neil", "rock'n'roll", "'tis", "x'S", "'ſ"]
NUMBERS = ["0", "7", "42", "2024", "3.14", "1,000,000", "1e-9", "٣٤٥", "१२३", "⅔", "Ⅳ", "x²", "007", "12:30", "-5", "99%", "1st"]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\r", "\n\n\n", " \n ", "\u00a0", "\u2003", "\u3000", "\u200b", "\v", "\f", "\x85", "\u2028"]
WORDS = [
    "the", "Hello", "world", "parcel", "is", "LATE", "naïve", "café", "cafe\u0301", "Straße", "ﬁne", "İstanbul", "東京", "こんにちは",
    "안녕하세요", "\u1112\u1161\u11ab", "Привет", "שלום", "مرحبا", "नमस्ते", "สวัสดี", "Ελλάδα", "ǅ", "𝕬𝖇𝖈", "ａｂｃ", "𐍈", "đồng", "e\u0323\u0302",
    "camelCase", "snake_case", "kebab-case", "antidisestablishmentarianism", "zzzzzz", "aaaaaaaaaaaaaaaaaaaaa", "http://a.b/c?d=e&f#g",
]
SIGNS = [
    "!", "?!", "...", "…", "—", "“quoted”", "(a)", "[b]", "{c}", "<d>", "&amp;", "\\n", "\\", "/", "//", "#", "@", "$", "€", "%", "^", "&", "*", "_",
    "__", "|", "~", "`", "```", "=", "==", "!=", "=>", "->", "::", ";", ",", ".", "'", '"', "''", "´", "°", "™", "½", "\u0000", "\u0001", "\u001b[0m",
    "\u007f", "\u00ad", "\u061c", "\u200d", "\u202e", "\ufeff", "\ufffd", "\ufffe", "\uffff", "\ue000", "\U0010ffff", "\U000e0041",
]
EMOJI = ["😀", "👍🏽", "👩‍👩‍👧", "🇩🇪", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "❤️", "☺", "1️⃣", "🫠"]
INNER = ["▁", "▁the", "Ġ", "Ġthe", "Ċ", "<0x0A>", "<0xFF>", "Â", "ł", "##ing", "</w>", "<unk>", "<s>", "</s>", "<pad>", "<bos>", "<eos>"]
CODE = ["def f(x):\n    return x\n", "for (let i = 0; i < 9; i++) {\n\t}\n", "SELECT * FROM t;", "<p class='a'>", "</table>", "a[0][1]", "#include <x>\n"]
POOLS = [WORDS, WORDS, WORDS, NUMBERS, SPACES, SPACES, SIGNS, CONTRACTIONS, EMOJI, INNER, CODE]


def _character(draw):
    """One of any plane, surrogates aside."""
    while True:
        code = draw.choice([draw.randrange(0x80), draw.randrange(0x800), draw.randrange(0x10000), draw.randrange(0x110000)])
        if not 0xD800 <= code < 0xE000:
            return chr(code)


def texts(count, special, seed=12):
    """`count` different texts; `special` are the model's own added tokens, which are mixed in, whole and broken."""
    draw = random.Random(seed)
    found = {"": None, " ": None, "\n": None}
    while len(found) < count:
        pieces = []
        for _ in range(draw.choice([1, 2, 3, 5, 8, 13, 30])):
            kind = draw.random()
            if kind < 0.08:
                token = draw.choice(special)
                pieces.append(token if draw.random() < 0.7 else token[: draw.randrange(1, len(token) + 1)])
            elif kind < 0.2:
                pieces.append("".join(_character(draw) for _ in range(draw.randrange(1, 5))))
            elif kind < 0.27:
                pieces.append(draw.choice(SPACES + SIGNS + NUMBERS) * draw.randrange(2, 40))
            else:
                word = draw.choice(draw.choice(POOLS))
                pieces.append(draw.choice([word, word, word.upper(), word.title()]))
            if draw.random() < 0.5:
                pieces.append(" ")
        found["".join(pieces)] = None
    return list(found)[:count]


def conversations(count, contents, seed=12):
    """Conversations of such texts: `{messages, start}`, where `start` asks for the start of an answer."""
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        roles = draw.choice([["user"], ["system", "user"], ["user", "assistant", "user"], ["system", "user", "assistant"], ["system"]])
        roles = roles + ["assistant", "user"] * draw.choice([0, 0, 0, 1, 3])
        messages = [{"role": role, "content": draw.choice(contents)} for role in roles]
        made.append({"messages": messages, "start": draw.random() < 0.7})
    return made
