#!/bin/sh
# The pages are tested in a real browser. As root on Debian we install it; elsewhere we say what is missing.
set -eu
if command -v chromium >/dev/null 2>&1 && command -v chromedriver >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing Debian's chromium and chromium-driver for the tests of the pages ..." >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null
  apt-get install -y -qq --no-install-recommends chromium chromium-driver fonts-dejavu-core >/dev/null
  exit 0
fi
echo "The tests of the pages need the programs 'chromium' and 'chromedriver'; install them (Debian: chromium chromium-driver) and run this again." >&2
exit 2
