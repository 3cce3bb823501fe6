from collections import Counter

import pytest

from data.synthetic.figure_classes import ACTION_OF, ACTIONS, CLASS_NAMES, LANDMARKS, Action, kind_of


def test_classes_are_of_three_kinds_in_alphabetical_order() -> None:
    assert list(CLASS_NAMES) == sorted(set(CLASS_NAMES))
    assert Counter(map(kind_of, CLASS_NAMES)) == {"motion": 6, "appearance": 3, "both": 4}
    assert len(CLASS_NAMES) == len(ACTIONS) + len(LANDMARKS)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_actions_form_pairs_that_differ_in_motion_or_in_colour_only(action: Action) -> None:
    partner = ACTION_OF[action.partner]
    assert ACTION_OF[partner.partner] == action
    assert (partner.motion == action.motion) == (partner.hue != action.hue) == (kind_of(action.name) == "both")
