from pathlib import Path

from data.datasets.epic100 import Epic100
from data.synthetic.ensure import ensure, folder_name
from data.synthetic.epic100 import NOUNS, Epic100StandIn
from data.synthetic.epic100_categories import CategorisedEpic100StandIn

SMALL = CategorisedEpic100StandIn(num_train=2, num_val=1)
PLAIN = Epic100StandIn(num_train=2, num_val=1)


def test_only_the_class_file_of_the_nouns_differs_from_the_plain_stand_in() -> None:
    ours, theirs = SMALL.annotations(), PLAIN.annotations()
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == ["EPIC_100_noun_classes.csv"]
    assert SMALL.videos() == PLAIN.videos()
    assert folder_name(SMALL) != folder_name(PLAIN)


def test_the_reader_finds_the_category_of_each_noun(tmp_path: Path) -> None:
    config = Epic100.Config(num_verbs=SMALL.num_verbs, num_nouns=SMALL.num_nouns, stand_in=SMALL)
    root = ensure(SMALL, tmp_path, progress=False, workers=0)
    nouns = config.categories(root)["noun"]
    by_name = dict(zip((noun.name for noun in NOUNS), nouns, strict=True))
    assert (by_name["carrot"], by_name["onion"], by_name["tap"]) == ("vegetables", "vegetables", "appliances")
    assert len(set(nouns)) == 7
    assert config.targets.by_kind(config.build(root, "test").class_names)["noun"] == tuple(by_name)
