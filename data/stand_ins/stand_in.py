"""What all stand-ins have in common: fields, and the folder of the generated files in the cache."""

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from interface.ranges import CheckedConfig, Count, CountOrZero

FIELD = "data.dataset.stand_in"  # full name of a stand-in in messages
# Digests of the code of each class at version 1, of which folders and records were named before versions alone counted.
EARLIER_DIGESTS = {
    "AanStandIn": "206bcb27085c7208",
    "CategorisedEpic100StandIn": "00af359b7b993d12",
    "Cifar10StandIn": "46741170c67a959c",
    "DavisStandIn": "dab004be954fec2d",
    "Epic100StandIn": "033fbc5f7b6876f8",
    "FineGymStandIn": "6792c5f9cc6568e8",
    "ImdbStandIn": "24701d3f0346bc5e",
    "KineticsStandIn": "400b6a9d5087b834",
    "ListOpsStandIn": "047ebb2763096e79",
    "NtuStandIn": "a68978a6aa2881c2",
    "PathfinderStandIn": "d168de073ac8883b",
    "PennActionStandIn": "b0ff3db08cd4972c",
    "SSv2StandIn": "c7c270dc69ed3aa3",
}


@dataclass(frozen=True, kw_only=True)
class StandIn(CheckedConfig):
    """Generated data set, recognised by its class and its fields, which determine its files up to their encoding."""

    config_path: ClassVar[str] = FIELD
    name: ClassVar[str]
    """Name of the data set that is replaced."""

    version: Count = 1
    """Incremented when the code generates other items from the same fields: earlier results then count no longer."""
    seed: CountOrZero = 0
    num_train: CountOrZero = 0
    num_val: CountOrZero = 0
    """Number of test items. With 1,000, of which two models get 30 % right one without the other, a difference of five
    points is found in 4 of 5 repetitions."""

    @property
    def is_original(self) -> bool:
        """Whether the published data set was generated in the same way and size, so that this one replaces nothing."""
        return False


def default_cache() -> Path:
    """Default cache folder: `$STAND_IN_CACHE`, else a folder in the user's cache, `$XDG_CACHE_HOME` or ~/.cache."""
    user_cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("STAND_IN_CACHE") or Path(user_cache, "video-stand-ins"))


def generated_root(stand_in: StandIn) -> Path | None:
    """Root of a stand-in data set; None if it is not in the default cache."""
    root = default_cache() / folder_name(stand_in)
    return root if root.is_dir() else None


def folder_name(stand_in: StandIn) -> str:
    """Data set, version, and a hash of class, fields and version: different files have different folders."""
    values = {field: getattr(stand_in, field.name) for field in dataclasses.fields(stand_in)}
    kept = {f.name: v for f, v in values.items() if not ("omit_if" in f.metadata and v == f.metadata["omit_if"])}
    text = json.dumps({"class": type(stand_in).__qualname__, **kept}, sort_keys=True)
    earlier = earlier_digest(stand_in)
    digest = hashlib.sha256((f"{text} {earlier}" if earlier else text).encode()).hexdigest()
    return f"{stand_in.name}-v{stand_in.version}-{digest[:10]}"


def earlier_digest(stand_in: StandIn) -> str | None:
    """Digest of the code in the folder name and the records of a stand-in that is as old as that; None for others."""
    return EARLIER_DIGESTS.get(type(stand_in).__qualname__) if stand_in.version == 1 else None
