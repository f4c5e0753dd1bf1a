"""The site of the docs: all pages are in its menu, its links lead somewhere, and it needs no network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

DOCS = Path(__file__).parents[1] / "docs"


def build(docs: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """As `make docs` does it, in a process of its own: Sphinx changes the one that it runs in."""
    words = ["--fail-on-warning", "--keep-going", "--quiet", "--doctree-dir", site.with_suffix(".cache")]
    command = [sys.executable, "-m", "sphinx", *words, docs, site]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = build(DOCS, folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


@pytest.fixture(scope="module")
def pages(site) -> dict[Path, BeautifulSoup]:
    return {page: BeautifulSoup(page.read_text(), "html.parser") for page in sorted(site.rglob("*.html"))}


def test_every_page_is_in_the_menu_under_its_kind(site, pages):
    sources = {path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md")} - {Path("README")}
    menu = pages[site / "index.html"].select_one(".sidebar-tree")
    found = {
        Path(link["href"]).with_suffix(""): caption.get_text()
        for caption in menu.select("p.caption")
        for link in caption.find_next_sibling("ul").select("a")
    }
    assert found.keys() == sources
    assert list(dict.fromkeys(found.values())) == ["Tutorial", "How-to", "Reference", "Explanation"]
    assert all(caption.lower() == page.parts[0] for page, caption in found.items())


def test_links_and_pictures_lead_somewhere(site, pages):
    wrong = []
    for page, soup in pages.items():
        for node in soup.select("[href], [src]"):
            url = urlsplit(node.get("href") or node.get("src"))
            if url.scheme in ("http", "https"):
                continue
            target = (page.parent / unquote(url.path)).resolve() if url.path else page
            there = target.is_file() and target.is_relative_to(site)
            if not there or (url.fragment and not pages[target].find(id=unquote(url.fragment))):
                wrong.append(f"{page.relative_to(site)}: {url.geturl()}")
    assert not wrong


def test_nothing_is_loaded_from_elsewhere(site, pages):
    for page, soup in pages.items():
        for node in soup.select("script[src], link[href], [srcset], :is(img, source, iframe, video, object)[src]"):
            url = node.get("src") or node.get("href") or node.get("srcset")
            assert not re.match(r"\w+:|//|/", url), f"{page.name}: {url}"
    for sheet in [*site.rglob("*.css"), *pages]:
        for url in re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')]*)", sheet.read_text()):
            assert not re.match(r"https?:|//", url), f"{sheet.name}: {url}"


def test_search_knows_the_words_of_the_pages(site):
    """The index is a script, since a page that was opened from a disk may load nothing else."""
    index = (site / "searchindex.js").read_text()
    assert index.startswith("Search.setIndex(")
    assert "salamand" in index


def test_a_broken_link_fails_and_files_elsewhere_are_named(tmp_path):
    docs = tmp_path / "docs"
    shutil.copytree(DOCS / "_static", docs / "_static")
    shutil.copy(DOCS / "conf.py", docs)
    (tmp_path / "README.md").touch()
    (tmp_path / "benchmarks").mkdir()
    for folder in ("tutorial", "how-to", "reference", "explanation"):
        (docs / folder).mkdir()
        (docs / folder / "page.md").write_text("# A page\n")
    (docs / "README.md").write_text("# Home\n")
    text = "# Links\n\n[README](../../README.md), [measured](../../benchmarks), [dead](nowhere.md)\n"
    (docs / "how-to" / "links.md").write_text(text)

    done = build(docs, tmp_path / "site")

    assert done.returncode != 0
    assert re.findall(r"(\w+\.md):(\d+): WARNING: .*'(.*)'", done.stderr) == [("links.md", "3", "nowhere.md")]
    told = BeautifulSoup((tmp_path / "site" / "how-to" / "links.html").read_text(), "html.parser").find("article")
    assert "README.md, measured (benchmarks), dead" in told.get_text()
    assert not [link["href"] for link in told.select("a") if ".." in link["href"]]
    assert not (tmp_path / "site" / "_downloads").exists()
