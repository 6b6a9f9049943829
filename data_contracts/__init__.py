"""The promises about data, and the only place that knows Great Expectations."""
