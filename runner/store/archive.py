"""Runs in one file: what a colleague needs of them, and what is checked before they are taken."""

import glob
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from experiments.spec.ids import tree_digest
from runner.machine.files import PARTIAL, json_object, replacing, unwritable
from runner.store.folders import run_folders, train_id_of
from runner.store.run_directory import RunDirectory
from runner.store.starts import Starts

ENDINGS = (".tar", ".tar.gz")
# Of this machine, or of a training that is not finished.
LEFT_OUT = {"claim.lease", "failure.txt", "progress.json", "requests"}


def export_runs(folders: Iterable[RunDirectory], file: Path) -> None:
    """Write runs to a new file, with weights, records, scores, curves and what started them."""
    if not file.name.endswith(ENDINGS):
        raise ValueError(f"{file}: name a file that ends in {' or '.join(ENDINGS)}")
    if file.exists():
        raise ValueError(f"{file} exists; name another file, or remove it")
    with replacing(file, remedy="name another file") as partial, _new(partial, file) as archive:
        for folder in folders:
            archive.add(folder.path, folder.path.name, filter=_shared)


def _new(partial: Path, file: Path) -> tarfile.TarFile:
    if file.suffix == ".gz":
        return tarfile.open(partial, "w:gz", compresslevel=1)  # weights hardly become smaller
    return tarfile.open(partial, "w")


def _shared(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Member of an archive without its owner; None for what is left out."""
    _, *parts = Path(member.name).parts
    if LEFT_OUT & {*parts[:1]} or member.name.endswith(".ckpt") or PARTIAL in member.name:
        return None
    member.uid, member.gid, member.uname, member.gname = 0, 0, "", ""
    return member


def import_runs(file: Path, root: Path) -> list[RunDirectory]:
    """Take all runs of a file, or none if it holds anything else, was changed, or has a run which is here already."""
    if not file.is_file():
        raise ValueError(f"there is no file {file}")
    try:
        root.mkdir(parents=True, exist_ok=True)
        prefix = f"{PARTIAL}{file.name}."
        for left in root.glob(f"{glob.escape(prefix)}*"):  # of a killed import
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(dir=root, prefix=prefix) as name, tarfile.open(file) as archive:
            tops = dict.fromkeys(Path(member.name).parts[0] for member in archive)
            here = run_folders(root)
            if known := [str(here[id_]) for top in tops if (id_ := train_id_of(Path(top))) in here]:
                raise ValueError(f"already here: {', '.join(known)} (see `reproduce runs rm`)")
            archive.extractall(name, filter="data")  # refuses paths outside of the folder, and devices
            new = [RunDirectory(Path(name) / top) for top in tops]
            for folder in new:
                check_run(folder)
            for folder in new:
                folder.path.rename(root / folder.path.name)
    except (tarfile.TarError, EOFError, zlib.error, IndexError) as error:
        raise ValueError(f"{file} holds no runs, or is damaged: {error}") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}; nothing was imported") from None
    except OSError as error:
        raise unwritable(root, error) from None
    return [RunDirectory(root / top) for top in tops]


def check_run(folder: RunDirectory) -> None:
    """Refuse a folder whose name, config and results are not of one run, or were changed."""
    from runner.store.records import read_sealed, record_of_test  # here: it imports PyTorch

    train_id = train_id_of(folder.path)
    config = json_object(folder.config)
    if train_id is None or config is None:
        raise ValueError(f"'{folder.path.name}' is no folder of a run")
    if (of_config := id_of(config)) != train_id:
        raise ValueError(f"{folder.path.name}/config.json is that of run {of_config}")
    if (starts := json_object(folder.starts)) is not None:
        msgspec.convert(starts, Starts)
    for path in sorted(folder.path.glob("metrics/*.json")) + sorted(folder.path.glob("measured/*.json")):
        fields = read_sealed(path) or {}
        if path.parent.name == "metrics":
            record_of_test(fields)
        if (of_result := fields.get("train_id")) != train_id:
            raise ValueError(f"{folder.path.name}/{path.parent.name}/{path.name} is of run {of_result}")


def id_of(description: dict) -> str:
    """Id of a run by its config file, which describes its parents in full."""
    fields = {name: value for name, value in description.items() if name != "type"}
    if "start_from" in fields:
        fields["start_from"] = id_of(fields["start_from"])
    if "parents" in fields:
        fields["parents"] = [[part, id_of(parent)] for part, parent in fields["parents"]]
    return tree_digest(fields)
