"""`reproduce diff`: two runs, and a run beside a config file in the form of its authors' files."""

import json
import shlex
import shutil
from pathlib import Path

import pytest

from experiments.spec.catalog import load
from experiments.spec.scales import TINY
from tests.conftest import Reproduce

RESULTS = Path(__file__).parents[3] / "reports" / "results"

MOTIONFORMER = """
TRAIN: {ENABLE: True, DATASET: Kinetics, BATCH_SIZE: 32, EVAL_PERIOD: 5}
DATA:
  NUM_FRAMES: 16
  SAMPLING_RATE: 4
  TRAIN_JITTER_SCALES: [256, 320]
  TRAIN_CROP_SIZE: 224
  TEST_CROP_SIZE: 224
  MEAN: [0.5, 0.5, 0.5]
  STD: [0.5, 0.5, 0.5]
  PATH_TO_DATA_DIR: data/kinetics_400/
  USE_RAND_AUGMENT: False
  RE_PROB: 0.0
  USE_RANDOM_RESIZE_CROPS: False
  COLORJITTER: True
  GRAYSCALE: False
SOLVER:
  BASE_LR: 1e-4
  LR_POLICY: steps_with_relative_lrs
  LRS: [1, 0.1, 0.01]
  STEPS: [0, 20, 30]
  MAX_EPOCH: 35
  WEIGHT_DECAY: 5e-2
  WARMUP_EPOCHS: 0.0
  OPTIMIZING_METHOD: adamw
  USE_MIXED_PRECISION: True
  SMOOTHING: 0.2
VIT: {PATCH_SIZE: 16, PATCH_SIZE_TEMP: 2, EMBED_DIM: 768, DEPTH: 12, NUM_HEADS: 12, MLP_RATIO: 4, DROP: 0.0,
  DROP_PATH: 0.2, ATTN_LAYER: trajectory, USE_MLP: True, QKV_BIAS: True, IM_PRETRAINED: True, TEMPORAL_RESOLUTION: 8}
MODEL: {NUM_CLASSES: 400, LOSS_FUNC: cross_entropy}
TEST: {NUM_ENSEMBLE_VIEWS: 10, NUM_SPATIAL_CROPS: 3}
NUM_GPUS: 8
NUM_SHARDS: 4
RNG_SEED: 0
"""
XVIT = """
TRAIN: {DATASET: ssv2, BATCH_SIZE: 64, MIXUP_ALPHA: 0.0}
DATA: {NUM_FRAMES: 16, SAMPLING_RATE: 16, TRAIN_JITTER_SCALES: [256, 320], TRAIN_CROP_SIZE: 224, MEAN: [0.5, 0.5, 0.5],
  AUTOAUGMENT: True, RANDAUGMENT: False, RANDOM_FLIP: False, RAND_CROP: 0.5}
XVIT: {USE_XVIT: True, CONSENSUS_TYPE: vit, SHIFT_DIV: 4, NUM_SEGMENTS: 16}
SOLVER: {BASE_LR: 0.03, MAX_EPOCH: 35, MOMENTUM: 0.9, WEIGHT_DECAY: 1e-4, WARMUP_EPOCHS: 5.0, WARMUP_START_LR: 0.003,
  OPTIMIZING_METHOD: sgd, CLIP_GRADIENT: -1.0}
MODEL: {NUM_CLASSES: 174, LOSS_FUNC: cross_entropy, DROPOUT_RATE: 0.5}
TEST: {NUM_ENSEMBLE_VIEWS: 2}
NUM_SHARDS: 1
"""
CAST = """#!/bin/bash
OMP_NUM_THREADS=1 python -m torch.distributed.launch --nproc_per_node=$6 --nnodes=$5 run_bidirection.py \\
    --nb_classes 400 --batch_size 6 --update_freq 6 --input_size 224 --num_frames 16 \\
    --opt adamw --lr 1e-3 --opt_betas 0.9 0.999 --weight_decay 0.05 --epochs 70 --warmup_epochs 5 \\
    --dist_eval --test_num_segment 5 --test_num_crop 3 --drop_path 0.2 --layer_decay 0.75 \\
    --mixup_switch_prob 0 --mixup_prob 0.5 --reprob 0. --init_scale 1. --seed 0 --enable_deepspeed
"""
K400 = "motionformer/table4:joint.k400"
FILES = (
    ("k400.yaml", MOTIONFORMER, "motionformer/table4:trajectory.k400"),
    ("ssv2.yaml", XVIT, "xvit/zoo:ssv2"),
    ("k400.sh", CAST, "cast/table2:cast.k400"),
)


