"""Scores of a list of videos: they equal those of a row's test."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from data.errors import DataError
from data.stand_ins.drawing.kinetics import KineticsDrawing
from experiments.spec.edits import apply, model
from experiments.spec.run import RunConfig
from reproduce.verbs.one_run import evaluation_text
from runner.inference.class_names import class_names
from runner.inference.evaluate import evaluate
from runner.machine.files import StoreError
from runner.machine.resources import Resources
from runner.store.store import RunStore
from runner.weights.weights import save_weights
from tests.conftest import STAND_IN
from tests.runner.points import carry_out

KeepWeights = Callable[..., None]
ONE = Resources(devices=1)


def test_a_list_of_the_test_videos_has_the_metrics_of_the_test(
    weighted: RunConfig, store: RunStore, listed: Path
) -> None:
    metrics, directory = carry_out(weighted, store, ONE, eval_only=True), store.run(weighted.train_id)
    result = evaluate(weighted, store, ONE, listed)
    assert result["metrics"] == {name: metrics[name] for name in ("top1", "top5")}
    assert all(result[name] == metrics[name] for name in ("views", "crops"))
    assert (result["evaluated"], result["failed"], result["missing"]) == (10, 0, 0)
    assert result["weights"] == str(directory.weights)
    with np.load(directory.scores(weighted.eval_id)) as predictions:
        mean = predictions["scores"].sum(1) / (weighted.evaluation.views * weighted.evaluation.crops)
    videos = result["videos"]
    assert isinstance(videos, list)
    for video, scores in zip(videos, mean, strict=True):
        best = np.argsort(-scores, kind="stable")[:5]
        assert [entry["class"] for entry in video["top"]] == best.tolist()
        np.testing.assert_allclose([entry["score"] for entry in video["top"]], scores[best], rtol=1e-4)


def test_a_video_that_cannot_be_read_has_no_scores(weighted: RunConfig, store: RunStore, listed: Path) -> None:
    lines = listed.read_text().splitlines()
    (broken := listed.parent / "broken.mp4").write_bytes(b"no video")
    listed.write_text("\n".join([lines[0], f"{broken} 1", f"{listed.parent}/gone.mp4 2"]))
    result = evaluate(weighted, store, replace(ONE, allow_bad=2), listed)
    assert (result["evaluated"], result["failed"], result["missing"]) == (1, 1, 1)
    videos = result["videos"]
    assert isinstance(videos, list)
    assert [(video["state"], len(video["top"])) for video in videos] == [
        ("evaluated", 5),
        ("failed", 0),
        ("missing", 0),
    ]
    text = evaluation_text(result)
    (names,) = class_names(weighted.data, ONE, store.run(weighted.train_id)).values()
    assert f"{broken}: label {names[1]}, failed (" in text and "(1 evaluated, 1 failed, 1 missing)" in text
    with pytest.raises(DataError, match="cannot be read; the limit is 0"):
        evaluate(weighted, store, ONE, listed)


def changed(run: RunConfig, part: str) -> RunConfig:
    """Run with another model or data set."""
    data = replace(run.data, dataset=replace(run.data.dataset, name="others"))
    return replace(run, data=data) if part == "data.dataset" else apply(run, model(drop_path=0.05))


@pytest.mark.parametrize("part", ["model", "data.dataset"])
def test_weights_of_another_run_are_refused_in_its_directory_and_in_any_folder(
    part: str, weighted: RunConfig, store: RunStore, listed: Path
) -> None:
    directory, elsewhere = store.run(weighted.train_id), listed.parent / "elsewhere.safetensors"
    directory.save_config(weighted.description)
    save_weights(weighted.build().model, elsewhere, weighted)
    for file, config in ((directory.weights, r".*config\.json"), (elsewhere, "its config")):
        assert evaluate(weighted, store, ONE, listed, weights=file)["evaluated"]
        with pytest.raises(ValueError, match=rf"is of another run: {config} differs at {part}\..*; name the row"):
            evaluate(changed(weighted, part), store, ONE, listed, weights=file)


def test_weights_from_a_file_replace_those_of_the_run(weighted: RunConfig, store: RunStore, listed: Path) -> None:
    file = listed.parent / "mine.safetensors"
    torch.manual_seed(9)
    save_file(weighted.build().model.state_dict(), file)
    other = evaluate(weighted, store, ONE, listed, weights=file)
    assert other["weights"] == str(file)
    assert other["videos"] != evaluate(weighted, store, ONE, listed)["videos"]


def test_random_weights_require_the_untrained_option(
    small_run: RunConfig, store: RunStore, weighted: RunConfig, listed: Path
) -> None:
    store.run(weighted.train_id).weights.unlink()
    with pytest.raises(ValueError, match="has no weights: train it with"):
        evaluate(small_run, store, ONE, listed)
    assert evaluate(small_run, store, ONE, listed, untrained=True)["weights"] == (
        "none: random weights, the scores mean nothing"
    )


def test_errors_for_unusable_weights_contain_the_reason(weighted: RunConfig, store: RunStore, listed: Path) -> None:
    def refused(name: str, error: type[Exception] = ValueError) -> str:
        with pytest.raises(error) as raised:
            evaluate(weighted, store, ONE, listed, weights=listed.parent / name)
        return str(raised.value)

    save_file({"a": torch.zeros(2)}, listed.parent / "other.safetensors")
    assert "other.safetensors does not hold this row's model: name the row" in refused("other.safetensors")
    (listed.parent / "damaged.safetensors").write_bytes(b"junk")
    damaged = refused("damaged.safetensors", StoreError)
    assert damaged.endswith("damaged.safetensors is cut short or damaged; get it again")  # it belongs to the user
    assert "there is no file" in refused("none.safetensors", DataError)


# Videos without labels


def best_scores(video: dict[str, list[dict[str, object]]]) -> dict[object, object]:
    return {entry["name"]: entry["score"] for entry in video["top"]}


def test_videos_without_labels_have_the_best_classes_of_a_list_and_no_accuracy(
    weighted: RunConfig, store: RunStore, listed: Path
) -> None:
    (listed.parent / "new").mkdir()
    for index, line in enumerate(listed.read_text().splitlines()[:2]):
        shutil.copy(line.rpartition(" ")[0], listed.parent / "new" / f"{index}.mp4")
    (listed.parent / "new/notes.txt").write_text("no video")
    (listed.parent / "new/2.mp4").write_bytes((listed.parent / "new/0.mp4").read_bytes()[:3000])
    result = evaluate(weighted, store, ONE, [listed.parent / "new"])
    known, videos = evaluate(weighted, store, ONE, listed)["videos"], result["videos"]
    assert isinstance(videos, list) and isinstance(known, list)
    # Scores of two batches of other sizes may differ in the last bit.
    assert [best_scores(video) for video in videos] == [pytest.approx(best_scores(video)) for video in known[:2]] + [{}]
    assert {video["label"] for video in videos} == {None} and result["metrics"] is None
    assert (result["evaluated"], result["failed"], result["missing"]) == (2, 1, 0)
    lines = evaluation_text(result).splitlines()
    names = "|".join(KineticsDrawing(STAND_IN).class_names)
    assert re.search(rf"0\.mp4: predicted (({names}) \(0\.\d{{3}}\)(, )?){{5}}$", lines[3])
    assert re.search(r"2\.mp4: failed \(.+\)$", lines[5])
    assert (
        lines[1] == "views x crops: 2 x 3; scores: mean softmax over views and crops" and result["score"] == "softmax"
    )
    assert lines[-1] == "2 evaluated, 1 failed, 0 missing; no labels, so no accuracy"


def test_a_warning_does_not_share_a_line_with_the_progress_bar(
    weighted: RunConfig, store: RunStore, listed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (listed.parent / "broken.mp4").write_bytes(b"no video")
    evaluate(
        weighted,
        store,
        ONE,
        [listed.parent / "broken.mp4", Path(listed.read_text().splitlines()[0].rpartition(" ")[0])],
    )
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "unreadable test item" in line]
    assert line.rpartition("\r")[2].startswith("unreadable test item")


def test_unreadable_videos_alone_are_an_error(weighted: RunConfig, store: RunStore, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(DataError, match="none of the 1 videos can be read: "):
        evaluate(weighted, store, ONE, [tmp_path / "broken.mp4"])


def test_classes_without_names_are_numbers_and_the_text_says_so(
    weighted: RunConfig, store: RunStore, listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = evaluate(weighted, store, ONE, listed)
    for video in result["videos"]:  # type: ignore[attr-defined]
        for entry in video["top"]:
            entry["name"] = None
    text = evaluation_text(result, "kinetics400")
    assert (
        "no names are known; give them with --classes FILE, one a line, or with its folder: --data kinetics400=PATH"
        in (text)
    )
    assert re.search(r"predicted \d \(0\.", text)


# Rows that predict a verb and a noun


@pytest.fixture
def segments(verb_noun_run: RunConfig, keep_weights: KeepWeights, tmp_path: Path) -> Path:
    """List of two videos of the run with a verb and a noun each."""
    keep_weights(verb_noun_run)
    videos = sorted(ONE.root(verb_noun_run.data).rglob("*.MP4"))[:2]
    file = tmp_path / "segments.csv"
    file.write_text("".join(f"{video} {verb} {verb + 1}\n" for verb, video in enumerate(videos)))
    return file


def test_a_list_may_have_a_verb_and_a_noun_a_video(verb_noun_run: RunConfig, store: RunStore, segments: Path) -> None:
    result = evaluate(verb_noun_run, store, ONE, segments)
    videos = result["videos"]
    assert isinstance(videos, list)
    assert [video["label"] for video in videos] == [{"verb": 0, "noun": 1}, {"verb": 1, "noun": 2}]
    for video in videos:
        assert [entry["kind"] for entry in video["top"]] == ["verb"] * 5 + ["noun"] * 5
        for best in (video["top"][:5], video["top"][5:]):
            scores = [entry["score"] for entry in best]
            assert scores == sorted(scores, reverse=True) and 0 < sum(scores) < 1
            assert len({entry["class"] for entry in best}) == 5
    names = [video["video"] for video in videos]
    (verb, noun), (other_verb, other_noun) = [(video["top"][0]["class"], video["top"][5]["class"]) for video in videos]
    segments.write_text(f"{names[0]} {verb} {noun}\n{names[1]} {other_verb} {(other_noun + 1) % 8}\n")
    metrics = evaluate(verb_noun_run, store, ONE, segments)["metrics"]
    assert isinstance(metrics, dict)
    assert (metrics["verb"], metrics["noun"], metrics["action"]) == (100, 50, 50)


def test_the_text_names_the_kinds_of_label(verb_noun_run: RunConfig, store: RunStore, segments: Path) -> None:
    name = segments.read_text().split()[0]
    segments.write_text(f"{name} 0 1\n{segments.parent}/gone.mp4 1 2\n")
    lines = evaluation_text(evaluate(verb_noun_run, store, replace(ONE, allow_bad=1), segments)).splitlines()
    first, second = lines[3:5]
    score = r"[^,;()]+ \(0\.\d{3}\)"  # classes of the stand-in have names
    best = rf"{score}(, {score}){{4}}"
    verbs, nouns = class_names(verb_noun_run.data, ONE, store.run(verb_noun_run.train_id)).values()
    label = f"label verb {verbs[0]}, noun {nouns[1]}"
    assert re.fullmatch(rf"{name}: {label}, predicted verb {best}; noun {best}", first)
    assert second == f"{segments.parent}/gone.mp4: label verb {verbs[1]}, noun {nouns[2]}, missing (no such file)"
    assert "action " in lines[-1] and "(1 evaluated, 0 failed, 1 missing)" in lines[-1]


def test_labels_may_be_names_as_in_the_data_set(verb_noun_run: RunConfig, store: RunStore, segments: Path) -> None:
    by_number = evaluate(verb_noun_run, store, ONE, segments)
    verbs, nouns = class_names(verb_noun_run.data, ONE, store.run(verb_noun_run.train_id)).values()
    paths = [line.split()[0] for line in segments.read_text().splitlines()]
    lines = [f"{path},{verbs[number]},{nouns[number + 1]}" for number, path in enumerate(paths)]
    segments.write_text("\n".join(["video,verb,noun", *lines]))
    by_name = evaluate(verb_noun_run, store, ONE, segments)
    assert (by_name["videos"], by_name["metrics"]) == (by_number["videos"], by_number["metrics"])


def test_a_list_with_too_few_labels_is_refused(verb_noun_run: RunConfig, store: RunStore, segments: Path) -> None:
    segments.write_text("a.mp4 3\n")
    with pytest.raises(DataError, match=r"segments\.csv:1: wrong fields in 'a\.mp4 3'; a line is 'path verb noun'$"):
        evaluate(verb_noun_run, store, ONE, segments)
    with pytest.raises(DataError, match="there is no such file; it needs one 'path verb noun' per line"):
        evaluate(verb_noun_run, store, ONE, segments.parent / "none.csv")
