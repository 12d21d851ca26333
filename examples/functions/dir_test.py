"""List a folder, and use the private folder for temporary files."""

import tempfile
from pathlib import Path

import pywasm_host as host


def faasm_main() -> None:
    """Write the names in the folder that the input names, sorted, with commas between."""
    folder = Path(host.read_input_text() or "/")
    host.write_output_text(",".join(sorted(path.name for path in folder.iterdir())))


def temporary() -> None:
    """Make, read, rename and remove files and folders; nothing of them is left for another call."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "inner").mkdir()
        (folder / "inner" / "note.txt").write_text("a text, ein Wort für dich\n", "utf-8")
        (folder / "inner" / "note.txt").rename(folder / "moved.txt")
        (folder / "inner").rmdir()
        names = sorted(path.name for path in folder.iterdir())
        text = (folder / "moved.txt").read_text("utf-8")
    if folder.exists():
        raise ValueError(f"{folder} is still there")
    host.write_output_json({"names": names, "text": text})
