"""How do we read what people call a list of contacts? The only place that knows file formats."""
