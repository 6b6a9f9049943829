"""The rules of sequences in plain Python: no input, no output, no framework."""
