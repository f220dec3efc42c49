#!/bin/sh
# The second engine, Spark, is tested in a real JVM. As root on Debian we install one; elsewhere we say what is missing.
set -eu
# The version of a java, as 17 of "17.0.15"; nothing where there is none, or it is "1.8".
version_of() { "$1" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1; }
for java in "${JAVA_HOME:-/nowhere}/bin/java" java; do
  found=$(version_of "$java" || true)
  if [ "${found:-0}" -ge 17 ]; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing Debian's openjdk-17-jre-headless for the tests of Spark ..." >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null
  # Later releases of Debian have a later one only.
  apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless >/dev/null 2>&1 ||
    apt-get install -y -qq --no-install-recommends default-jre-headless >/dev/null
  exit 0
fi
echo "The tests of Spark need Java 17 or newer; install it (Debian: openjdk-17-jre-headless) and run this again." >&2
exit 2
