"""The deeds: thin Prefect tasks that gather, ask the domain, and apply."""
