"""Sphinx's settings of the course as a book. ``docs/site/build.py`` collects the pages and calls Sphinx with it."""

from importlib import metadata

project = "Express Lab"
author = "the authors of Express Lab"
version = release = metadata.version("express-lab")
html_title = project

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "_doctrees"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = [
    "mystnb.unknown_mime_type",  # widgets: what they show stands beside them as text
    "misc.highlighting_failure",  # a cell with a shell command
]

# What the notebooks show is what was committed: nothing is run here.
nb_execution_mode = "off"
nb_merge_streams = True

autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_google_docstring = True

html_theme = "sphinx_book_theme"
html_context = {"default_mode": "auto"}
html_static_path = ["_static"]
html_css_files = ["lab.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # it reads other pages, which a browser forbids between files
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "home_page_in_toc": True,
    "navbar_persistent": [],  # the search field stands in the side bar
    "show_navbar_depth": 1,
    "collapse_navbar": True,
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
