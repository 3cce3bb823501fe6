"""Makes the attention maps of a query: a trained model looks at a test video through the very reader of the test.

B batch, F frames, T token frames, S patches per frame, H heads.
"""

import difflib
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from data.clips import TestViews, ordered_channels
from data.datasets.videos import VideoList
from data.errors import DataError, DecodeError
from data.transforms import normalized
from experiments.attention_maps import AttentionMaps, AttentionQuery, maps_id, write_maps
from experiments.drawing import QueriedRun
from experiments.provenance import provenance
from experiments.resources import Resources
from experiments.results import file_and_sum
from experiments.run import RunConfig, canonical
from experiments.store import RunStore
from experiments.train import trained_weights
from models.attention_maps import patch_at, readable_block, spatial_map
from models.trunk import VideoViT


class Weights(NamedTuple):
    """Weights of a run: the file, and what is known of it where it is a released one."""

    path: Path
    released: dict | None


def keep_all_maps(queried: Iterable[QueriedRun], store: RunStore, resources: Resources) -> list[ValueError | OSError]:
    """Make the maps of runs that have been tested here and say so, where they are not kept yet; returns what failed."""
    errors = []
    for row, run, query in queried:
        if not store.run(run.train_id).tested(run.eval_id, eval_only=True):
            continue
        try:
            if keep_maps(run, store, resources, query):
                print(f"{row}: attention maps made", file=sys.stderr, flush=True)
        except (ValueError, OSError) as error:
            print(f"reproduce: {row}: no attention maps: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
            errors.append(error)
    return errors


def keep_maps(run: RunConfig, store: RunStore, resources: Resources, query: AttentionQuery) -> bool:
    """Make the maps of a query and keep them beside the run; gives False where they are kept already.

    Raises:
        ValueError, OSError: as `attention_maps`.
    """
    weights = weights_of(run, store)
    path = store.run(run.train_id).attention_maps(maps_id(run, query), released=weights.released is not None)
    if path.exists():
        return False
    write_maps(path, attention_maps(run, store, resources, query))
    return True


def attention_maps(run: RunConfig, store: RunStore, resources: Resources, query: AttentionQuery) -> AttentionMaps:
    """What a trained model's query looks at in a test video: the centre crop of its middle view.

    Raises:
        ValueError: for a run without weights or such maps, or a video, frame, point, block or head that is not there.
        DataError, StoreError: when the data set, the video or the weights cannot be read.
    """
    data = run.data
    grid = run.model.tokens.grid(data.frames, data.crop, data.crop)
    patch = patch_at(grid, query.frame, query.x, query.y)
    if query.head is not None and not 0 <= query.head < run.model.heads:
        raise ValueError(f"head {query.head}: choose one from 0 to {run.model.heads - 1}")
    model = run.build().model
    assert isinstance(model, VideoViT)
    block = readable_block(model, query.block)
    weights = weights_of(run, store)
    model.load_state_dict(trained_weights(weights.path))
    videos = data.dataset.build(resources.root(data), "test")
    place = place_of(videos, query.video, data.dataset.name)
    record = videos.records[place]
    view = run.evaluation.views // 2
    views = TestViews(videos, data, replace(run.evaluation, crops=1))
    try:
        clip = views.clips(record, view)[0]  # (F, 3, crop, crop)
    except DecodeError as error:
        raise DataError(f"video '{record.video_id}' cannot be read: {error}") from None
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pixels = normalized(clip.to(device), data.mean, data.std)
    heads = spatial_map(model.to(device).eval(), pixels, patch, block).cpu()  # (H, T, S)
    maps = heads.mean(dim=0) if query.head is None else heads[query.head]  # (T, S)
    if not maps.isfinite().all():
        raise ValueError(f"the attention of run {run.train_id} is not finite: its weights are of no use")
    label = record.label
    how = {
        "train_id": run.train_id,
        "weights": weights.released["file"] if weights.released is not None else "trained",
        "video": record.video_id,
        "class": videos.class_names[label] if isinstance(label, int) and label < len(videos.class_names) else None,
        "view": f"{view + 1} of {run.evaluation.views}, centre crop",
        "query": canonical(query),
        "patch": list(patch),
        "block": block,
        "num_blocks": len(model.blocks),
        "head": query.head,
        "num_heads": run.model.heads,
        "seed": run.seed,
        "data": {"name": data.dataset.name, "fingerprint": videos.fingerprint, "stand_in": is_stand_in(run)},
        **provenance(),
    }
    if weights.released is not None:
        how["released_weights"] = file_and_sum(weights.released)
    frames = ordered_channels(clip, data.reversed_channels).permute(0, 2, 3, 1).contiguous().numpy()  # RGB again
    return AttentionMaps(frames, maps.unflatten(1, (grid.height, grid.width)).float().numpy(), how)


def is_stand_in(run: RunConfig) -> bool:
    """Whether the run's videos are generated ones."""
    return run.data.dataset.stand_in is not None


def weights_of(run: RunConfig, store: RunStore) -> Weights:
    """The run's own weights or, where there are none, imported released ones.

    Raises:
        ValueError: when there are neither.
    """
    directory = store.run(run.train_id)
    if directory.weights.exists():
        return Weights(directory.weights, None)
    released = directory.released_weights()
    if released is None and directory.provenance.exists():
        raise ValueError(f"run {run.train_id} has lost its weights: move {directory.path} away and train it again")
    if released is None:
        raise ValueError(
            f"run {run.train_id} has no weights to look with: train it with `reproduce run`, or take in released ones "
            f"with `reproduce import-weights FILE --as TABLE:ROW`"
        )
    return Weights(directory.released, released)


def place_of(videos: VideoList, video: int | str, dataset: str) -> int:
    """The place of a video in its annotation file: by its id there, or as a number, in text as @12.

    Raises:
        ValueError: when there is none, naming the nearest.
    """
    ids = [record.video_id for record in videos.records]
    if isinstance(video, str) and re.fullmatch(r"@\d+", video):  # ids may be numbers, as in Something-Something
        video = int(video[1:])
    if isinstance(video, int):
        if 0 <= video < len(ids):
            return video
        raise ValueError(f"video @{video}: {dataset} has {len(ids)} test videos, @0 to @{len(ids) - 1}")
    if video in ids:
        return ids.index(video)
    near = difflib.get_close_matches(video, ids, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"ids are like '{ids[0]}'"
    raise ValueError(f"video '{video}': {dataset} has no such test video; {hint}; @0 to @{len(ids) - 1} are places")
