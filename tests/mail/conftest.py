"""What tests of mail share."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

# Test modules have no package: what they share is loaded by its path, once.
_path = Path(__file__).with_name("fault_server.py")
if "fault_server" not in sys.modules:
    _spec = importlib.util.spec_from_file_location("fault_server", _path)
    assert _spec
    assert _spec.loader
    _module = importlib.util.module_from_spec(_spec)
    sys.modules["fault_server"] = _module
    _spec.loader.exec_module(_module)