@pytest.mark.parametrize(("name", "text", "row"), FILES)
def test_a_recipe_of_the_authors_differs_in_nothing(
    name: str, text: str, row: str, reproduce: Reproduce, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    assert reproduce("diff", name, "--as", row).out == f"{row} and {name}: no difference\n"


@pytest.mark.parametrize(
    ("name", "text", "row", "changes", "expected"),
    [
        (*FILES[0], ("BASE_LR: 1e-4", "BASE_LR: 2e-4"), "-o optim.lr=0.0002"),
        (*FILES[0], ("NUM_SHARDS: 4", "NUM_SHARDS: 8"), "-o optim.batch_size=256"),
        (*FILES[0], ("STEPS: [0, 20, 30]", "STEPS: [0, 25]"), "-o 'optim.schedule.milestones=(25,)'"),
        (*FILES[0], ("SAMPLING_RATE: 4", "SAMPLING_RATE: 8"), "-o data.sampling.stride=8"),
        (*FILES[0], ("ATTN_LAYER: trajectory", "ATTN_LAYER: joint"), "model.attention"),
        (*FILES[0], ("LR_POLICY: steps_with_relative_lrs", "LR_POLICY: cosine"), "optim.schedule"),
        (*FILES[0], ("LRS: [1, 0.1, 0.01]", "LRS: [1, 0.1, 0.09]"), "optim.schedule.factor"),
        (*FILES[0], ("IM_PRETRAINED: True", "IM_PRETRAINED: False"), "pretrained"),
        (*FILES[0], ("MEAN: [0.5, 0.5, 0.5]", "MEAN: [0.5, 0.1, 0.2]"), "(0.5, 0.1, 0.2)"),
        (*FILES[0], ("NUM_SHARDS: 4", ""), "beside them: TRAIN.BATCH_SIZE=32"),
        (*FILES[0], ("DATASET: Kinetics, ", ""), "beside them: DATA.SAMPLING_RATE=4"),
        (*FILES[0], ("DATASET: Kinetics", "DATASET: Ssv2"), "data.dataset.name"),
        (*FILES[1], ("DATASET: ssv2", "DATASET: kinetics"), "data.dataset.name"),
        (*FILES[2], ("--seed 0", "--seed 0 --data_set SSV2"), "data.dataset.name"),
        (*FILES[0], ("RE_PROB: 0.0", "RE_PROB: 0.25"), "beside them: DATA.RE_PROB=0.25"),
        (*FILES[0], ("TEST_CROP_SIZE: 224", "TEST_CROP_SIZE: 336"), "data.crop"),
        (*FILES[0], ("USE_MLP: True", "USE_MLP: False"), "model.head"),
        (*FILES[0], ("QKV_BIAS: True", "QKV_BIAS: False"), "beside them: VIT.QKV_BIAS=False"),
        (*FILES[0], ("SMOOTHING: 0.2", "SMOOTHING: 0.2\n  NESTEROV: False"), "beside them: SOLVER.NESTEROV=False"),
        (
            *FILES[0],
            ("DEPTH: 12", "DEPTH: 12, USE_ORIGINAL_TRAJ_ATTN_CODE: False"),
            "-o model.attention.project_values=True",
        ),
        (*FILES[1], ("USE_XVIT: True", "USE_XVIT: False"), "model.attention"),
        (*FILES[1], ("SHIFT_DIV: 4", "SHIFT_DIV: 4, LOCATIONS_LIST: [0]"), "beside them: XVIT.LOCATIONS_LIST=(0,)"),
        (*FILES[1], ("SHIFT_DIV: 4", "SHIFT_DIV: 8"), "-o model.attention.fraction=0.25"),
        (*FILES[1], ("NUM_SEGMENTS: 16", "NUM_SEGMENTS: 8"), "-o model.attention.segment_frames=8"),
        (*FILES[1], ("RAND_CROP: 0.5", "RAND_CROP: 0.0"), "data.augmentation.erasing"),
        (*FILES[2], ("--update_freq 6", "--update_freq 4"), "-o optim.batch_size=384"),
        (*FILES[2], ("--mixup_prob 0.5", "--mixup_prob 0.9"), "-o objective.mixup.probability=0.9"),
        (*FILES[2], ("--reprob 0.", "--reprob 0.25"), "beside them: reprob=0.25"),
    ],
)
def test_a_changed_recipe_is_told_with_the_override(
    name: str, text: str, row: str, changes: tuple[str, str], expected: str, reproduce: Reproduce, tmp_path: Path
) -> None:
    assert changes[0] in text
    (tmp_path / name).write_text(text.replace(*changes))
    assert expected in reproduce("diff", name, "--as", row).out
    lines = json.loads(reproduce("diff", name, "--as", row, "--json").out)["differences"]
    overrides = [word for line in lines for word in shlex.split(line["override"])]
    if expected.startswith("-o"):
        assert "no difference" in reproduce("diff", name, "--as", row, *overrides).out


def test_two_rows_differ_in_the_settings_that_their_table_compares(reproduce: Reproduce) -> None:
    rows = ("xvit/zoo:ssv2", "xvit/zoo:k600-2-views")
    found = json.loads(reproduce("diff", *rows, "--json").out)
    overrides = {line["field"]: line["override"] for line in found["differences"]}
    assert overrides["model.attention.fraction"] == "-o model.attention.fraction=0.25"
    assert overrides["data.dataset"] == "" and "evaluation.views" not in overrides
    assert reproduce("diff", rows[0], rows[0]).out.endswith("no difference\n")
    assert "-o optim.epochs=30" in reproduce("diff", rows[0], rows[0], "-o", "optim.epochs=30").out


def test_a_field_at_its_default_has_an_override(reproduce: Reproduce) -> None:
    tiny, paper = "-o model.linear_std=0.125", "-o model.linear_std=0.02"
    rows = ("motionformer/table4:joint.k400", "motionformer/table4:joint.ssv2")
    assert "linear_std" not in reproduce("diff", *rows).out
    assert tiny in reproduce("diff", rows[0], rows[0], *tiny.split()).out
    published = load("motionformer/table4").run_of("joint.k400", TINY, (), 0).train_id
    assert paper in reproduce("diff", published, rows[0]).out


def test_runs_in_the_store_and_published_ones_are_found_by_their_id(reproduce: Reproduce, tmp_path: Path) -> None:
    published = sorted(path.name for path in RESULTS.iterdir() if (path / "config.json").exists())[0]
    config = json.loads((RESULTS / published / "config.json").read_text())
    copy = tmp_path / "runs" / "one.row-0123456789ab"
    copy.mkdir(parents=True)
    (copy / "config.json").write_text(json.dumps({**config, "seed": 7}))
    found = reproduce("diff", published, "0123456789ab")
    assert "seed" in found.out and "--seeds 7" in found.out and len(found.out.splitlines()) == 3
    (copy / "config.json").write_text(json.dumps(config))
    shutil.copytree(copy, tmp_path / "runs" / f"a.table.row-{published}")
    assert reproduce("diff", published, "0123456789ab").out.endswith("no difference\n")
    shutil.rmtree(copy)
    assert "run '0123456789ab': none in runs" in reproduce("diff", published, "0123456789ab").err


@pytest.mark.parametrize(
    ("name", "content", "row", "expected"),
    [
        ("a.yaml", b"SOLVER: {LRS: [1]}", K400, "SOLVER.LRS=(1,): no such value"),
        ("a.yaml", b"SOLVER: {STEPS: 3}", K400, "SOLVER.STEPS=3: no such value"),
        ("a.yaml", b"SOLVER: {WARMUP_EPOCHS: abc}", K400, "SOLVER.WARMUP_EPOCHS=abc: no such value"),
        ("a.yaml", b"TRAIN: 3", K400, "none of the settings of the paper's authors, such as TRAIN.BATCH_SIZE"),
        ("README.md", b"reproduce list --scale tiny", K400, "none of the settings of the paper's authors"),
        ("x.yaml", b"- a list", "xvit/zoo:ssv2", "x.yaml: name a YAML file of settings"),
        ("x.yaml", b"- a list", "msca/table2:kv", "no config files of the authors of 'msca'"),
        ("x.yaml", b"- a list", "nope/x:y", "unknown"),
        ("z.sh", b"\xb9", "xvit/zoo:ssv2", "z.sh is no text"),
    ],
)
def test_what_cannot_be_compared_is_told(
    name: str, content: bytes, row: str, expected: str, reproduce: Reproduce, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    error = reproduce("diff", name, "--as", row).err
    assert expected in error and len(error.splitlines()) == 1
    folder = reproduce("diff", tmp_path, "--as", "xvit/zoo:ssv2").err
    assert "is a folder" in folder and "there is no" not in folder
