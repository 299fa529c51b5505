"""Sphinx's settings of the slides, which ``docs/site/decks.py`` writes."""

project = "Express Lab"
extensions = ["myst_parser", "sphinx_revealjs"]
html_copy_source = False
root_doc = "00_start_here"
myst_enable_extensions = ["colon_fence"]
suppress_warnings = ["misc.highlighting_failure"]

revealjs_html_theme = "revealjs-simple"
revealjs_style_theme = "white"
revealjs_static_path = ["_static"]
revealjs_css_files = ["slides.css"]
revealjs_script_plugins = [
    {"src": "revealjs/plugin/notes/notes.js", "name": "RevealNotes"},
    {"src": "revealjs/plugin/highlight/highlight.js", "name": "RevealHighlight"},
]
revealjs_script_conf = {
    "width": 1280,
    "height": 720,
    "margin": 0.02,
    "center": False,
    "hash": True,
    "slideNumber": "c/t",
    "navigationMode": "linear",
    "transition": "none",
}
