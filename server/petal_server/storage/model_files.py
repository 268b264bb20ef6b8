"""Global models as files that anybody can use: ``ROUND_SEEDHEX.npy`` and ``.bincode``."""

from hashlib import sha256
from pathlib import Path

from petal_server.storage.base import GlobalModel, StorageError
from petal_server.storage.files import private_folder, sync_folder, write_whole

Digests = tuple[bytes, bytes]
"""SHA-256 of the bincode and of the npy file."""

_ADVICE = (
    "Put the file back, or start anew, without a model, with restore.enable = false (which keeps "
    "the files of all others)"
)


class ModelFiles:
    """The folder with the global models. Its methods block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        private_folder(folder)
        for unfinished in folder.glob(".*.new"):
            unfinished.unlink()

    def write(self, model: GlobalModel) -> Digests:
        """Have both files on the disk."""
        for path, data in zip(self._paths(model.id), (model.bincode, model.npy), strict=True):
            write_whole(path, data)
        return sha256(model.bincode).digest(), sha256(model.npy).digest()

    def read(self, model_id: str, digests: Digests) -> GlobalModel:
        """What was written.

        Raises:
            StorageError: A file is missing or changed.
        """
        files = map(_read, self._paths(model_id), digests)
        return GlobalModel(model_id, *files)

    def remove(self, model_id: str) -> None:
        """Delete a model's files; some may be gone already."""
        for path in self._paths(model_id):
            path.unlink(missing_ok=True)
        sync_folder(self._folder)

    def _paths(self, model_id: str) -> tuple[Path, Path]:
        return self._folder / f"{model_id}.bincode", self._folder / f"{model_id}.npy"


def _read(path: Path, digest: bytes) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}. {_ADVICE}") from error
    if sha256(data).digest() != digest:
        raise StorageError(f"{path} is not what was written there. {_ADVICE}")
    return data
