"""Invalid arguments and files: a one-line error with cause and remedy, and the right exit code."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from experiments.spec.catalog import find
from experiments.spec.scales import TINY
from reproduce.command import main
from runner.store.jobs import jobs_of, jobs_under

ROW = "motionformer/table4:trajectory"
CLIPS = Path(__file__).resolve().parents[3] / "shared" / "clips"
EVALUATE = ["evaluate", ROW, "--scale", "tiny", "-o", "data.dataset.num_classes=400", "-o", "evaluation.views=1"]


def error_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(words)
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return code, lines[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seeds", "-1"], "--seeds '-1': seeds are 0 or more"),
        (["-o", "seed=3"], "seeds are named with --seeds"),
        (["-o", "optim.epochs=0"], "optim.epochs is 0; it must be 1 or more"),
        (["-o", "optim.batch_size=0"], "optim.batch_size is 0; it must be 1 or more"),
        (["-o", "optim.lr=1e999"], "numbers are finite and at most"),
        (["-o", "objective.label_smoothing=2"], "objective.label_smoothing is 2.0; it must be between 0 and 1"),
        (["--workers", "-1"], "--workers -1: it must be 0 or more"),
        (["--allow-bad", "-1"], "--allow-bad -1: it must be 0 or more"),
    ],
)
def test_numbers_out_of_range_are_rejected(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = error_line(["plan", ROW, *words], capsys)
    assert code == 2
    assert message in text


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("evaluation.stride=2", "segment sampling has no stride in frames: set evaluation.span"),
        ("evaluation.views=3", "segment sampling has one view, the whole video; evaluation.views is 3"),
        ("evaluation.span=2.0", "evaluation.span is 2.0; it must be more than 0 and at most 1"),
    ],
)
def test_run_rejects_test_protocols_that_the_sampling_does_not_support(
    override: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = error_line(["run", ROW, "--runs", str(tmp_path), "-o", override], capsys)
    assert code == 2
    assert message in text
    assert list(tmp_path.iterdir()) == []


def test_check_rejects_the_picture_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["report", "motionformer/figure3", "--check", "--picture", str(tmp_path / "figure.png")]
    code, text = error_line(words, capsys)
    assert (code, "leave --picture, --plot and --publish out" in text) == (2, True)


@pytest.mark.parametrize(
    "words",
    [["attention", ROW, "--query", "0.5,0.5", "--out"], ["report", "motionformer/figure3", "--picture"]],
    ids=lambda words: words[0],
)
def test_pictures_are_png_files_in_folders_that_exist(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file, message in (
        ("maps.xyz", "does not end in .png"),
        ("none/maps.png", f"there is no folder {tmp_path}/none"),
    ):
        with pytest.raises(SystemExit) as error:
            main([*words, str(tmp_path / file)])
        assert error.value.code == 2 and message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "option",
    [["--data", "kinetics400=/none"], ["--devices", "3"], ["--nodes", "2"], ["--micro-batch", "1"], ["--recompute"]],
    ids=lambda option: option[0],
)
def test_evaluate_refuses_options_without_effect(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, text = error_line(["evaluate", ROW, "video.mp4", *option], capsys)
    assert (code, f"evaluate: {option[0]} has no effect" in text) == (2, True)


def test_an_optional_part_of_a_config_can_be_set_to_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", ROW, "--scale", "paper", "-o", "model.init=None"]) == 0


@pytest.mark.parametrize("verb", ["show", "plan", "run"])
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.tokens.patch=0", "model.tokens.patch is 0; it must be 1 or more"),
        ("model.tokens.tubelet=-2", "model.tokens.tubelet is -2; it must be 1 or more"),
        ("model.depth=0", "model.depth is 0; it must be 1 or more"),
        ("model.heads=0", "model.heads is 0; it must be 1 or more"),
        ("model.drop_path=2", "model.drop_path is 2.0; it must be 0 or more and below 1"),
        ("model.drop_path=-0.1", "model.drop_path is -0.1; it must be 0 or more and below 1"),
        ("model.mlp_ratio=0", "model.mlp_ratio is 0.0; it must be more than 0"),
        ("model.mlp_ratio=1e999", "override 'model.mlp_ratio=1e999': numbers are finite and at most 2,147,483,647"),
        ("model.width=50", "model.width is 50; it does not divide into 4 heads"),
        ("data.std=0", "data.std is 0.0; it must be more than 0"),
        ("data.frames=0", "data.frames is 0; it must be 1 or more"),
        ("data.mean=1e999", "override 'data.mean=1e999': numbers are finite and at most 2,147,483,647"),
        ("data.augmentation.flip=2", "data.augmentation.flip is 2.0; it must be between 0 and 1"),
        ("data.dataset.stand_in.height=0", "data.dataset.stand_in.height is 0; it must be between 2 and 4096"),
        ("data.dataset.stand_in.width=51", "data.dataset.stand_in.width is 51; it must be even"),
        (
            "data.dataset.name=../other",
            "data.dataset.name is '../other'; it is the name of a folder, without spaces, / and =",
        ),
        ("optim.weight_decay=-1", "optim.weight_decay is -1.0; it must be 0 or more"),
        (
            "optim.schedule.warmup_epochs=100",
            "optim.schedule.warmup_epochs is 100, but the training has a length of 15",
        ),
    ],
)
def test_invalid_config_values_are_one_line_errors(
    verb: str, override: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [] if verb == "show" else ["--runs", str(tmp_path)]
    code, text = error_line([verb, "motionformer/table4:joint", "-o", override, *runs], capsys)
    assert (code, text) == (2, f"reproduce: {message}")
    assert list(tmp_path.iterdir()) == []


def test_a_rate_below_one_is_rejected(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = error_line(["show", ROW, "-o", "data.sampling.nominal_fps=-1"], capsys)
    assert (code, text) == (2, "reproduce: data.sampling.nominal_fps is -1; it must be 1 or more")


def test_a_long_error_is_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["show", "x" * 200_000], ["show", ROW, "-o", f"model.depth={'9' * 5000}"], ["y" * 200_000]):
        with suppress(SystemExit):
            assert main(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("reproduce: ") and " … " in line and len(line) < 1100


def test_fields_that_depend_on_each_other_can_be_overridden_in_any_order(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["-o", "optim.schedule.warmup_epochs=100", "-o", "optim.epochs=100"]
    assert main(["show", ROW, *words]) == main(["show", ROW, *words[2:], *words[:2]]) == 0


def test_smallest_valid_config_values_are_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["-o", "model.drop_path=0", "-o", "model.depth=1"]
    assert main(["show", "motionformer/table4:joint", *words]) == 0


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_zero_classes_are_rejected(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = error_line([verb, ROW, "--runs", str(tmp_path), "-o", "data.dataset.num_classes=0"], capsys)
    assert (code, text) == (
        2,
        "reproduce: kinetics400: the number of classes of the label 'class' is 0; it must be 1 or more",
    )
    assert list(tmp_path.iterdir()) == []


def test_check_rejects_rows_and_overrides(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([ROW], ["motionformer/table4", "-o", "optim.epochs=3"]):
        code, text = error_line(["report", *words, "--check"], capsys)
        assert code == 2
        assert "--check takes whole tables as committed" in text


def test_evaluate_rejects_a_missing_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        code, text = error_line([*EVALUATE, "--untrained", "--list", str(path)], capsys)
        assert code == 3
        assert text.startswith(f"reproduce: --list {path}: there is no such file")


def test_evaluate_rejects_weights_of_another_model_missing_files_and_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "videos.csv").write_text(f"{CLIPS / 'test.mp4'} 0\n")
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    words = [*EVALUATE, "--list", str(tmp_path / "videos.csv"), "--weights"]
    code, text = error_line([*words, str(tmp_path / "other.safetensors")], capsys)
    assert code == 2
    assert "does not hold this row's model: name the row" in text
    code, text = error_line([*words, str(tmp_path / "none.safetensors")], capsys)
    assert code == 3
    assert "there is no file" in text
    for name in ("folder.safetensors", "folder.pyth"):
        (tmp_path / name).mkdir()
        code, text = error_line([*words, str(tmp_path / name)], capsys)
        assert (code, text) == (3, f"reproduce: weights: {tmp_path / name} is a folder; name a file in it")


@pytest.mark.parametrize(
    "words",
    [
        ["import-weights", "k400.pyth", "--as"],
        ["attention", "--out", "maps.png"],
        ["evaluate", "--list", "videos.csv"],
    ],
)
def test_verbs_of_one_run_reject_several_seeds_and_quoted_rows(
    words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, text = error_line([*words, ROW, "--seeds", "0,1"], capsys)
    assert (code, text) == (2, f"reproduce: --seeds 0,1: {words[0]} takes one run, so name one seed")
    code, text = error_line([*words, "motionformer/table6b:i3d"], capsys)
    assert (code, text) == (2, "reproduce: 'motionformer/table6b:i3d' is quoted from another paper: it has no run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not CLIPS.is_dir(), reason="needs the real clips")
def test_evaluate_prints_only_its_json_to_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "videos.csv").write_text(f"{CLIPS / 'test.mp4'} 0\n")
    assert main([*EVALUATE, "--untrained", "--json", "--list", str(tmp_path / "videos.csv")]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["evaluated"] == 1
    assert (answer["row"], answer["column"], answer["scale"], answer["seed"]) == (ROW, "k400", "tiny", 0)
    assert answer["overrides"] == ["data.dataset.num_classes=400", "evaluation.views=1"]
    (planned,) = jobs_under(jobs_of(find([ROW]), TINY, answer["overrides"], (0,)), ["k400"])
    assert (answer["train_id"], answer["eval_id"]) == (planned.run.train_id, planned.run.eval_id)


def test_an_empty_name_of_a_folder_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["plan", ROW, "--own", ""])
    assert "--own: names no folder" in capsys.readouterr().err
