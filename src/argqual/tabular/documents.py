"""Texts as people keep them: plain files, and those of word processors, browsers and printers.

What is read is the running text, paragraph by paragraph, and its notes at the end; pictures, comments, headers
and footers are not. A file is
never taken for what it is not: one whose ending is known and not read is refused.
"""

import io
import logging
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from argqual.argument import byte_order, decode_argument, decoded
from argqual.errors import InputError
from argqual.tabular.columns import is_header
from argqual.tabular.endings import refuse_unread
from argqual.tabular.extra import office
from argqual.tabular.opening import check_content, opened
from argqual.tabular.table import kind_of, reason_of

_MOST = 100_000_000  # bytes of a text, or of a document's text part, unpacked
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_PASSED_OVER = tuple(
    [f"{_TEXT}{name}" for name in ("tracked-changes", "note", "sequence-decls")]
    + [f"{_OFFICE}{name}" for name in ("annotation", "forms")]
)
_CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?([\w-]+)""", re.IGNORECASE)


def read_text(path: Path) -> str:
    """The text of a file, whatever kind of document it is.

    Raises an `InputError` if the file is not there, empty, damaged, locked, of a kind that is not read, or needs the
    extra `office` that is not installed.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder.", hint="Name a file in it.")
    on_disk = path.is_file()  # or a pipe, which is read once; or nothing
    if on_disk:
        refuse_unread(path)
    if on_disk and path.stat().st_size:
        check_content(path)
    reader = _READERS.get(kind_of(path.name)) if on_disk else None
    with opened(path) as file:
        raw = file.read(_MOST + 1)
    if len(raw) > _MOST:  # a device such as /dev/zero has no end
        raise InputError(f"{path} has more than {_MOST // 10**6} MB, so it is no argument.")
    if reader is None:
        return _plain(decode_argument(raw, name=str(path)), path)
    try:
        text = reader(raw, path)
    except InputError:
        raise
    except Exception as error:  # whatever a damaged document makes its library raise
        said = f"{path} is no {kind_of(path.name)} file, or a damaged one ({reason_of(error)})."
        raise InputError(said, hint="Save it again, or as plain text.") from None
    return decode_argument(_tidy(text).encode("utf-8", "backslashreplace"), name=str(path))


def _plain(text: str, path: Path) -> str:
    first, _, others = text.lstrip().partition("\n")
    if is_header(first, others.lstrip().partition("\n")[0]):
        raise InputError(
            f"{path} looks like a table: its first line, '{first.strip():.40}', names columns.",
            hint="Name it .csv or .tsv. If it is a text all the same: argqual score - < FILE.",
        )
    return text


