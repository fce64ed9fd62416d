"""The catalogue: reads the cards in models/*.toml, checks them, and gives each variant whole.

A file holds one family: what its variants have in common stands at the top, and each [[variants]]
says what is different. docs/models.md describes every key.
"""

import copy
import difflib
import os
import re
from collections.abc import Iterator
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10: pip carries the same parser
    from pip._vendor import tomli as tomllib

from .terminal import FAILED, USAGE, Failure

HERE = Path(__file__).resolve().parent.parent
# The version of the format that this reads.
FORMAT = 1

TEXT, NUMBER, COUNT, FLAG, LIST = "text", "number", "whole number", "true or false", "list"

# Keys of each table and what they hold; "!" marks those that must be there.
TABLES = {
    "": {
        "card": COUNT + "!", "family": TEXT, "title": TEXT, "what": TEXT, "name": TEXT, "note": TEXT, "how": TEXT,
    },
    "source": {"project": TEXT + "!", "paper": TEXT, "published-by": TEXT + "!"},
    "licence": {"spdx": TEXT + "!", "url": TEXT + "!", "note": TEXT + "!"},
    "vigildetect": {"supported": TEXT + "!", "since": TEXT, "note": TEXT},
    "classes": {"names": "names!", "count": COUNT + "!"},
    "input": {
        "name": TEXT + "!", "type": TEXT + "!", "layout": TEXT + "!", "shape": LIST + "!", "size": LIST + "!",
        "colour": TEXT + "!", "scale": NUMBER + "!", "mean": LIST + "!", "std": LIST + "!", "fit": TEXT + "!",
        "pad": COUNT + "!",
    },
    "extra-inputs": {"name": TEXT + "!", "type": TEXT + "!", "shape": LIST + "!", "holds": TEXT + "!", "names": LIST},
    "outputs": {"name": TEXT + "!", "type": TEXT + "!", "shape": LIST + "!", "holds": TEXT + "!"},
    "boxes": {
        "head": TEXT + "!", "format": TEXT + "!", "units": TEXT + "!", "score": TEXT + "!", "strides": LIST,
        "nms": FLAG + "!",
    },
    "figures": {
        "dataset": TEXT + "!", "source": TEXT + "!", "ap": NUMBER + "!", "params": NUMBER, "gflops": NUMBER,
    },
    "download": {"url": TEXT + "!", "sha256": TEXT, "size": COUNT, "witnesses": COUNT},
    "weights": {"url": TEXT + "!", "sha256": TEXT, "size": COUNT, "witnesses": COUNT},
}  # fmt: skip
# Tables that there are several of.
LISTS = {"extra-inputs", "outputs"}
OPTIONAL = {"extra-inputs", "download", "weights"}

CHOICES = {
    ("vigildetect", "supported"): ["yes", "no", "planned"],
    ("input", "type"): ["f32", "f16", "u8"],
    ("input", "layout"): ["nchw", "nhwc"],
    ("input", "colour"): ["rgb", "bgr"],
    ("input", "fit"): ["letterbox-centre", "letterbox-top-left", "stretch", "centre-crop"],
    ("extra-inputs", "type"): ["f32", "i64"],
    ("extra-inputs", "holds"): ["source-size"],
    ("outputs", "type"): ["f32", "f16", "i64", "i32"],
    ("outputs", "holds"): ["candidates", "detections", "logits", "boxes", "scores", "labels", "prototypes"],
    ("boxes", "head"): [
        "yolov5", "yolov6", "yolov8", "yolox", "nanodet", "fastestdet", "yolo-nas", "end-to-end", "detr",
        "detr-rows", "detr-decoded", "yolov8-seg", "yolov8-pose", "yolov8-obb", "end-to-end-seg", "end-to-end-pose",
        "end-to-end-obb", "classify", "classify-logits", "classify-sigmoid",
    ],
    ("boxes", "format"): ["cxcywh", "xyxy"],
    ("boxes", "units"): ["input-pixels", "source-pixels", "grid-cells", "fraction"],
    ("boxes", "score"): ["class", "objectness-times-class", "sigmoid-of-logit", "final"],
}
KNOWN_CLASSES = {"coco80": 80, "coco91": 91}

