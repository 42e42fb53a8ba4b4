"""Texts as people keep them: what a reader sees of a document is the argument, and what is no text is refused."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest

import officefiles
from argqual.errors import InputError
from argqual.tabular.documents import read_text
from argqual.tabular.sources import named_files, open_source

RTF = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 A;}}\f0 Caf\'e9s \b close\b0  early.\par They \u8212?mostly\u8212? lose.}"
PAGE = """<!DOCTYPE html><html><head><title>News</title><style>p {color: red}</style>
<script>if (a < b) alert("x")</script></head><body><p>Cars are
bad,&nbsp;&amp; loud.<br>Buses &lt;are&gt; not.</p><ul><li>One</li><li>Two</ul></body></html>"""


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_word_document_gives_what_a_reader_sees(tmp_path: Path) -> None:
    body = (
        "<w:p><w:r><w:t>Cars are </w:t></w:r><w:ins><w:r><w:t>very </w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>not </w:delText></w:r></w:del><w:hyperlink><w:r><w:t>bad</w:t></w:r></w:hyperlink>"
        "<w:r><w:t>.</w:t><w:br/><w:t>Really.</w:t></w:r></w:p>"
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>In a field.</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>In a table.</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
    )
    notes = "<w:p><w:r><w:t>A note.</w:t></w:r></w:p>"
    text = read_text(officefiles.docx(tmp_path / "a.docx", body, notes))
    assert text == "Cars are very bad.\nReally.\nIn a field.\nIn a table.\n\nA note."


def test_an_open_document_gives_what_a_reader_sees(tmp_path: Path) -> None:
    body = (
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes><text:h>Cars</text:h>"
        '<text:p>They are<text:s text:c="2"/><text:span>bad</text:span><text:note><text:note-citation>1'
        "</text:note-citation><text:note-body><text:p>A note.</text:p></text:note-body></text:note>"
        "<office:annotation><text:p>hm</text:p></office:annotation>.<text:line-break/>Really.</text:p>"
    )
    assert read_text(officefiles.odt(tmp_path / "a.odt", body)) == "Cars\nThey are bad.\nReally.\n\nA note."


def test_a_pdf_gives_its_lines(tmp_path: Path) -> None:
    assert read_text(officefiles.pdf(tmp_path / "a.pdf", "Cars are bad.", "Buses are not.")) == (
        "Cars are bad.\nBuses are not."
    )


def test_rich_text_and_pages_give_their_words(tmp_path: Path) -> None:
    assert read_text(write(tmp_path, "a.rtf", RTF)) == "Cafés close early.\nThey —mostly— lose."
    assert read_text(write(tmp_path, "a.html", PAGE)) == "Cars are bad, & loud.\nBuses <are> not.\nOne\nTwo"
    latin = PAGE.replace("<head>", '<head><meta charset="latin-1">').replace("loud", "blasé").encode("latin-1")
    assert "blasé" in read_text(write(tmp_path, "a.htm", latin))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(tmp_path: Path, encoding: str) -> None:
    assert read_text(write(tmp_path, "a.txt", "Schön.".encode(encoding))) == "Schön."


def test_one_packed_text_is_read(tmp_path: Path) -> None:
    assert read_text(write(tmp_path, "a.txt.gz", gzip.compress(b"Cars."))) == "Cars."


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.doc", b"x", r"no \.doc files.*\n.*save it as \.docx"),
        ("a.pages", b"x", r"no \.pages files.*\n.*save it as \.docx"),
        ("a.epub", b"x", r"no \.epub files.*\n.*save it as"),
        ("a.jpeg", b"x", r"no \.jpeg files.*\n.*OCR"),
        ("a.MP3", b"x", r"no \.mp3 files.*\n.*transcribed"),
        ("a.zip", b"x", r"no \.zip files.*\n.*Unpack"),
        ("a.tar.gz", b"x", r"no \.tar files.*\n.*Unpack"),
        ("a.sav", b"x", r"no \.sav files.*\n.*Parquet"),
        ("a.yaml", b"x", r"no \.yaml files.*\n.*a table"),
        ("a.txt", b"%PDF-1.7", r"is a \.pdf file by what is in it.*\n.*a\.pdf"),
        ("a.txt", b"PAR1\x15\0", r"is a \.parquet file by what is in it"),
        ("a.txt", b'[{"text": "a"}]', r"is a \.json file by what is in it"),
        ("a.md", b'{"text": "a"}\n{"text": "b"}', r"is a \.json file by what is in it"),
        ("a.txt", b"<!DOCTYPE html><p>a", r"is a \.html file by what is in it"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"an old Office file"),
        ("a.docx", b"plain", r"no \.docx file, or a damaged one"),
        ("a.odt", b"PK\3\4plain", r"is a \.zip file by what is in it"),
        ("a.pdf", b"plain", r"no \.pdf file, or a damaged one"),
        ("a.rtf", b"plain", r"no \.rtf file"),
        ("a.txt", "id\ttext\n1\tCars.\n", r"looks like a table.*\n.*\.csv or \.tsv"),
        ("a.txt", "comment,label\n\nCars.,1\n", r"looks like a table"),
        ("a.txt", b"", r"a\.txt is empty"),
        ("a.html", b"<p> </p>", r"a\.html is empty"),
    ],
)
def test_what_is_no_text_is_refused_with_what_to_do(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_text(write(tmp_path, name, content))


@pytest.mark.parametrize(
    "text", ["ORCs are bad.", "PAR1 is a name.", "{He} said so.", "[Editor's note] Text, and comment.\nIt rains, too."]
)
def test_a_text_is_no_file_of_another_kind_for_its_first_letters(tmp_path: Path, text: str) -> None:
    assert read_text(write(tmp_path, "a.txt", text)) == text


def test_locked_scanned_and_exploding_documents_are_refused(tmp_path: Path) -> None:
    locked = officefiles.pdf(tmp_path / "a.pdf", "Cars.", password="x")
    with pytest.raises(InputError, match="locked with a password"):
        read_text(locked)
    with pytest.raises(InputError, match=r"only pictures of it.*\n.*OCR"):
        read_text(officefiles.pdf(tmp_path / "b.pdf"))
    with pytest.raises(InputError, match="locked with a password"):
        read_text(officefiles.odt(tmp_path / "c.odt", "", manifest="<m><encryption-data/></m>"))
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><w:document xmlns:w="w">&b;</w:document>'
    officefiles.packed(tmp_path / "d.docx", {"word/document.xml": laughs})
    with pytest.raises(InputError, match="damaged"):
        read_text(tmp_path / "d.docx")


@pytest.mark.parametrize(
    ("name", "module"), [("a.docx", "defusedxml.ElementTree"), ("a.pdf", "pypdf"), ("a.rtf", "striprtf.striprtf")]
)
def test_without_the_extra_a_sentence_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    path = officefiles.docx(tmp_path / name, "") if name == "a.docx" else write(tmp_path, name, RTF)
    if name == "a.pdf":
        path.write_bytes(b"%PDF-1.7")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=r'extra \'office\'.*\n.*pip install "argqual\[office\]"'):
        read_text(path)


def test_a_folder_reads_its_documents_and_says_what_it_passes_over(tmp_path: Path) -> None:
    officefiles.docx(tmp_path / "b.docx", "<w:p><w:r><w:t>Two.</w:t></w:r></w:p>")
    for name in ("a.txt", "c.jpg", "d.csv", "~$b.docx"):
        write(tmp_path, name, "One.")
    write(tmp_path, "e.pdf", "broken")
    source = open_source(str(tmp_path))
    assert [row.cells["text"] for row in source.rows()] == ["One.", "Two.", None]
    assert "e.pdf is no .pdf file" in str(list(source.rows())[2].problem)
    assert source.notes() == [
        f"{tmp_path}: 3 files passed over, which are no texts by their names: c.jpg, d.csv, ~$b.docx."
    ]


def test_named_files_are_a_table(tmp_path: Path) -> None:
    names = [str(write(tmp_path, name, name[0])) for name in ("b.txt", "a.md")]
    source = named_files(names)
    assert [row.cells for row in source.rows()] == [{"file": names[0], "text": "b"}, {"file": names[1], "text": "a"}]
    assert (source.count(), source.columns) == (2, ("file", "text"))
    before = source.identity()
    write(tmp_path, "a.md", "changed")
    assert named_files(names).identity() != before


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a.txt", "t.csv"], r"t\.csv is a table, and one of 2 names"),
        (["a.txt", "."], r"\. is a folder, and one of 2 names"),
        (["a.txt", "b.txt"], r"no file b\.txt, one of 2 names"),
        (["a.txt", "a.txt"], r"a\.txt is named twice"),
        (["a.txt", "c.doc"], r"no \.doc files"),
        (["We", "should", "walk."], r"3 words, and no files: We should walk\..*\n.*in quotes"),
    ],
)
def test_names_that_are_no_list_of_texts_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "t.csv", "c.doc"):
        write(tmp_path, name, "x")
    with pytest.raises(InputError, match=said):
        named_files(names)


def test_a_file_is_read_as_it_is_but_for_the_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffDas Maß – “voll”.\r\n\f論證\n".encode())
    assert read_text(path) == "Das Maß – “voll”.\r\n\f論證\n"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.txt"):
        read_text(tmp_path / "nowhere.txt")


def test_a_folder_is_called_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder"):
        read_text(tmp_path)
