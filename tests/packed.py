"""Archives for tests, made in memory."""

from __future__ import annotations

import io
import tarfile
import zipfile


def a_zip(members: dict[str, bytes], *extra: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
        for info, content in extra:
            file.writestr(info, content)
    return out.getvalue()


def a_tar(members: dict[str, bytes], *extra: tarfile.TarInfo, mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
        for info in extra:
            file.addfile(info)
    return out.getvalue()
