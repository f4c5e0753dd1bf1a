"""The site made of these pages, by Sphinx with MyST (Markdown) and Furo (looks): ``make docs``.

The pages stay plain Markdown that reads as well where the code is hosted. What a site needs beyond that is added
here: a menu with a part for each folder, and text in place of links to files that the site lacks.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

project = "hanzaki"
html_title = "hanzaki"
language = "en"
extensions = ["myst_parser"]
root_doc = "README"
nitpicky = True
smartquotes = False  # options are written with two hyphens
highlight_language = "none"  # of a block that names no language
myst_heading_anchors = 3  # links to headings work as where the code is hosted

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_use_index = False

MENU = {"tutorial": "Tutorial", "how-to": "How-to", "reference": "Reference", "explanation": "Explanation"}


def add_menu(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let the home page lead to every page: first those that it names, in its order, then the others."""
    if docname != root_doc:
        return
    named = re.findall(r"\]\(([^)#]+)\.md\)", source[0])
    for folder, caption in MENU.items():
        pages = {page for page in app.env.found_docs if page.startswith(f"{folder}/")}
        entries = [page for page in dict.fromkeys([*named, *sorted(pages)]) if page in pages]
        source[0] += "\n".join(["\n\n```{toctree}", ":hidden:", f":caption: {caption}", "", *entries, "```\n"])


def name_files_elsewhere(app: Sphinx, document: nodes.document) -> None:
    """Put the path in place of a link to something in the repository that is no part of the site."""
    page = Path(app.env.doc2path(app.env.docname))
    for node in [*document.findall(addnodes.download_reference), *document.findall(addnodes.pending_xref)]:
        suffix = ".md" if node["refdomain"] == "doc" else ""  # MyST takes any Markdown file for a page
        place = Path(os.path.normpath(page.parent / (node["reftarget"] + suffix)))
        if place.exists() and not place.is_relative_to(app.srcdir):
            path = os.path.relpath(place, app.srcdir.parent)
            code = nodes.literal(path, path)
            told = node.astext() in path
            node.replace_self([code] if told else [*node.children, nodes.Text(" ("), code, nodes.Text(")")])


def open_at_home(app: Sphinx, failure: Exception | None) -> None:
    """Give the home page also the name that web servers open."""
    if failure is None:
        shutil.copyfile(app.outdir / f"{root_doc}.html", app.outdir / "index.html")


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", add_menu)
    app.connect("doctree-read", name_files_elsewhere, priority=100)  # before such files are copied into the site
    app.connect("build-finished", open_at_home)
