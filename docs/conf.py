"""How Sphinx makes the site of these pages: ``make docs``."""

import inspect
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import jupyter_sio  # noqa: E402  the one in this tree

project = "jupyter_sio"
author = "jupyter_sio developers"
copyright = f"2026, {author}"
release = jupyter_sio.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "parts.contents",
    "parts.elsewhere",
    "parts.links",
    "parts.names",
    "parts.twins",
]
exclude_patterns = ["_build", "parts"]
nitpicky = True
# What other projects are made of is told by their own sites, which a build must not need.
nitpick_ignore_regex = [("py:.*", r"(?!jupyter_sio\b).*")]

myst_heading_anchors = 4

add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False
copybutton_prompt_text = "$ "

# A class that the façade gives another name (`sio.run` is `Run`) is told of by that one; and a
# widget by what it takes, not by what every widget takes.
for name in jupyter_sio.__all__:
    if isinstance(thing := getattr(jupyter_sio, name), type):
        thing.__name__ = name
        if name.startswith("Live"):
            taken = inspect.signature(thing.__init__)
            thing.__signature__ = taken.replace(parameters=list(taken.parameters.values())[1:])

html_theme = "pydata_sphinx_theme"
html_title = "jupyter_sio"
html_logo = html_favicon = "../labextension/src/page/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"index": [], "changelog": [], "reporting": []}
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "jupyter_sio"},
    "navbar_align": "left",
    "pygments_light_style": "github-light",
    "pygments_dark_style": "github-dark",
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "show_prev_next": False,
    "show_toc_level": 2,
}
