#!/bin/sh
# Makes ./configure: needs autoconf and automake (contrib/build/install-packages has the list).
set -eu
cd "$(dirname "$0")"
contrib/build/list-sources
exec autoreconf --install --force --warnings=all,no-portability
