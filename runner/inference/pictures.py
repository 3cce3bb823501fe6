"""Pictures of tested models: attention maps for a point of a video, and for figures those that are kept, with masks.

A video is read and sampled as in the test. F frames, T token frames.
"""

import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from data.errors import DataError, DecodeError
from data.labels import ItemList
from experiments.spec.figure_runs import ShownRun
from experiments.spec.figures import AttentionQuery, ShownMasks
from experiments.spec.ids import canonical
from experiments.spec.names import nearest
from experiments.spec.run import RunConfig
from interface.sizes import VideoSize
from interface.targets import Targets
from models.attention_query import PointQuery
from runner.inference.class_names import Videos, class_names, run_on_videos
from runner.machine.messages import one_line
from runner.machine.resources import Resources
from runner.store.kept_pictures import file_of, kind_and_name
from runner.store.picture_files import AttentionMaps, MaskStrip, in_words, write_pictures
from runner.store.provenance import provenance
from runner.store.run_directory import RunDirectory
from runner.store.saved_scores import read_scores
from runner.store.store import RunStore, StoredTest
from runner.weights.weights import existing_weights, load_weights


def attention_maps(
    run: RunConfig,
    store: RunStore,
    resources: Resources,
    query: AttentionQuery,
    videos: Videos | None = None,
) -> AttentionMaps:
    """Attention maps of a query for the centre crop of the middle view of a test video, or of one of other videos."""
    shown, root = run, None
    if videos is not None:
        shown, root = run_on_videos(run, videos, class_names(run.data, resources, store.run(run.train_id)))
    data, model = shown.data, shown.model.build(shown.data.size, shown.data.targets)
    maps_of, size = model.attention_maps(), data.test_size(run.evaluation)
    assert isinstance(size, VideoSize), "models with attention maps take videos"
    maps_of.check(size, point_of(query))
    weights = existing_weights(run, store)
    items = data.dataset.build(resources.root(data) if root is None else root, "test")
    if query.of_moving:
        query = replace(query, video=first_right(run, weights.directory(run, store)))
    index = index_of(items, query.video, str(videos) if isinstance(videos, Path) else data.dataset.name)
    view = run.evaluation.views // 2
    try:
        (inputs,) = data.test_items(items, replace(run.evaluation, crops=1)).inputs(index, [view])  # (1, ...) each
    except DecodeError as error:
        raise DataError(f"video '{items.ids[index]}' cannot be read: {error}") from None
    clip = data.display(inputs)  # (F, 3, h, w)
    if clip is None:
        raise ValueError(f"{data.dataset.name}: its items have no frames to draw")
    if query.of_moving:
        x, y = moving_point(clip)
        query = replace(query, x=x, y=y)
    load_weights(model, run, store, weights)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    of_item = data.on_device(tuple(one[0].to(device) for one in inputs))
    model.to(device).eval()
    attention = maps_of.of_point(of_item, point_of(query))
    maps, found = attention.maps.float().cpu(), attention.found  # (T, rows, columns)
    record = {
        "train_id": run.train_id,
        "weights": weights.released.file if weights.released is not None else "trained",
        "video": items.ids[index],
        "class": class_name(items, index, data.targets),
        "view": f"{view + 1} of {run.evaluation.views}, centre crop",
        "query": canonical(query),
        "patch": list(found.patch),
        "block": found.block,
        "num_blocks": maps_of.num_blocks,
        "head": query.head,
        "num_heads": found.num_heads,
        **({"attention": found.attention, "one_scale": maps_of.one_scale} if found.attention else {}),
        "seed": run.seed,
        "data": {
            "name": data.dataset.name,
            "fingerprint": items.fingerprint,
            "stand_in": data.dataset.stand_in is not None,
        },
        **provenance(),
    }
    if weights.released is not None:
        record["released_weights"] = {"file": weights.released.file, "sha256": weights.released.sha256}
    frames = clip.permute(0, 2, 3, 1).contiguous().numpy()  # (F, h, w, 3)
    places = None if attention.places is None else attention.places.float().cpu().numpy()
    return AttentionMaps(frames, maps.numpy(), record, places)


def point_of(query: AttentionQuery) -> PointQuery:
    return PointQuery(query.frame, query.x, query.y, query.block, query.head, query.attention)


def first_right(run: RunConfig, directory: RunDirectory) -> str:
    """Id of the first test video that a run answers correctly."""
    saved = read_scores(directory.scores(run.eval_id), run)
    answers = saved.scores.predictions() if saved is not None else None
    if saved is None or answers is None:
        raise ValueError(
            f"run {run.train_id} has no saved scores of a test, which say which videos it answers correctly"
        )
    right = (name for place, name in enumerate(saved.ids) if all(a.is_correct for a in answers.of_item(place)))
    if (first := next(right, None)) is None:
        raise ValueError(f"run {run.train_id} answers no test video correctly")
    return first


