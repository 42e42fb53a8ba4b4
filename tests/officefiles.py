"""Documents and spreadsheets, written by hand: only what a reader has to find in them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OPEN = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for short, name in (("office", "office"), ("text", "text"), ("table", "table"))
)


def packed(path: Path, files: Mapping[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def _shown(hidden: bool) -> str:
    return "hidden" if hidden else "visible"


def xlsx(path: Path, sheets: Mapping[str, Sequence[str]], *, merged: Sequence[str] = (), hidden: str = "") -> Path:
    """Sheets by name, each a list of cells in XML (see `cell`), with those of a row side by side."""
    names = list(sheets)
    book = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}" state="{_shown(name == hidden)}"/>'
        for n, name in enumerate(names, 1)
    )
    related = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(names) + 1)
    )
    over = "".join(f'<mergeCell ref="{area}"/>' for area in merged)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
    parts = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{kind}"/>' for n in range(1, len(names) + 1)
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{parts}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{book}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">{related}</Relationships>',
        # The second format is a date's.
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="14"/></cellXfs></styleSheet>',
    }
    for n, rows in enumerate(sheets.values(), 1):
        files[f"xl/worksheets/sheet{n}.xml"] = (
            f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(f"<row>{row}</row>" for row in rows)}</sheetData>'
            + (f'<mergeCells count="{len(merged)}">{over}</mergeCells>' if merged and n == 1 else "")
            + "</worksheet>"
        )
    return packed(path, files)


def cell(place: str, value: object, *, kind: str = "", formula: str = "") -> str:
    """A cell of .xlsx: a text, a number, or with `kind` e an error, with d a date's number; None: no value stored."""
    said = f"<f>{formula}</f>" if formula else ""
    if isinstance(value, str) and kind != "e":
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    attributes = {"e": ' t="e"', "d": ' s="1"'}.get(kind, "")
    return f'<c r="{place}"{attributes}>{said}{"" if value is None else f"<v>{value}</v>"}</c>'


def ods(path: Path, rows: Sequence[Sequence[object]], *, spans: bool = False) -> Path:
    """One sheet, as LibreOffice writes it, with a million blank rows behind; `spans` merges cells over two rows."""
    over = ' table:number-rows-spanned="2"' if spans else ""

    def written(value: object) -> str:
        if value is None:
            return "<table:table-cell/>"
        if isinstance(value, (int, float)):
            return f'<table:table-cell office:value-type="float" office:value="{value}"/>'
        text = f"<text:p>{escape(str(value))}</text:p>"
        return f'<table:table-cell office:value-type="string"{over}>{text}</table:table-cell>'

    body = "".join(f"<table:table-row>{''.join(map(written, row))}</table:table-row>" for row in rows)
    body += '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row>'
    content = (
        f"<office:document-content {_OPEN}><office:body><office:spreadsheet>"
        f'<table:table table:name="Blatt">{body}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    manifest = '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return packed(path, {"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest})


def docx(path: Path, body: str, notes: str = "") -> Path:
    files = {"word/document.xml": f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>'}
    if notes:
        files["word/footnotes.xml"] = f'<w:footnotes xmlns:w="{_WORD}"><w:footnote>{notes}</w:footnote></w:footnotes>'
    return packed(path, files)


def odt(path: Path, body: str, *, manifest: str = "<manifest/>") -> Path:
    content = (
        f"<office:document-content {_OPEN}><office:body><office:text>{body}</office:text></office:body>"
        "</office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.text"
    return packed(path, {"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest})


def pdf(path: Path, *lines: str, password: str = "") -> Path:
    """A page with lines of text; without any, a page as a scanner makes it."""
    from pypdf import PdfReader, PdfWriter

    shown = "".join(f"({line}) Tj T* " for line in lines)
    stream = f"BT /F1 12 Tf 14 TL 72 720 Td {shown}ET" if lines else ""
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(stream)}>>stream\n{stream}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    raw, places = "%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(raw))
        raw += f"{number} 0 obj{each}endobj\n"
    start = len(raw)
    raw += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n" + "".join(f"{place:010} 00000 n \n" for place in places)
    raw += f"trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"
    path.write_bytes(raw.encode("latin-1"))
    if password:
        writer = PdfWriter(clone_from=PdfReader(io.BytesIO(path.read_bytes())))
        writer.encrypt(password, algorithm="RC4-128")
        writer.write(path)
    return path
