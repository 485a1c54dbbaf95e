"""The documentation: `make docs`. Any warning fails the build."""

import sys
from pathlib import Path

# The directives that make parts of the pages from the code.
sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "buildbot-lifecycle"
author = "the buildbot-lifecycle authors"
copyright = author
version = release = (
    (Path(__file__).parents[1] / "buildbot_lifecycle" / "VERSION").read_text().strip()
)

extensions = ["myst_parser", "required_names", "state_machine"]
source_suffix = {".md": "markdown"}
exclude_patterns = [
    "catalogue-table.md",
    "carried-table.md",
    "clouds-table.md",
    "faults-table.md",
    "rights-table.md",
    "_build",
    "_ext",
]

# Links to headings, `[text](page.md#heading)`, down to the third level.
myst_heading_anchors = 3
myst_enable_extensions = ["deflist", "fieldlist"]

nitpicky = True

html_theme = "alabaster"
html_theme_options = {
    "description": "Flight recorder and control room for Buildbot's latent workers",
    "fixed_sidebar": True,
    "page_width": "1180px",
}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_copy_source = False
html_show_sourcelink = False
