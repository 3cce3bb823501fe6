"""Cache of the joints of a small data set, so that later epochs read no file of joints."""

from data.datasets.pose_videos import PoseVideoList
from data.poses import Poses

DEFAULT_BYTES = 64 * 2**20  # per process


class PoseCache:
    """Joints of the videos of a list. Videos share the memory equally; joints that fit their share are read once."""

    def __init__(self, videos: PoseVideoList, num_bytes: int = DEFAULT_BYTES) -> None:
        self.videos = videos
        self.share = num_bytes // max(len(videos), 1)
        self.kept: dict[int, Poses] = {}

    def poses(self, index: int) -> Poses:
        """Joints of a video.

        Raises:
            DecodeError: if they cannot be read, or if no joint has a place.
        """
        poses = self.kept.get(index)
        if poses is None:
            poses = self.videos.poses(index)
            if poses.places.nbytes <= self.share:
                self.kept[index] = poses
        return poses