def _tidy(text: str) -> str:
    """Without spaces at the ends of lines, and with one blank line at most between two others."""
    text = "".join(" " if character in "\x0b\x0c\x00" else character for character in text)
    lines = [" ".join(line.split()) for line in text.replace("\xad", "").splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Archive:
    """The XML files of a document that is a zip archive."""

    def __init__(self, raw: bytes, path: Path) -> None:
        self._path, self._xml = path, office("defusedxml.ElementTree", path)
        self._archive = zipfile.ZipFile(io.BytesIO(raw))
        manifest = self._read("META-INF/manifest.xml") if "META-INF/manifest.xml" in self else b""
        if b"encryption-data" in manifest:
            raise InputError(f"{path} is locked with a password.", hint="Save it without one.")

    def __contains__(self, name: str) -> bool:
        return name in self._archive.namelist()

    def root(self, name: str) -> Any:
        return self._xml.fromstring(self._read(name))

    def _read(self, name: str) -> bytes:
        if self._archive.getinfo(name).file_size > _MOST:
            raise InputError(f"{self._path} is too large: {name} in it has more than {_MOST // 10**6} MB.")
        return self._archive.read(name)


def _docx(raw: bytes, path: Path) -> str:
    archive = _Archive(raw, path)
    pieces = list(_word_pieces(archive.root("word/document.xml")))
    for name in ("word/footnotes.xml", "word/endnotes.xml"):
        if name in archive:
            pieces += ["\n", *_word_pieces(archive.root(name))]
    return "".join(pieces)


def _word_pieces(element: Any) -> Iterator[str]:
    """What a reader sees: insertions but not deletions, each alternative once."""
    space, _, tag = element.tag.rpartition("}")
    if tag in ("Fallback", "del", "moveFrom"):
        return
    if "wordprocessingml" in space:
        if tag == "t":
            yield element.text or ""
        yield {"tab": "\t", "noBreakHyphen": "-", "br": "\n", "cr": "\n"}.get(tag, "")
    for child in element:
        yield from _word_pieces(child)
    if tag in ("p", "tr"):
        yield "\n"


def _odt(raw: bytes, path: Path) -> str:
    body = _Archive(raw, path).root("content.xml").find(f"{_OFFICE}body")
    pieces = list(_open_pieces(body))
    for note in body.iter(f"{_TEXT}note-body"):
        pieces += ["\n", *_open_pieces(note)]
    return "".join(pieces)


def _open_pieces(element: Any) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if child.tag not in _PASSED_OVER:
            if child.tag == f"{_TEXT}s":
                yield " " * min(int(child.get(f"{_TEXT}c", 1)), 1000)
            elif child.tag in (f"{_TEXT}tab", f"{_TEXT}line-break"):
                yield "\t" if child.tag.endswith("tab") else "\n"
            yield from _open_pieces(child)
            if child.tag in (f"{_TEXT}p", f"{_TEXT}h"):
                yield "\n"
        yield child.tail or ""


def _pdf(raw: bytes, path: Path) -> str:
    pypdf = office("pypdf", path)
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it mends in a file is nothing to be told
    document = pypdf.PdfReader(io.BytesIO(raw))
    if document.is_encrypted and not document.decrypt(""):
        raise InputError(f"{path} is locked with a password.", hint="Save it without one, or as plain text.")
    text = "\n".join(page.extract_text() for page in document.pages)
    if not text.strip():
        raise InputError(
            f"{path} holds no text, only pictures of it.", hint="Have its text recognised (OCR), and give that."
        )
    return text


def _rtf(raw: bytes, path: Path) -> str:
    striprtf = office("striprtf.striprtf", path)
    if not raw.lstrip().startswith(b"{\\rtf"):
        raise InputError(f"{path} is no .rtf file.", hint="If it is plain text, rename it to .txt.")
    return str(striprtf.rtf_to_text(raw.decode("cp1252", "replace"), errors="replace"))


def _html(raw: bytes, path: Path) -> str:
    told = _CHARSET.search(raw[:4096])
    encoding = byte_order(raw[:4]) or (told[1].decode() if told else "utf-8")
    try:
        text = decoded(raw, encoding, name=str(path), hint="Save it as UTF-8.")
    except LookupError:
        text = raw.decode("utf-8", "replace").removeprefix("\ufeff")
    page = _Page()
    page.feed(text)
    page.close()
    return "".join(page.pieces)


class _Page(HTMLParser):
    """The words of a page as a browser shows them: blocks begin lines, and what is no text is passed over."""

    _HIDDEN = frozenset(("script", "style", "head", "template", "noscript", "svg", "select", "iframe"))
    _BLOCKS = re.compile(
        r"address|article|aside|blockquote|br|caption|dd|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|header"
        r"|hr|li|main|nav|[ou]l|p|pre|section|table|t[dhr]"
    )

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in self._HIDDEN:
            self._hidden.append(tag)
        elif tag == "body":
            self._hidden.clear()  # a head that was never closed
        elif self._BLOCKS.fullmatch(tag):
            self._break("\n\n" if tag in ("p", "blockquote") else "\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        elif self._BLOCKS.fullmatch(tag):
            self._break("\n")

    def _break(self, ends: str) -> None:
        if not (self.pieces and self.pieces[-1].endswith(ends)):
            self.pieces.append(ends)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(re.sub(r"\s+", " ", data))


_READERS: Mapping[str, Callable[[bytes, Path], str]] = {
    ".docx": _docx,
    ".docm": _docx,
    ".dotx": _docx,
    ".odt": _odt,
    ".pdf": _pdf,
    ".rtf": _rtf,
    ".html": _html,
    ".htm": _html,
}
