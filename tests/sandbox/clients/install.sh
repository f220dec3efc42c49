#!/bin/sh
# Other people's clients for the tests of the sandbox, into .clients: never into our own environment.
# Where a registry cannot be reached the tests that need it are skipped, so this never fails.
set -u
here=tests/sandbox/clients
mkdir -p .clients
stamp=$(cat $here/requirements.txt $here/package.json $here/install.sh | cksum)
[ "$(cat .clients/stamp 2>/dev/null)" = "$stamp" ] && exit 0
done=yes
if .venv/bin/python -m venv .clients/fuel >/dev/null 2>&1 &&
  .clients/fuel/bin/python -m pip install -q --disable-pip-version-check --no-deps Salesforce-FuelSDK==1.3.0 &&
  .clients/fuel/bin/python -m pip install -q --disable-pip-version-check --no-deps -r $here/requirements.txt urllib3 idna certifi charset-normalizer
then :; else echo "FuelSDK could not be installed; its tests will be skipped." >&2; done=no; fi
if .venv/bin/python -m venv .clients/pysfmc >/dev/null 2>&1 &&
  .clients/pysfmc/bin/python -m pip install -q --disable-pip-version-check pysfmc==0.1.4
then :; else echo "pysfmc could not be installed; its test will be skipped." >&2; done=no; fi
if ! command -v npm >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing Debian's nodejs and npm for the tests of the sandbox ..." >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null 2>&1 && apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null 2>&1
fi
if command -v npm >/dev/null 2>&1; then
  cp $here/package.json .clients/package.json
  (cd .clients && npm install --silent --no-audit --no-fund --no-package-lock >/dev/null 2>&1) ||
    { echo "The npm clients could not be installed; their tests will be skipped." >&2; done=no; }
else
  echo "The tests of sfmc-sdk, fuel-soap and fuel-rest need node and npm; they will be skipped." >&2; done=no
fi
[ $done = yes ] && echo "$stamp" > .clients/stamp
exit 0
