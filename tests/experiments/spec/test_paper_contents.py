"""Every table and figure of a paper is in the catalog, or named as one that is not here."""

import pytest

from experiments.spec.catalog import captions, contents_of_papers, find, not_here, without_numbers


@pytest.mark.parametrize("paper", contents_of_papers())
def test_what_is_here_is_in_the_catalog_and_what_is_not_here_is_not(paper: str) -> None:
    contents = contents_of_papers()[paper]
    in_catalog = {name.partition("/")[2] for name in captions() if name.startswith(f"{paper}/")}
    assert set(contents.here) <= in_catalog, "moved away? name them under not_here"
    named = {*contents.not_here, *contents.without_numbers}
    assert not named & in_catalog, f"they are here: move them to `here` in experiments/{paper}/contents.py"
    numbered = {name for name in in_catalog if name.startswith(("table", "figure"))}
    assert numbered <= set(contents.here), f"name them under `here` in experiments/{paper}/contents.py"


def test_every_paper_has_contents() -> None:
    assert {name.partition("/")[0] for name in captions()} <= set(contents_of_papers())


def test_every_paper_has_its_title_and_address() -> None:
    for paper, contents in contents_of_papers().items():
        assert contents.title and contents.url.startswith("https://arxiv.org/abs/"), paper


def test_names_of_what_is_not_here_say_so() -> None:
    for names, reason in ((not_here(), "is not here yet"), (without_numbers(), "contains no numbers")):
        name, caption = next(iter(names.items()))
        with pytest.raises(ValueError, match=reason) as raised:
            find([name])
        assert name in str(raised.value) and caption in str(raised.value)
