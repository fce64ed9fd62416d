"""Writes one variant's whole card as TOML, for the file that lies beside a model."""

import json
from pathlib import Path

from .store import write_atomically


def text(card: dict) -> str:
    """The card as TOML: plain values first, then tables, then lists of tables."""
    lines = ["# What is known of the model beside this file. docs/models.md describes the keys."]
    lines += [f"{key} = {value(held)}" for key, held in card.items() if not is_table(held)]
    for key, held in card.items():
        if isinstance(held, dict):
            lines += ["", f"[{key}]"] + [f"{inner} = {value(one)}" for inner, one in held.items()]
        elif is_table(held):
            for table in held:
                lines += ["", f"[[{key}]]"] + [f"{inner} = {value(one)}" for inner, one in table.items()]
    return "\n".join(lines) + "\n"


def is_table(held: object) -> bool:
    return isinstance(held, dict) or isinstance(held, list) and bool(held) and isinstance(held[0], dict)


def value(held: object) -> str:
    """A value as TOML. JSON writes text, numbers and flags as TOML reads them."""
    if isinstance(held, list):
        return "[" + ", ".join(value(one) for one in held) + "]"
    return json.dumps(held, ensure_ascii=False)


def write(model: Path, card: dict) -> Path:
    """Writes the card beside the model, as NAME.toml, and gives its path."""
    path = model.with_suffix(".toml")
    write_atomically(path, text(card))
    return path
