"""Hook of mkdocs: pages are the Markdown files of the repository where they are, with the files that they link to."""

import re
import subprocess
from pathlib import Path, PurePosixPath
from posixpath import normpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
TRACKED = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
PAGES = [path for path in TRACKED if path.endswith(".md")]
PAPERS = sorted(PurePosixPath(path).parts[1] for path in PAGES if re.fullmatch(r"experiments/\w+/README.md", path))
LINK = re.compile(r"\[([^]\[]*)\]\((?!\w+:|#)([^)\s#]+)(?:#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> None:
    config.nav = [
        {"Home": "README.md"},
        {"Guide": [path for path in PAGES if path.startswith("docs/")]},
        {"Reports": [{"All tables and figures": "reports/README.md"}, *({paper: reports(paper)} for paper in PAPERS)]},
        {"Papers": [f"experiments/{paper}/README.md" for paper in PAPERS]},
        {"Benchmarks": [path for path in PAGES if path.startswith("benchmarks/")]},
        {"Contributing": "CONTRIBUTING.md"},
        {"Changes": "CHANGELOG.md"},
    ]


def reports(paper: str) -> list[dict[str, str]]:
    """Reports of the paper in the order of the numbers in their names."""
    found = [path for path in PAGES if path.startswith(f"reports/tables/{paper}/")]
    names = {path.rpartition("/")[2].removesuffix(".md").replace(".", ", "): path for path in found}
    return [{name: names[name]} for name in sorted(names, key=by_number)]


def by_number(name: str) -> list[tuple[str, int]]:
    """Key that sorts `table10` after `table9`."""
    return [(text, int(number or 0)) for text, number in re.findall(r"(\D+)(\d*)", name)]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    theme = [file for file in files if not file.src_uri.endswith((".md", ".py"))]
    linked = {target(page, link) for page in PAGES for _, link in LINK.findall((ROOT / page).read_text())}
    ours = sorted({*PAGES, *linked.intersection(TRACKED)})
    return Files([*theme, *(File(path, str(ROOT), config.site_dir, config.use_directory_urls) for path in ours)])


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Markdown within `<details>` is read, and a link to a folder is its text."""
    folders = {str(folder) for path in TRACKED for folder in PurePosixPath(path).parents}
    markdown = markdown.replace("<details>", '<details markdown="1">')
    return LINK.sub(lambda link: link[1] if target(page.file.src_uri, link[2]) in folders else link[0], markdown)


def target(page: str, link: str) -> str:
    return normpath(PurePosixPath(page).parent / link)
