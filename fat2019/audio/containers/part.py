"""A stretch of a file that a decoder can read as a file of its own."""

import dataclasses
import io
from typing import BinaryIO


@dataclasses.dataclass(frozen=True)
class Part:
    """A recording within a file: ``head``, then the file's bytes from ``begin`` to ``end``."""

    head_from: int  # the file's byte where the recording begins, which ``head`` replaces up to ``begin``
    begin: int
    end: int
    head: bytes = b""
    announced_samples: int | None = None  # a channel, where ``head`` hides from the decoder what the file says
    is_mpeg: bool = False  # which libsndfile reads only from a file that has a name


@dataclasses.dataclass(frozen=True)
class Found:
    """A recording, or several, at the beginning of the rest of a file."""

    parts: tuple[Part, ...]
    end: int  # the byte after them and what belongs to them
    notes: tuple[str, ...] = ()
    truncation: str | None = None  # how the file is cut short


@dataclasses.dataclass(frozen=True)
class Layout:
    """What is in a file."""

    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    truncation: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether a decoder that is given the file as it is reads all that is in it."""
        return len(self.parts) == 1 and not self.parts[0].head


class PartView(io.RawIOBase):
    """A part as a file for reading. What the system fails to read is kept in ``error``, as a decoder passes on none."""

    def __init__(self, file: BinaryIO, part: Part) -> None:
        self._file, self._part, self._at = file, part, 0
        self._bytes = len(part.head) + part.end - part.begin
        self.error: OSError | None = None

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, but not to before the beginning."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._bytes}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as there are bytes."""
        wanted = min(len(buffer), self._bytes - self._at)
        done = 0
        while done < wanted:
            piece = self._piece(wanted - done)
            if not piece:
                break
            buffer[done : done + len(piece)] = piece
            done += len(piece)
            self._at += len(piece)
        return done

    def _piece(self, count: int) -> bytes:
        head = self._part.head
        if self._at < len(head):
            return head[self._at : self._at + count]
        try:
            self._file.seek(self._part.begin + self._at - len(head))
            return self._file.read(count)
        except OSError as error:
            self.error = error
            return b""
