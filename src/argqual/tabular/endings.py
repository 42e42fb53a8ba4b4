"""Which files are texts, and which endings are known but not read, with what to do about them."""

from collections.abc import Mapping
from pathlib import Path

from argqual.errors import InputError
from argqual.tabular.table import kind_of, packed_as

PLAIN = (".txt", ".md", ".text", ".markdown")
SHEETS = (".xlsx", ".xlsm", ".xltx", ".xlsb", ".xls", ".ods")
DOCUMENTS = (".docx", ".docm", ".dotx", ".odt", ".pdf", ".rtf", ".html", ".htm")

_AS_DOCUMENT = "Open it where it was made, and save it as .docx, .odt, .pdf or plain text."
_AS_TABLE = "Open it where it was made, and save it as .xlsx, .ods or CSV."
_AS_PARQUET = "Write it as Parquet, for example with pandas: frame.to_parquet('table.parquet')."
_UNPACK = "Unpack it, and name the file, or the folder of texts."
_IMAGE = "argqual reads no pictures: have its text recognised (OCR), and give that."
_SPOKEN = "argqual hears nothing: have it transcribed, and give the text."
_SUBTITLES = "Take the times out of it, and save it as .txt."
_DATA = "It is for programs. Give a text, or a table: CSV, TSV, JSON, Parquet, .xlsx, .ods."

_UNREAD: Mapping[str, tuple[str, ...]] = {
    _AS_DOCUMENT: (
        ".doc", ".dot", ".pages", ".epub", ".mobi", ".azw3", ".wpd", ".wps", ".pptx", ".ppt", ".odp", ".key", ".fodt",
        ".sxw", ".xps", ".djvu", ".ps", ".msg", ".eml", ".mbox", ".one", ".mht", ".mhtml", ".webarchive",
    ),
    _AS_TABLE: (".numbers", ".fods", ".sxc", ".wk1", ".wks", ".dif", ".slk", ".dbf", ".gsheet"),
    _AS_PARQUET: (
        ".feather", ".arrow", ".ipc", ".orc", ".avro", ".pkl", ".pickle", ".h5", ".hdf5", ".hdf", ".rds", ".rdata",
        ".rda", ".sav", ".zsav", ".por", ".dta", ".sas7bdat", ".xpt", ".mat", ".npy", ".npz", ".sqlite", ".sqlite3",
        ".db", ".duckdb", ".mdb", ".accdb",
    ),
    _UNPACK: (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".7z", ".rar", ".gz", ".bz2", ".xz", ".zst", ".lz4", ".z"),
    _IMAGE: (
        ".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".avif", ".svg", ".ico",
        ".psd", ".ai",
    ),
    _SPOKEN: (
        ".mp3", ".wav", ".m4a", ".ogg", ".oga", ".opus", ".flac", ".aac", ".wma", ".mp4", ".mov", ".avi", ".mkv",
        ".webm", ".m4v",
    ),
    _SUBTITLES: (".srt", ".vtt", ".sub", ".ass"),
    _DATA: (
        ".py", ".r", ".js", ".ts", ".java", ".c", ".cpp", ".h", ".cs", ".go", ".rs", ".rb", ".php", ".sh", ".bat",
        ".ps1", ".sql", ".css", ".do", ".sps", ".ini", ".cfg",
        ".xml", ".yaml", ".yml", ".toml", ".ipynb", ".bib", ".ris", ".gguf", ".safetensors", ".bin", ".exe", ".dll",
        ".so", ".dylib", ".class", ".jar", ".pyc", ".whl", ".iso", ".dmg", ".apk", ".lnk", ".ttf", ".otf", ".woff",
    ),
}  # fmt: skip
_HINTS = {ending: hint for hint, endings in _UNREAD.items() for ending in endings}


def is_text(name: str) -> bool:
    """Whether a file in a folder of texts is one of them; the lock of an open document is none."""
    return kind_of(name) in (*PLAIN, *DOCUMENTS) and not name.rpartition("/")[2].startswith("~$")


def refuse_unread(path: Path) -> None:
    """Raise an `InputError` for a file whose ending is known, and not read; it says what to do."""
    kind, packed = kind_of(path.name), packed_as(path.name)
    if packed and kind in (".parquet", ".pq", ".parq", *SHEETS):
        raise InputError(f"{path}: {kind} is packed inside, and not read from {packed}.", hint="Unpack it first.")
    if (ending := kind or packed) in _HINTS:
        raise InputError(f"{path}: argqual reads no {ending} files.", hint=_HINTS[ending])
