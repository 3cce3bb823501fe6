"""Stand-in for EPIC-Kitchens-100 whose nouns have categories.

It has a class of its own because a stand-in is recognised by its class.
"""

from dataclasses import dataclass

from data.synthetic.epic100 import NOUNS, Epic100StandIn, csv_text

CATEGORIES = {
    "plate": "crockery",
    "knife": "cutlery",
    "pan": "cookware",
    "carrot": "vegetables",
    "box": "storage",
    "cloth": "cleaning equipment and material",
    "onion": "vegetables",
    "tap": "appliances",
}


@dataclass(frozen=True, kw_only=True)
class CategorisedEpic100StandIn(Epic100StandIn):
    """The same videos, with the categories of the nouns in their class file."""

    def annotations(self) -> dict[str, str]:
        header = ("id", "key", "instances", "category")
        names = [noun.name for noun in NOUNS]
        classes = [(number, name, f"['{name}']", CATEGORIES[name]) for number, name in enumerate(names)]
        return super().annotations() | {"EPIC_100_noun_classes.csv": csv_text(header, classes)}