# GFLOP for one picture up to which a model has this speed on a CPU.
SPEEDS = [(3, "very fast"), (12, "fast"), (40, "medium"), (120, "slow"), (float("inf"), "very slow")]


def folders() -> list[Path]:
    """Where cards are looked for: the user's own folders first."""
    own = os.environ.get("VIGIL_MODEL_CARDS", "")
    return [Path(folder) for folder in own.split(os.pathsep) if folder] + [HERE]


def read_all() -> dict[str, dict]:
    """Every variant's whole card, by name. A name in an earlier folder hides a later one."""
    found: dict[str, dict] = {}
    for folder in folders():
        if not folder.is_dir():
            raise Failure(f"{folder} (from VIGIL_MODEL_CARDS) is not a folder", USAGE)
        here: dict[str, Path] = {}
        for path in sorted(folder.glob("*.toml")):
            for card in read(path):
                name = card["name"]
                if name in here:
                    raise Failure(f"{path}: the name {name!r} is taken by {here[name]}")
                here[name] = path
                found.setdefault(name, card)
    return found


def read(path: Path) -> Iterator[dict]:
    """The whole cards of a file, one for each variant, checked."""
    try:
        with open(path, "rb") as file:
            family = tomllib.load(file)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failure(f"{path}: no TOML file: {error}") from None
    variants = family.pop("variants", None)
    if variants is not None and not (
        isinstance(variants, list) and all(isinstance(one, dict) for one in variants)
    ):
        raise Failure(f"{path}: [[variants]] must be tables")
    for card in [merged(family, variant) for variant in variants] if variants else [family]:
        wrong = problems(card)
        if wrong:
            name = card.get("name", "a variant without a name")
            raise Failure(f"{path}: {name}: {'; '.join(wrong)}", FAILED)
        yield card


def merged(family: dict, variant: dict) -> dict:
    """A variant's whole card: its tables laid over the family's, key by key; lists are replaced."""
    card = copy.deepcopy(family)
    for key, value in variant.items():
        if isinstance(value, dict) and isinstance(card.get(key), dict):
            card[key].update(value)
        else:
            card[key] = value
    return card


def problems(card: dict) -> list[str]:
    """What is wrong with a whole card; an empty list for a good one."""
    if card.get("card") != FORMAT:
        return [f"card = {card.get('card')!r}: this reads cards of format {FORMAT}"]
    if "name" not in card:
        return ["it has no name"]
    wrong = []
    top = {key: value for key, value in card.items() if key not in TABLES}
    wrong += table_problems("", top)
    for table in TABLES:
        if not table:
            continue
        held = card.get(table)
        if held is None:
            if table not in OPTIONAL:
                wrong.append(f"[{table}] is missing")
        elif table in LISTS:
            if not isinstance(held, list) or not all(isinstance(one, dict) for one in held):
                wrong.append(f"[[{table}]] must be tables")
            else:
                wrong += [text for one in held for text in table_problems(table, one)]
        elif not isinstance(held, dict):
            wrong.append(f"[{table}] must be a table")
        else:
            wrong += table_problems(table, held)
    return wrong or value_problems(card)


def table_problems(table: str, held: dict) -> list[str]:
    """Keys that are missing, unknown or hold the wrong kind of thing."""
    known, wrong = TABLES[table], []
    where = f"[{table}] " if table else ""
    for key, value in held.items():
        kind = known.get(key)
        if kind is None:
            near = difflib.get_close_matches(key, known if table else [*known, *TABLES], 1)
            wrong.append(
                f"{where}{key} is no key of a card" + (f" (did you mean {near[0]}?)" if near else "")
            )
            continue
        kind = kind.rstrip("!")
        if not is_a(value, kind):
            wrong.append(f"{where}{key} = {value!r} must be a {kind}")
        elif (table, key) in CHOICES and value not in CHOICES[table, key]:
            wrong.append(f"{where}{key} = {value!r} must be one of {', '.join(CHOICES[table, key])}")
    wrong += [
        f"{where}{key} is missing" for key, kind in known.items() if kind.endswith("!") and key not in held
    ]
    return wrong


