"""Tables and paragraphs in the width of a terminal."""

from reproduce.terminal import ANY_WIDTH, table_text, terminal_width, wrapped
from tests.reproduce.conftest import TerminalOf

HEADERS = ("row", "K-400 / Top-1", "SSv2 / Top-1", "what it is")
LINES = [("joint", "79.2", "4.0", "attention over all"), ("trajectory", "9.7", "66.5", "–")]


def test_a_terminal_has_the_width_of_columns_and_a_file_none(terminal: TerminalOf) -> None:
    assert terminal_width() == ANY_WIDTH
    terminal(72)
    assert terminal_width() == 72


def test_numbers_are_aligned_to_the_right_two_spaces_apart() -> None:
    assert table_text(HEADERS, LINES, numbers=(1, 2)).splitlines() == [
        "row         K-400 / Top-1  SSv2 / Top-1  what it is",
        "----------  -------------  ------------  ------------------",
        "joint                79.2           4.0  attention over all",
        "trajectory            9.7          66.5  –",
    ]


def test_columns_that_do_not_fit_stand_below_the_others_beside_the_same_labels() -> None:
    text = table_text(HEADERS, LINES, width=34, numbers=(1, 2))
    first, second = text.split("\n\n")
    assert max(map(len, text.splitlines())) <= 34
    assert first.splitlines()[3:] == ["joint          79.2     4.0", "trajectory      9.7    66.5"]
    assert second.splitlines()[2:] == ["joint       attention over all", "trajectory  –"]


def test_texts_are_wrapped_where_that_takes_fewer_lines_than_another_block_of_columns() -> None:
    assert table_text(HEADERS, LINES, width=42, numbers=(1, 2)).splitlines() == [
        "            K-400 /  SSv2 /",
        "row           Top-1   Top-1  what it is",
        "----------  -------  ------  ----------",
        "joint          79.2     4.0  attention",
        "                             over all",
        "trajectory      9.7    66.5  –",
    ]


def test_the_rule_stands_below_all_headers() -> None:
    lines = table_text(("", "Top-1"), [("row", "SSv2"), ("joint", "4.0")], num_headers=2).splitlines()
    assert lines == ["       Top-1", "row    SSv2", "-----  -----", "joint  4.0"]


def test_long_headers_labels_and_cells_are_wrapped_between_words() -> None:
    headers = ("a label of several words", "a header of several words", "text")
    lines = [("one label that is too long", "12.5", "a text that is longer than what is left")]
    text = table_text(headers, lines, width=40, numbers=(1,))
    assert max(map(len, text.splitlines())) <= 40
    words = " ".join((*headers, *lines[0])).split()
    assert all(word in text.split() for word in words)


def test_the_header_is_wrapped_before_columns_move_and_labels_keep_the_room_that_narrow_cells_leave() -> None:
    text = table_text(("row", "a header of several words", "b header of several words"), [("x", 1, 2)], width=40)
    assert "\n\n" not in text and text.splitlines()[-1].split() == ["x", "1", "2"]
    lines = [("Not printed", "Ours, output tokens, random weights", "60.6")]
    text = table_text(
        ("Supervision", "Method", "a long header of a column"), lines, width=70, numbers=(2,), num_labels=2
    )
    assert "Not printed  Ours, output tokens, random weights" in text


def test_a_block_leaves_out_rows_without_a_text_in_it() -> None:
    lines = [("first-row-with-a-long-name", "12345678", ""), ("second-row", "1", "the disk is full")]
    text = table_text(("run", "id", "detail"), lines, width=40)
    assert text.split("\n\n")[1].splitlines()[2:] == ["second-row  the disk is", " " * 12 + "full"]


def test_lines_are_wrapped_with_an_indent_and_commands_stay_whole() -> None:
    text = "note: the values are old; `reproduce report motionformer/table4` prints the new ones"
    assert wrapped(text) == wrapped(text, width=len(text)) == text
    lines = wrapped(text, width=44, indent=6).splitlines()
    assert lines[0] == "note: the values are old;"
    assert lines[1] == "      `reproduce report motionformer/table4`" and lines[2] == "      prints the new ones"


def test_configs_longer_than_a_line_break_after_brackets_and_paths_not_at_all() -> None:
    text = "  top1  model=LoneExpert(expert=ImageExpert(init=ImageNet(name=vit_base_patch16))), optim.epochs=3"
    lines = wrapped(text, width=40, indent=4).splitlines()
    assert max(map(len, lines)) <= 40 and "".join(line.strip() for line in lines[1:-1]) in text
    path = "a/very/long/path/of/a/file.txt"
    assert wrapped(f"saved as {path}", width=20).splitlines()[-1] == path
    assert wrapped(f"saved as {path}", width=32, indent=9).splitlines()[-1] == f"  {path}"


def test_a_header_of_several_columns_is_as_wide_as_all_of_them() -> None:
    headers = ("", "Top-1 accuracy", "Top-1 accuracy", "")
    lines = [("row", "K-400", "SSv2", "GFLOPs"), ("joint", "72.0", "4.0", "180.6")]
    text = table_text(headers, lines, numbers=(1, 2, 3), num_headers=2)
    assert text.splitlines() == [
        "       Top-1",
        "       accuracy",
        "row    K-400  SSv2  GFLOPs",
        "-----  -----  ----  ------",
        "joint   72.0   4.0   180.6",
    ]
    in_blocks = table_text(headers, lines, width=14, numbers=(1, 2, 3), num_headers=2)
    assert in_blocks.count("Top-1") == in_blocks.count("accuracy") == 2


def test_a_long_label_goes_on_beside_rows_of_the_same_label() -> None:
    lines = [("windows of two joints", "all", "1"), ("", "loops", "2"), ("keys of two windows", "all", "3")]
    text = table_text(("part", "setting", "M"), lines, width=24, numbers=(2,), num_labels=2)
    assert text.splitlines()[2:] == [
        "windows of   all      1",
        "two joints   loops    2",
        "keys of two  all      3",
        "windows",
    ]
