"""Pictures that figures show of a run: their kind, their file, and those that are kept."""

from collections.abc import Iterable
from pathlib import Path

from experiments.spec.figure_runs import ShownRun
from experiments.spec.figures import AttentionQuery, ShownMasks
from experiments.spec.ids import digest
from runner.store.picture_files import (
    AnsweredClips,
    AttentionMaps,
    KeptPictures,
    MaskStrip,
    ShownClips,
    answered_clips,
    read_pictures,
    write_pictures,
)
from runner.store.run_directory import RunDirectory
from runner.store.store import RunStore


def kind_and_name(shown_run: ShownRun) -> tuple[type[KeptPictures], str]:
    """Kind of what is shown of a run, and the name of its file: the protocol determines the frames of a clip."""
    _, run, shown = shown_run
    match shown:
        case AttentionQuery():
            return AttentionMaps, digest({"query": shown, "evaluation": run.evaluation})
        case ShownMasks(sequence, num_frames):
            return MaskStrip, digest({"sequence": sequence, "frames": num_frames, "evaluation": run.evaluation})
    return AnsweredClips, run.eval_id


def file_of(shown_run: ShownRun, directory: RunDirectory) -> Path:
    kind, name = kind_and_name(shown_run)
    return directory.pictures(kind.folder, name)


def kept_pictures(shown_run: ShownRun, directories: Iterable[RunDirectory]) -> KeptPictures | None:
    """What is shown of a run, as kept in the first of the directories that has it; None if nothing is kept."""
    (kind, name), run = kind_and_name(shown_run), shown_run.run
    for directory in directories:
        path, earlier = directory.pictures(kind.folder, name), directory.pictures(ShownClips.folder, name)
        if path.exists():
            return read_pictures(path, kind)
        if kind is not AnsweredClips or not earlier.exists():
            continue
        from runner.store.saved_scores import read_scores  # here: of earlier versions alone

        if (saved := read_scores(directory.scores(name), run)) is not None:
            clips = read_pictures(earlier, ShownClips)
            return answered_clips(run, saved, clips.places.tolist(), clips.frames)
    return None


def publish_kept(shown: ShownRun, store: RunStore) -> None:
    """Copy what is shown of a run, made here, to the published results."""
    own = store.run(shown.run.train_id)
    for directory in (own, own.of_released):
        if (found := kept_pictures(shown, [directory])) is not None:
            write_pictures(file_of(shown, store.published(directory)), found)
