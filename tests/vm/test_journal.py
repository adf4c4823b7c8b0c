# SPDX-License-Identifier: Apache-2.0
"""Messages in the real journal of a test machine, by its native protocol and through its syslog socket."""
import json
import os
import subprocess
import time
import uuid

import pytest

from tests.user import needs_root

pytestmark = [pytest.mark.skipif(not os.path.exists("/run/systemd/journal/socket"), reason="needs a journal"), needs_root("to read the journal")]


def entries(name, needle=""):
    """Those of the identifier NAME with NEEDLE in them; the journal takes its time."""
    end = time.monotonic() + 30
    while True:
        out = subprocess.run(["journalctl", "-q", "-o", "json", "-t", name], capture_output=True, text=True, check=True).stdout
        found = [entry for entry in map(json.loads, out.splitlines()) if needle in entry["MESSAGE"]]
        if found or time.monotonic() > end:
            return found
        time.sleep(0.1)


@pytest.mark.parametrize("kind, transport", [("journald", "journal"), ("syslog", "syslog")])
def test_an_error_reaches_the_journal(husk, kind, transport):
    name = f"husk{uuid.uuid4().hex[:8]}"
    result = husk("state", "nope", options=["--log", f"{kind}:{name}"])
    entry, = entries(name)
    assert f"husk: {entry['MESSAGE']}\n" == result.err
    assert entry["PRIORITY"] == "3" and entry["_TRANSPORT"] == transport
    assert entry["_PID"] == entry["SYSLOG_PID"]


def test_systemd_log_is_the_journal_under_our_name(husk):
    needle = f"nope{uuid.uuid4().hex[:8]}"
    husk("start", needle, options=["--systemd-log"])
    assert len(entries("husk", needle)) == 1
