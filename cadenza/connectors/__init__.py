"""Which other systems can contacts come from? One small module for each."""

from cadenza.connectors.connector import Connector, Page
from cadenza.connectors.opening import open_connector
from cadenza.domain.feeds import Owner

__all__ = ["Connector", "Owner", "Page", "open_connector"]