def is_a(value: object, kind: str) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return {
        TEXT: isinstance(value, str) and value != "",
        NUMBER: whole or isinstance(value, float),
        COUNT: whole and value >= 0,
        FLAG: isinstance(value, bool),
        LIST: isinstance(value, list) and value != [],
        "names": isinstance(value, str) or isinstance(value, list) and all(isinstance(v, str) for v in value),
    }[kind]


def value_problems(card: dict) -> list[str]:
    """Values that cannot be right although they are of the right kind."""
    wrong = []
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", card["name"]):
        wrong.append(f"name = {card['name']!r} must be lower-case letters, digits, '_', '-' and '.'")
    for table in ("download", "weights"):
        held = card.get(table, {})
        if held and not re.match(r"(https?|file)://", held["url"]):
            wrong.append(f"[{table}] url = {held['url']!r} must be an https, http or file URL")
        if not re.fullmatch(r"[0-9a-f]{64}", held.get("sha256", "0" * 64)):
            wrong.append(f"[{table}] sha256 = {held['sha256']!r} must be 64 hexadecimal digits in lower case")
    for held in [card["input"], *card.get("extra-inputs", []), *card["outputs"]]:
        if not all(isinstance(side, str) or is_a(side, COUNT) and side > 0 for side in held["shape"]):
            wrong.append(
                f"{held['name']}: shape = {held['shape']} must hold numbers, and names for open axes"
            )
    size = card["input"]["size"]
    if len(size) != 2 or not all(isinstance(side, int) and 1 <= side <= 8192 for side in size):
        wrong.append(f"[input] size = {size} must be a width and a height in pixels")
    for key in ("mean", "std"):
        if len(card["input"][key]) != 3 or not all(is_a(value, NUMBER) for value in card["input"][key]):
            wrong.append(
                f"[input] {key} = {card['input'][key]} must be three numbers, in the input's order of colours"
            )
    if any(value == 0 for value in card["input"]["std"]):
        wrong.append("[input] std must not hold 0")
    names, count = card["classes"]["names"], card["classes"]["count"]
    known = KNOWN_CLASSES.get(names) if isinstance(names, str) else len(names)
    if known is None:
        wrong.append(
            f"[classes] names = {names!r} must be a list of names, or one of {', '.join(KNOWN_CLASSES)}"
        )
    elif known != count:
        wrong.append(f"[classes] count = {count}, but there are {known} names")
    return wrong


def find(cards: dict[str, dict], name: str) -> dict:
    """The card of a name, in any case; the nearest names where there is none."""
    wanted = name.lower()
    if wanted in cards:
        return cards[wanted]
    plain = {re.sub(r"[^a-z0-9]", "", known): known for known in cards}
    squeezed = re.sub(r"[^a-z0-9]", "", wanted)
    if squeezed in plain:
        return cards[plain[squeezed]]
    near = difflib.get_close_matches(wanted, cards, 3, 0.5)
    near += [known for known in cards if wanted and known.startswith(wanted) and known not in near][
        : 5 - len(near)
    ]
    hint = f"; near it: {', '.join(near)}" if near else ""
    raise Failure(f"no model is called {name!r}{hint}. models/fetch --list shows all", USAGE)


def speed(card: dict) -> str:
    """How fast the model is on a CPU, from its arithmetic; '-' where that is not known."""
    gflops = card["figures"].get("gflops")
    if gflops is None:
        return "-"
    return next(word for limit, word in SPEEDS if gflops < limit)
