"""Released weights: list of files, import, test, and mark in reports."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file

from experiments.motionformer.base import EPIC100
from experiments.motionformer.released import FILES, RELEASED, expected_settings
from experiments.spec.catalog import find, load, released_weights
from experiments.spec.edits import Edit, apply, model
from experiments.spec.released import ReleasedFile
from experiments.spec.run import Parent
from experiments.spec.scales import PAPER
from models.mixers.joint import JointAttention
from reproduce.command import main
from runner.store.records import ReleasedStart
from runner.store.store import RunStore
from runner.weights.released import import_text, import_weights
from runner.weights.weights import start_weights
from tests.conftest import Outcome, Reproduce

ROW = "motionformer/table6b:mformer"
SMALL = ["model.width=96", "model.depth=2", "model.heads=4", "data.dataset.num_classes=11"]
NARROW = ["model.width=48", "model.depth=2", "model.heads=4"]
PROTOCOL = ["evaluation.views=1", "evaluation.crops=1"]
OVERRIDES = [word for override in [*SMALL, *PROTOCOL] for word in ("-o", override)]


def test_sixteen_released_files_have_rows() -> None:
    assert released_weights("motionformer") is RELEASED
    assert len({RELEASED.url(released) for released in FILES}) == len(FILES) == 16
    assert RELEASED.url(FILES[0]) == "https://dl.fbaipublicfiles.com/motionformer/k400_joint_224_16x4.pyth"
    assert all(RELEASED.find(released.name) is released for released in FILES)
    assert RELEASED.find("k400_motionformer_224") is None


def authors_tensors(name: str, width: int, depth: int) -> dict[str, torch.Tensor]:
    """Tensors of a released file, but narrow and shallow, with the authors' keys, shapes and initial spread."""
    data, attention, _, clip = name.split("_")
    frames, D = int(clip.split("x")[0]), width
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, D),
        "pos_embed": (1, 197, D),  # 14 x 14 patches for every crop
        "temp_embed": (1, frames // 2, D),
        **linear("patch_embed.proj", (D, 3, 16, 16)),
        **linear("patch_embed_3d.proj", (D, 3, 2, 16, 16)),
        **linear("norm", (D,)),
        **linear("pre_logits.fc", (D, D)),
    }
    for block in (f"blocks.{index}" for index in range(depth)):
        shapes |= linear(f"{block}.norm1", (D,)) | linear(f"{block}.norm2", (D,))
        shapes |= linear(f"{block}.attn.qkv", (3 * D, D)) | linear(f"{block}.attn.proj", (D, D))
        shapes |= linear(f"{block}.mlp.fc1", (4 * D, D)) | linear(f"{block}.mlp.fc2", (D, 4 * D))
        if attention == "motionformer":
            shapes |= linear(f"{block}.attn.proj_q", (D, D)) | linear(f"{block}.attn.proj_kv", (2 * D, D))
        if attention == "divided":
            shapes |= linear(f"{block}.timeattn.qkv", (3 * D, D)) | linear(f"{block}.timeattn.proj", (D, D))
            shapes |= linear(f"{block}.norm3", (D,))
    heads = {"k400": {"head": 400}, "k600": {"head": 600}, "ssv2": {"head": 174}, "ek": {"head0": 97, "head1": 300}}
    for head, classes in heads[data].items():
        shapes |= linear(head, (classes, D))
    torch.manual_seed(0)
    # The value projection never got a gradient: it has its initial values.
    return {
        key: torch.zeros(shape) if key.endswith("proj_kv.bias") else 0.02 * torch.randn(shape)
        for key, shape in shapes.items()
    }