def moving_point(frames: Tensor) -> tuple[float, float]:
    """Point of the first frame that stands out and moves most, as fractions of the width and height.

    It differs most, in a box of an eighth of the sides, from the median colour of its frame, multiplied by the
    difference from the same place a quarter of the clip later. Frames are (F, 3, h, w).
    """
    first, later = frames[0].float(), frames[len(frames) // 4].float()
    salience = (first - first.flatten(1).median(1).values[:, None, None]).abs().sum(0)
    weight = salience * (first - later).abs().sum(0)
    height, width = weight.shape
    sides = (max(1, height // 8), max(1, width // 8))
    boxes = F.avg_pool2d(weight[None], sides, stride=1)[0]
    row, column = divmod(int(boxes.argmax()), boxes.shape[1])
    return (column + sides[1] / 2) / width, (row + sides[0] / 2) / height


def class_name(videos: ItemList, index: int, targets: Targets) -> str | None:
    """Name of a video's class, or the names of its classes of each kind; None if one has no name."""
    label = videos.label(index)
    labels = label if isinstance(label, tuple) else (label,)
    names = targets.by_kind(videos.class_names).values()
    if len(labels) != len(names) or not all(0 <= n < len(of_kind) for n, of_kind in zip(labels, names, strict=True)):
        return None
    return " ".join(of_kind[number] for number, of_kind in zip(labels, names, strict=True))


def index_of(videos: ItemList, video: int | str, dataset: str) -> int:
    """Index of a video, given by its id or its index: 12 or, as text, "@12". A text "12" is an id, as in SSv2."""
    ids = list(videos.ids)
    if isinstance(video, str) and re.fullmatch(r"@\d+", video):
        video = int(video[1:])
    if isinstance(video, int):
        if 0 <= video < len(ids):
            return video
        raise ValueError(f"video @{video}: {dataset} has {len(ids)} test videos, @0 to @{len(ids) - 1}")
    if video in ids:
        return ids.index(video)
    hint = nearest(video, ids, f"ids are like '{ids[0]}'")
    raise ValueError(f"video '{video}': {dataset} has no such test video; {hint}; @0 to @{len(ids) - 1} are indices")


def keep_all(shown_runs: Iterable[ShownRun], store: RunStore, resources: Resources) -> list[ValueError | OSError]:
    """Make the missing pictures of tested runs; returns the errors."""
    errors: list[ValueError | OSError] = []
    for shown in shown_runs:
        what = in_words(kind_and_name(shown)[0])
        try:
            if keep(shown, store, resources):
                print(f"{shown.row}: {what} made", file=sys.stderr, flush=True)
        except (ValueError, OSError) as error:
            print(f"reproduce: {shown.row}: no {what}: {one_line(error)}", file=sys.stderr, flush=True)
            errors.append(error)
    return errors


def keep(shown_run: ShownRun, store: RunStore, resources: Resources) -> bool:
    """Whether the pictures of a run were made: not without a test, nor if they exist."""
    _, run, shown = shown_run
    own = store.run(run.train_id)
    found = store.test(run, [own] if own.weights.exists() else [own, own.of_released])
    if found is None or (path := file_of(shown_run, found.directory)).exists():
        return False
    match shown:
        case AttentionQuery():
            write_pictures(path, attention_maps(run, store, resources, shown))
        case ShownMasks():
            write_pictures(path, mask_strip(run, shown, found, resources))
        case _:
            return False  # a test itself keeps its answers
    return True


def mask_strip(run: RunConfig, shown: ShownMasks, test: StoredTest, resources: Resources) -> MaskStrip:
    """Strip from the files of a finished test."""
    data, record = run.data, test.record
    items = data.dataset.build(resources.root(data), "test")
    if shown.sequence not in items.ids:
        known = ", ".join(items.ids[:3])
        raise DataError(f"{data.dataset.name} has no test sequence '{shown.sequence}'; it has {known}, ...")
    results, released = test.directory.predictions(run.eval_id), record.released_weights
    masks = data.shown_masks(items, items.ids.index(shown.sequence), results, shown.num_frames)
    origin = {
        "train_id": run.train_id,
        "weights": released.file if released is not None else "own",
        "sequence": shown.sequence,
        "seed": run.seed,
        "data": {"name": data.dataset.name, "stand_in": data.dataset.stand_in is not None},
        "commit": record.commit,  # of the test that predicted the masks
        "hardware": record.hardware,
    }
    return MaskStrip(*masks, origin)
