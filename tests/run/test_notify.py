# SPDX-License-Identifier: Apache-2.0
"""sd_notify through husk: the caller's NOTIFY_SOCKET hears READY=1 of the container, and nothing is left."""
import os
import socket


def test_readiness_is_passed_on_and_nothing_is_left(husk, bundle, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as host:
        host.bind(str(tmp_path / "notify"))
        env = dict(os.environ, NOTIFY_SOCKET=str(tmp_path / "notify"))
        bundle.sh("echo $NOTIFY_SOCKET; mkdir /run/notify/a 2>/dev/null; exit 0")
        ident = husk.create(bundle, env=env)
        husk("start", ident, env=env, check=0)
        husk.wait_status(ident, "stopped")
    assert husk.output(ident) == "/run/notify/notify.sock\n"
    husk("delete", ident, check=0)
    assert not (husk.root / ident).exists()
