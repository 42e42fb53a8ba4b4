"""What commands import, imported before they are forked (`commandline.py`)."""

__all__: list[str] = []
