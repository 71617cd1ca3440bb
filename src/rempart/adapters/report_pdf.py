# SPDX-License-Identifier: Apache-2.0
"""A report as PDF, set by Typst: tagged for screen readers (PDF/UA-1), figures as vectors, no clock in it. Reads no file beside the
package's.

The report comes to the template as data, never as mark-up: no text of a study can be read as a command.
"""

import json
from dataclasses import asdict

import typst

from rempart.adapters.package_data import text
from rempart.errors import Refused
from rempart.release.report_blocks import Report


def report_pdf(report: Report) -> bytes:
    """The bytes of the PDF, the same for the same report on the same fonts; raises Refused ``report-pdf`` where Typst cannot set it."""
    given = {"report": json.dumps(asdict(report), ensure_ascii=False)}
    template = text("adapters/report.typ").encode()
    try:
        return typst.compile(template, format="pdf", sys_inputs=given, pdf_standards="ua-1", timestamp=0)
    except typst.TypstError as error:
        raise Refused("report-pdf", reason=str(error)[:200]) from error
