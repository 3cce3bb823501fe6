"""Classes of videos of articulated figures, of three kinds.

Motion: the actor's joints tell the class. Appearance: a large thing in the scene tells it. Both: the arm that the actor
waves and the colour of the thing in that hand tell it.

Actions form pairs, and every video shows the two actions of a pair, one by the actor and one by a stranger. Pictures
without joints therefore tell the pair but not the action. Nor do pictures tell left from right, since a figure may face
us or face away.
"""

from typing import Literal, NamedTuple

from data.synthetic.figure_motions import Motion
from data.synthetic.shapes import Shape

Kind = Literal["motion", "appearance", "both"]
RED, BLUE = 0.0, 0.62  # hues of the things that figures hold


class Action(NamedTuple):
    """What a figure does. The hue of the thing in its waving hand is one of two, or random if None."""

    name: str
    motion: Motion
    partner: str  # other action of the pair
    hue: float | None = None


class Landmark(NamedTuple):
    """Large thing in the scene that tells the class."""

    name: str
    shape: Shape
    hue: float


# fmt: off
ACTIONS = (
    Action("march",            "march",            "march_and_cheer"),  # these two differ in the last frames
    Action("march_and_cheer",  "march_and_cheer",  "march"),
    Action("rest",             "rest",             "rest_and_swing"),   # these two differ in the last joint
    Action("rest_and_swing",   "rest_and_swing",   "rest"),
    Action("sit_down",         "sit_down",         "stand_up"),         # these two differ in the order of frames
    Action("stand_up",         "stand_up",         "sit_down"),
    Action("wave_left_blue",   "wave_left",        "wave_left_red",     BLUE),
    Action("wave_left_red",    "wave_left",        "wave_left_blue",    RED),
    Action("wave_right_blue",  "wave_right",       "wave_right_red",    BLUE),
    Action("wave_right_red",   "wave_right",       "wave_right_blue",   RED),
)
LANDMARKS = (
    Landmark("near_green_ring",      "ring",     0.33),
    Landmark("near_violet_triangle", "triangle", 0.80),
    Landmark("near_yellow_cross",    "cross",    0.15),
)
# fmt: on
ACTION_OF = {action.name: action for action in ACTIONS}
LANDMARK_OF = {landmark.name: landmark for landmark in LANDMARKS}
CLASS_NAMES = tuple(sorted((*ACTION_OF, *LANDMARK_OF)))


def kind_of(name: str) -> Kind:
    """Kind of a class."""
    if name in LANDMARK_OF:
        return "appearance"
    return "motion" if ACTION_OF[name].hue is None else "both"
