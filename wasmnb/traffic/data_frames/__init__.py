"""Convert results to data: tables for pandas, polars and Arrow, and OpenTelemetry spans.

Reports for display are in `wasmnb.view`.
"""

from .spans import export_spans, otlp, spans_of
from .tables import Tables, tables_of

__all__ = ["Tables", "export_spans", "otlp", "spans_of", "tables_of"]
