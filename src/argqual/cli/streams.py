"""Standard input, output and error, as a command needs them: there, patient, and never a reason for a traceback.

A stream may be closed, full, at its reader's end, or set not to wait by another program. Results that cannot be
written end a command with a sentence; notes that cannot be written are dropped, and the work goes on.
"""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import sys
from contextlib import suppress
from typing import Any

from argqual.errors import EXIT_INTERRUPTED, EXIT_USAGE, ArgqualError

_MOST_FILES = 65_536


class ResultsLost(ArgqualError):
    """Standard output takes nothing more; `reader_gone` where that is because nobody reads any further."""

    def __init__(self, why: OSError) -> None:
        self.reader_gone = why.errno == errno.EPIPE
        self.exit_code = EXIT_INTERRUPTED if self.reader_gone else EXIT_USAGE
        said = {errno.EPIPE: "nobody reads it any further", errno.EBADF: "standard output is closed"}
        super().__init__(f"The result cannot be written: {said.get(why.errno or 0, why.strerror or why)}.")


class Sink(io.FileIO):
    """A descriptor that, after the first failure, swallows what is written; `loud` raises that one `ResultsLost`."""

    def __init__(self, descriptor: int, *, loud: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._loud = loud
        self._lost = False

    def write(self, content: Any) -> int:
        try:
            written = None if self._lost else super().write(content)
        except OSError as error:
            self._lost = True
            if self._loud:
                raise ResultsLost(error) from None
            written = None
        return memoryview(content).nbytes if written is None else written


def hold_streams() -> None:
    """Make the three streams safe to use, and let as many files be open as this user may have."""
    _fill_gaps()
    for descriptor in (0, 1, 2):
        with suppress(OSError):  # another program at the same terminal may have set them not to wait
            os.set_blocking(descriptor, True)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (as long as the process)
    codecs.register_error("argqual.escape", _escape)
    sys.stdout = _held(sys.stdout, 1, "argqual.escape")
    sys.stderr = _held(sys.stderr, 2, "backslashreplace")
    _open_many()


def _fill_gaps() -> None:
    """Put something on closed descriptors, or the next file that is opened would be taken for a stream.

    Reading from where standard input was finds nothing, writing where standard output was fails, and what is written
    where standard error was is dropped.
    """
    for descriptor, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, mode)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)


def _held(stream: Any, descriptor: int, errors: str) -> Any:
    """A text stream as Python makes it, over a `Sink`; a stream that is not the descriptor's stays as it is."""
    if stream is not None:
        try:
            if stream.fileno() != descriptor:
                return stream
        except (OSError, ValueError, AttributeError):
            return stream
        with suppress(OSError):
            stream.flush()
    raw = Sink(descriptor, loud=descriptor == 1)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    eager = descriptor == 2 or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=eager)


def _escape(error: UnicodeError) -> tuple[str, int]:
    """What a terminal's encoding lacks is written as in JSON (`\\u7d76`): nothing is lost, and JSON stays JSON."""
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _open_many() -> None:
    """Raise the number of files that may be open to what this user may have at all; shells start with few."""
    with suppress(ImportError, OSError, ValueError):
        import resource  # Windows has none

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