def linear(name: str, weight: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": weight, f"{name}.bias": weight[:1]}


@pytest.mark.parametrize("released", FILES, ids=lambda released: released.name)
def test_every_key_of_every_released_file_is_loaded_or_known(released: ReleasedFile, tmp_path: Path) -> None:
    ((table, rows),) = find([released.row])
    assert rows is not None
    run = table.run_of(f"{rows[0]}.{released.column}", PAPER, NARROW, 0)
    assert run.data.size.height == int(released.name.split("_")[2])  # type: ignore[attr-defined]
    tensors = authors_tensors(released.name, width=48, depth=2)
    file = tmp_path / f"{released.name}.pyth"
    torch.save({"epoch": 34, "model_state": tensors, "optimizer_state": {}, "cfg": ""}, file)
    record = import_weights(run, RunStore(tmp_path / "runs"), file, RELEASED)
    heads = ["head.weight", "head.bias"] if released.name.startswith("ek") else []  # the two heads are joined
    assert not record.missing and list(record.reshaped) == heads
    assert record.unexpected == ("patch_embed.proj.weight", "patch_embed.proj.bias")
    assert record.matched == len(tensors) - 2 - 2 * len(heads)
    (remark,) = record.remarks
    if "motionformer" in released.name:
        assert remark.startswith("value projection: never trained (") and remark.endswith(", as this row expects")
    else:
        assert remark == "value projection: this attention has none"
    assert not record.warnings and not record.settings


def test_import_of_another_file_removes_the_results_of_the_first(tmp_path: Path) -> None:
    run = load("motionformer/table6b").run_of("mformer.top1", PAPER, NARROW, 0)
    store, file = RunStore(tmp_path / "runs"), tmp_path / "k400_motionformer_224_16x4.pyth"
    tensors = authors_tensors(file.stem, width=48, depth=2)
    torch.save({"model_state": tensors}, file)
    import_weights(run, store, file, RELEASED)
    directory = store.run(run.train_id)
    made = {
        view.is_released: [view.metrics("eee"), view.scores("eee"), view.pictures("attention_maps", "eee")]
        for view in (directory, directory.of_released)
    }
    for result in (*made[False], *made[True]):
        result.parent.mkdir(exist_ok=True)
        result.write_text("{}")
    import_weights(run, store, file, RELEASED)
    assert all(result.exists() for result in made[True])
    torch.save({"model_state": {name: tensor + 1 for name, tensor in tensors.items()}}, file)
    with pytest.raises(ValueError, match=f"has those of {file.name} .* in their place, .* add --replace$"):
        import_weights(run, store, file, RELEASED)
    assert all(result.exists() for result in made[True])
    import_weights(run, store, file, RELEASED, replace=True)
    assert not any(result.exists() for result in made[True])
    assert all(result.exists() for result in made[False])
    assert directory.released.exists()


def narrow(folder: Path, name: str, cfg: str = "") -> Path:
    """Narrow released file."""
    file = folder / f"{name}.pyth"
    torch.save({"model_state": authors_tensors("k400_motionformer_224_16x4", width=48, depth=2), "cfg": cfg}, file)
    return file


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Reproduce:
    """Function that carries out `import-weights` of a narrow file for a row. A refused one writes nothing."""

    def run(name: str, row: str, *words: str, cfg: str = "") -> Outcome:
        before = set(tmp_path.rglob("*.safetensors"))
        command = ["import-weights", str(narrow(tmp_path, name, cfg)), "--as", row, "--runs", str(tmp_path)]
        code = main([*command, *(word for override in NARROW for word in ("-o", override)), *words])
        assert code == 0 or before == set(tmp_path.rglob("*.safetensors"))
        streams = capsys.readouterr()
        return Outcome(code, streams.out, streams.err)

    return run


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("k400_motionformer_336_16x8", "motionformer/table6b:mformer"),
        ("k400_motionformer_224_16x4", "motionformer/table6b:mformer-hr"),
        ("k400_motionformer_224_16x4", "motionformer/table3a:performer"),
        ("k400_motionformer_224_16x4", "motionformer/table4:trajectory-norm-st"),
        ("k400_motionformer_224_16x4", "*/table4:divided"),
        ("k400_motionformer_224_16x4", "motionformer*/table4:div*"),
    ],
)
def test_released_file_is_refused_for_another_row(name: str, row: str, imported: Reproduce) -> None:
    refused = imported(name, row)
    (own_row,) = [f"{listed.row} (column {listed.column})" for listed in FILES if listed.name == name]
    assert refused.code == 2
    assert len(refused.err.strip().splitlines()) == 1
    assert f"holds the weights of {own_row}" in refused.err and f"--as {own_row.split()[0]}" in refused.err


@pytest.mark.parametrize("row", ["spec/table4:divided", "nothing", "motionformer/tabel4:divided"])
def test_unknown_row_gives_a_one_line_error(row: str, imported: Reproduce) -> None:
    refused = imported("mine", row)
    assert refused.code == 2 and len(refused.err.strip().splitlines()) == 1 and "unknown table" in refused.err


