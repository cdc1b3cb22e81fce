"""Settings of the documentation."""

project = "visus"
author = "The visus authors"
copyright = "2026, The visus authors"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "visus"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
# The chapters are kept without what they print: each build runs them, and fails where one fails.
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True
autodoc_member_order = "bysource"
autodoc_typehints = "description"
# Attributes of a class stand as they are written, not as links.
napoleon_use_ivar = True
