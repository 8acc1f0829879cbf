"""What people write in the simulated world: captions, comments and names, with all the scripts that break loaders."""

from random import Random

LONGEST_CAPTION = 2200
"""Characters that TikTok allows in a caption."""

_OPENINGS = (
    "little coco ☕",
    "POV: the espresso machine wakes up before you do",
    'He said "it is just a plant" 🌵',
    "Day {n} of baking until it works",
    "Wait for it… 🫢",
    "3 mistakes everyone makes;\nnumber 2 hurts",
    "صباح الخير من المطبخ 🌅",
    "שבת שלום ✨ רגע של שקט",
    "今日の仕込み 🍜",
    "Como fazer pão em casa? Parte {n}",
    "Wie baut man das? Teil {n}: «der Rahmen»",
    "o'clock somewhere \\o/ 100% tested, 0% planned",
    "новый выпуск №{n} 🎬",
    "👩🏽‍🍳👨‍👩‍👧‍👦🏳️‍🌈 all of us",
    "",
)
_TAGS = (
    "#fyp",
    "#foryou",
    "#learnontiktok",
    "#coffee",
    "#DIY",
    "#مطبخ",
    "#料理",
    "#receitas",
    "#smallbusiness",
    "#πλάνο",
)

_COMMENTS = (
    "nice",
    "xxxxxxxx",
    "Where did you get that? 😍",
    "😂😂😂",
    "first!",
    "ممكن الوصفة؟",
    "I tried this,\nit did not work",
    "これ大好き",
    'she said "never again" lol',
    "Quanto custa?",
    "👏🏽👏🏽👏🏽",
    "NULL",
    "0042",
    "=SUM(1;2)",
    "it's; a -- trap",
    "tbh the sound is better than the video 🎵",
    "спасибо, очень полезно",
    "follow back?",
    "who is here after the update",
    "Zażółć gęślą jaźń",
    "אני רוצה גם",
    "✨",
    "link in bio pls",
    "This deserves more views",
    "@friend look",
)
_HANDLES = (
    "klein_kunkun",
    "phoenix2023",
    "mara.v",
    "lee_in_motion",
    "sunny",
    "x.kat",
    "o_marcos",
    "nine9",
    "real.juno",
)
_DISPLAY_NAMES = (
    "kiki",
    "Mara 🌸",
    "李雷",
    "محمد",
    "O’Neil",
    "Анна К.",
    "ジュノ⚡",
    "Zoë",
    "ᴊᴜɴᴏ",
    "นก",
    '"quoted"',
    "São Marcos",
    "דנה",
    "한별",
    " spaces ",
    "🦊",
)


def caption(random: Random, number: int) -> str:
    """The caption of a post; one in thirty is as long as TikTok allows, some are empty."""
    text = random.choice(_OPENINGS).format(n=number + 1)
    tags = random.sample(_TAGS, random.randrange(4))
    whole = " ".join([text, *tags]).strip()
    if random.random() < 1 / 30:
        filler = " and then, step by step, we did it all over again 🔁"
        whole = (whole + filler * (LONGEST_CAPTION // len(filler) + 1))[:LONGEST_CAPTION]
    return whole


def comment(random: Random) -> str:
    """The text of a comment or reply."""
    text = random.choice(_COMMENTS)
    return f"{text} {random.choice(_COMMENTS)}" if random.random() < 0.3 else text


def handle(random: Random) -> str:
    """The username of a commenter."""
    return f"{random.choice(_HANDLES)}{random.randrange(10_000)}"


def display_name(random: Random) -> str:
    """The display name of a commenter."""
    return random.choice(_DISPLAY_NAMES)
