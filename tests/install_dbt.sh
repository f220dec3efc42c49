#!/bin/sh
# dbt for the test of examples/dbt, into .clients/dbt: never into our own environment.
# Where a registry cannot be reached the test is skipped, so this never fails.
set -u
stamp=$(cat tests/dbt_requirements.txt tests/install_dbt.sh | cksum)
[ "$(cat .clients/dbt/stamp 2>/dev/null)" = "$stamp" ] && exit 0
mkdir -p .clients
if .bootstrap/bin/uv venv --quiet --clear --python .venv/bin/python .clients/dbt &&
  .bootstrap/bin/uv pip install --quiet --compile-bytecode --python .clients/dbt/bin/python -r tests/dbt_requirements.txt
then echo "$stamp" > .clients/dbt/stamp
else echo "dbt could not be installed; its test will be skipped." >&2; fi
exit 0
