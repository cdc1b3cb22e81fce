"""Settings of the documentation."""

project = "visus"
author = "The visus authors"
copyright = "2026, The visus authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "visus"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "description"
# Attributes of a class stand as they are written, not as links.
napoleon_use_ivar = True
