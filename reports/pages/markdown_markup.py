"""Markdown syntax: styles, links and folded parts."""

import os
import re
from pathlib import Path
from urllib.parse import quote

from reports.pages.markup import Markup

ROOT = Path(__file__).resolve().parents[2]


class Markdown(Markup):
    """Markdown syntax."""

    def escaped(self, text: str) -> str:
        for character in "\\|*<`":
            text = text.replace(character, f"\\{character}")
        return text

    def bold(self, text: str) -> str:
        return f"**{text}**"

    def italic(self, text: str) -> str:
        return f"*{text}*"

    def underlined(self, text: str) -> str:
        return f"<ins>{text}</ins>"


MARKDOWN = Markdown()


def address(file: Path, folder: Path) -> str:
    return quote(Path(os.path.relpath(file, folder)).as_posix())


def link(text: str, file: Path, folder: Path) -> str:
    return f"[{text}]({address(file, folder)})"


def file_link(file: Path, folder: Path) -> str:
    """Link to a file of the repository, or the name of a file elsewhere."""
    if not file.is_relative_to(ROOT):
        return f"{file.name} of the paper's folder"
    return link(file.relative_to(ROOT).as_posix(), file, folder)


def without_tags(text: str) -> str:
    """Markdown without HTML: folds become sections, empty ones are left out, and underlined text is in italics."""
    text = re.sub(r"<details><summary>[^<]*</summary>\s*</details>\n*", "", text)
    text = re.sub(r"<details><summary>(.*?)</summary>", r"### \1", text).replace("\n</details>\n", "")
    return re.sub(r"</?ins>", "_", text)


def folded(summary: str, *parts: str) -> str:
    """Paragraphs that a click on the summary shows; empty without any."""
    shown = [part for part in parts if part]
    return "\n\n".join([f"<details><summary>{summary}</summary>", *shown, "</details>"]) if shown else ""
