"""The only place that knows SQL: one module per noun, one function per question."""
