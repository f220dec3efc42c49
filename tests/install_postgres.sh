#!/bin/sh
# The ledger is tested on a real PostgreSQL. As root on Debian we install it; elsewhere we say what is missing.
set -eu
if command -v initdb >/dev/null 2>&1 && command -v postgres >/dev/null 2>&1; then exit 0; fi
for folder in /usr/lib/postgresql/*/bin; do
  if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing Debian's postgresql for the tests of the ledger ..." >&2
  export DEBIAN_FRONTEND=noninteractive
  # The tests start a server of their own; Debian's must not start one beside it.
  mkdir -p /etc/postgresql-common
  test -e /etc/postgresql-common/createcluster.conf || echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
  apt-get update -qq >/dev/null
  apt-get install -y -qq --no-install-recommends postgresql >/dev/null
  exit 0
fi
echo "The tests of the ledger need the programs 'initdb' and 'postgres'; install them (Debian: postgresql) and run this again." >&2
exit 2
