"""The documentation site: Sphinx with MyST, the theme furo and autodoc.

Sphinx, since scikit-learn, librosa and NumPy document with it and it is maintained: MkDocs 1.x is not, and the
maintenance of its Material theme ended in November 2026. The source directory is the project's root, so that a link
between two Markdown files is the same on the site and in the repository. The site carries the version in its title; one
site a version is a matter of where it is put.
"""

from fat2019 import __version__

project = "fat2019"
author = "The fat2019 maintainers"
copyright = "2026, The fat2019 maintainers"
version = release = __version__
html_title = f"fat2019 {release}"

root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "features/README.md",
    "benchmarks/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
]
exclude_patterns = [".*", "build", "dist", "demo", "runs", "tests", "fat2019", "**/node_modules"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # the README of a folder may begin with a smaller heading

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_show_sphinx = False