def test_file_is_imported_for_rows_of_other_tables_with_the_same_run(imported: Reproduce, tmp_path: Path) -> None:
    name = "k400_motionformer_224_16x4"
    for row in ("table4:trajectory", "table8:k400", "table6b:mformer"):
        assert imported(name, f"motionformer/{row}").code == 0
    assert len(list(tmp_path.rglob("released.safetensors"))) == 1
    assert imported(name, "motionformer/table4:trajectory", "--column", "ssv2").code == 2


CFG = """DATA:
  NUM_FRAMES: {frames}
  SAMPLING_RATE: {stride}
  TRAIN_CROP_SIZE: {crop}
VIT:
  APPROX_ATTN_DIM: 64
  APPROX_ATTN_TYPE: {approximation}
  ATTN_LAYER: trajectory
  USE_ORIGINAL_TRAJ_ATTN_CODE: true
"""
STATED = {"frames": 16, "stride": 4, "crop": 224, "approximation": "none"}


def test_runs_start_from_imported_released_weights_and_record_them(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    k400 = load("motionformer/table6b").run_of("mformer.top1", PAPER, NARROW, 0)
    ssv2 = load("motionformer/table6a").run_of("mformer.top1", PAPER, NARROW, 0)
    ssv2 = replace(ssv2, parents=(Parent(run=k400),))
    assert ssv2.train_id != k400.train_id
    file = narrow(tmp_path, "k400_motionformer_224_16x4")
    record = import_weights(k400, store, file, RELEASED)
    model = ssv2.build().model
    starts = start_weights(model, ssv2, store)
    assert starts == [ReleasedStart("", file.name, record.sha256)]
    released = load_file(store.run(k400.train_id).released)
    (first, *_) = [name for name in released if name.endswith("qkv.weight")]
    assert model.state_dict()[first].equal(released[first])


def test_expected_settings_of_a_run_have_the_authors_names() -> None:
    assert expected_settings(EPIC100) == {
        "NUM_FRAMES": 16, "TRAIN_CROP_SIZE": 224, "SAMPLING_RATE": 4, "APPROX_ATTN_TYPE": "none"
    }  # fmt: skip
    segments = load("motionformer/table6a").run_of("mformer.top1", PAPER, (), 0)
    assert "SAMPLING_RATE" not in expected_settings(segments)  # segment sampling has no rate
    joint = apply(EPIC100, model(attention=JointAttention.Config()))
    assert "APPROX_ATTN_TYPE" not in expected_settings(joint)
    assert expected_settings(apply(EPIC100, [Edit("data.crop", 336)]))["TRAIN_CROP_SIZE"] == 336
    assert RELEASED.stated_settings(EPIC100, "no settings") == {}
    of_stride_8 = apply(EPIC100, [Edit("data.sampling.stride", 8)])
    assert RELEASED.stated_settings(of_stride_8, CFG.format(**STATED | {"stride": 8}))["SAMPLING_RATE"] == "8"
    with pytest.raises(ValueError, match=r"^NUM_FRAMES 32 \(this row: 16\), TRAIN_CROP_SIZE 336 \(this row: 224\)$"):
        RELEASED.stated_settings(EPIC100, CFG.format(**STATED | {"frames": 32, "crop": 336}))


def test_text_of_an_import(tmp_path: Path) -> None:
    run = load("motionformer/table6b").run_of("mformer.top1", PAPER, NARROW, 0)
    file = narrow(tmp_path, "mine", CFG.format(**STATED))
    record = import_weights(run, RunStore(tmp_path / "runs"), file, RELEASED)
    first, unexpected, remark, settings = import_text(record).splitlines()
    assert first == f"mine.pyth (sha256 {record.sha256[:12]}): {record.matched} keys matched"
    assert unexpected == ("unexpected (known: nothing reads them): patch_embed.proj.weight, patch_embed.proj.bias")
    assert remark.startswith("value projection: never trained")
    assert settings.startswith("trained with, as the file says: NUM_FRAMES 16")
    warned = import_text(msgspec.structs.replace(record, remarks=(), warnings=("it hardly suits",), settings={}))
    assert warned.splitlines()[2:] == [
        "WARNING: it hardly suits",
        "trained with, as the file says: nothing that this row knows",
    ]


def test_import_warns_of_an_untrained_value_projection_that_the_row_uses(imported: Reproduce) -> None:
    done = imported("mine", ROW, "-o", "model.attention.project_values=True")
    assert done.code == 0 and "WARNING: value projection: never trained (" in done.out
    assert "but this row reads it: set model.attention.project_values=False" in done.out
