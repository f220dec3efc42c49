"""A report as a mail: words for every reader, tables and charts for most, the whole attached."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING

from bouncelens.show.export.forms import FORMS
from bouncelens.show.export.markdown import markdown
from bouncelens.show.export.page import environment
from bouncelens.show.export.writing import write_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bouncelens.show.charts import Drawing
    from bouncelens.show.export.report import Report

_SHORT = 2  # sections that the mail itself shows; the rest is attached
_SCALE = 1.25
_CHARTS = 2


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who writes to whom. `message_id`: the same for the same digest, however often it is sent."""

    sender: str
    to: tuple[str, ...]
    message_id: str


def letter(report: Report, envelope: Envelope, *, attached: Mapping[str, bytes]) -> EmailMessage:
    """The mail. `attached`: files by name; their ends say what they are."""
    short = replace(report, sections=report.sections[:_SHORT])
    message = EmailMessage()
    message["From"] = envelope.sender
    message["To"] = ", ".join(envelope.to)
    message["Subject"] = report.title
    message["Date"] = format_datetime(report.made_at)
    message["Message-ID"] = envelope.message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: nobody's holiday answers it
    message.set_content(markdown(short))
    pictures = _pictures(report)
    page = environment().get_template("letter.html")
    drawings = {name: drawing for name, (_, drawing) in pictures.items()}
    message.add_alternative(page.render(report=short, drawings=drawings), subtype="html")
    html = message.get_payload()[1]  # type: ignore[index]
    for name, (content, _) in pictures.items():
        html.add_related(content, "image", "png", cid=f"<{name}>", disposition="inline")  # type: ignore[union-attr]
    for name, content in attached.items():
        form = next(f for f in FORMS.values() if name.endswith(f.suffix))
        main, _, kind = form.media_type.partition(";")[0].partition("/")
        message.add_attachment(content, maintype=main, subtype=kind, filename=name)
    return message


def attachment(report: Report, form: str) -> bytes:
    """The whole report in a form."""
    file = io.BytesIO()
    write_document(report, FORMS[form], file)
    return file.getvalue()


def _pictures(report: Report) -> dict[str, tuple[bytes, Drawing]]:
    """The first charts as PNG, that over time before others: few mail programs show SVG."""
    import vl_convert

    from bouncelens.show.charts import svg

    drawn = [section.drawing for section in report.sections if section.drawing]
    first = sorted(drawn, key=lambda drawing: drawing.name != "overview")[:_CHARTS]
    return {
        f"chart{number}": (vl_convert.svg_to_png(svg(drawing), scale=_SCALE), drawing)
        for number, drawing in enumerate(first)
    }
