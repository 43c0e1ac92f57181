"""What hilum speaks about, without any input or output: identifiers, series, geometry, findings, table schemas."""
