"""The process: one Prefect flow per file, file = function = deployment."""
