"""Joints of a body as a data set names them, and the bones between them."""

from itertools import pairwise
from typing import NamedTuple


class Skeleton(NamedTuple):
    """Joints of one body.

    `joints`: their names in the order of the data set. The name of a joint on one side begins with left or right.
    `links`: names of the two joints of each bone.
    """

    joints: tuple[str, ...]
    links: tuple[tuple[str, str], ...]

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        return tuple((self.joints.index(one), self.joints.index(other)) for one, other in self.links)

    @property
    def mirrored(self) -> tuple[int, ...]:
        """Index of the joint of the same name on the other side, for each joint; its own index in the middle."""
        return tuple(self.joints.index(_other_side(name)) for name in self.joints)


def both_sides(*names: str) -> tuple[str, ...]:
    """Names of the left and the right joint, for each name."""
    return tuple(f"{side} {name}" for name in names for side in ("left", "right"))


def limbs(*names: str) -> tuple[tuple[str, str], ...]:
    """Bones between neighbouring joints of these names, on both sides."""
    return tuple((f"{side} {one}", f"{side} {other}") for side in ("left", "right") for one, other in pairwise(names))


def _other_side(name: str) -> str:
    side, _, rest = name.partition(" ")
    return {"left": f"right {rest}", "right": f"left {rest}"}.get(side, name)
