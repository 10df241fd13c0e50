"""Pages as HTML: one file, one stylesheet, no script, nothing from elsewhere."""

from zakhira.adapters.page.render import render_report

__all__ = ["render_report"]
