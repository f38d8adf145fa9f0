"""Media types that Schemathesis has no serializer of its own for: they are plain text."""

import schemathesis

schemathesis.serializer.alias(
    ["application/x-metta", "application/openmetrics-text"], "text/plain"
)
