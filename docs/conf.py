"""The site: pages as they stand, tutorials as they run, the reference as classes say.

Built by ``uv run --group docs sphinx-build -W -b html docs build/site``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
os.environ.setdefault("COLUMNS", "100")

import pandas  # noqa: E402
from pygments.lexers import TextLexer  # noqa: E402
from sphinx.highlighting import lexers  # noqa: E402

import bionic_core  # noqa: E402

lexers["csv"] = TextLexer()
pandas.options.display.float_format = "{:.3f}".format  # of what tutorials show

project = "bionic"
author = copyright = "The bionic authors"
version = release = bionic_core.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "reference",
]
exclude_patterns = ["_ext", "_static", "results/scripts", "tutorials", "generated/tutorials/*.py"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

myst_enable_extensions = ["deflist", "colon_fence", "substitution"]
myst_heading_anchors = 4
suppress_warnings = ["ref.python"]  # a field's short name in two classes

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # they stand in the signature, once
autodoc_preserve_defaults = True
default_role = "literal"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False  # docstrings have dtypes and shapes
python_maximum_signature_line_length = 80
add_module_names = False
viewcode_line_numbers = True

copybutton_exclude = ".linenos, .gp, .go"

sphinx_gallery_conf = {
    "examples_dirs": ["tutorials"],
    "gallery_dirs": ["generated/tutorials"],
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "show_memory": False,
    "min_reported_time": 600,
    "download_all_examples": False,
    "remove_config_comments": True,
    "plot_gallery": "True",
    "image_scrapers": ("matplotlib",),
    "matplotlib_animations": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "bionic"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": []}

# Typographic dashes would make "–seeds" of an option that stands in a sentence.
smartquotes = False
