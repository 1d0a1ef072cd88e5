"""What cannot be written: nothing of it is left, and what was there before still is."""

from __future__ import annotations

import errno

from bionic_core.errors import BionicError


class WriteError(BionicError, OSError):
    """A file cannot be written; nothing of it is left, and what was there before still is."""

    @classmethod
    def of(cls, error: OSError, path: object) -> WriteError:
        """Return the error of a path from what the system said."""
        wrong = error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG)
        kind = MisplacedError if wrong else cls
        return kind(error.errno or errno.EIO, error.strerror or str(error), str(path))

    def __str__(self) -> str:
        if self.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "make room there"
        elif self.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            remedy = "allow writing there, or name another folder"
        elif isinstance(self, MisplacedError):
            return f"{self.filename}: cannot be written ({self.strerror}); name another place"
        else:
            remedy = "see to the disk"
        return (
            f"{self.filename}: cannot be written ({self.strerror}). Nothing is half-written: "
            f"{remedy}, and give the same command again; it goes on from what is finished"
        )


class MisplacedError(WriteError):
    """A file stands where a folder must be, or the other way round: the request is wrong."""

    exit_code = 2
