"""Models of rows by name: arguments that cannot be used are named."""

import re

import pytest

from reproduce.command import main
from reproduce.rows import row_model

ROW = "motionformer/table4:joint"


def test_weights_of_an_untrained_model_are_refused() -> None:
    with pytest.raises(ValueError, match=r"untrained=True takes random weights, not those of k400\.pyth"):
        row_model(ROW, weights="k400.pyth", untrained=True)


@pytest.mark.parametrize("device", ["gpu", "cuda:77"])
def test_a_device_that_is_not_here_is_named(device: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"device '{device}' cannot be used: ") + ".") as error:
        row_model(ROW, scale="tiny", untrained=True, device=device)
    assert "\n" not in str(error.value)


def test_messages_name_arguments_of_python() -> None:
    with pytest.raises(ValueError, match=r"; or name a file with weights=FILE, or take .* with untrained=True$"):
        row_model(ROW, scale="tiny", runs="none")
    with pytest.raises(ValueError, match=r"overrides is a list of texts; write overrides=\['seed=1'\]"):
        row_model(ROW, overrides="seed=1")
    with pytest.raises(ValueError, match="names no folder of videos"):
        row_model(ROW, own="", untrained=True)


def test_an_empty_name_of_a_folder_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["plan", ROW, "--own", ""])
    assert "--own: names no folder" in capsys.readouterr().err
