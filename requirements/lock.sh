#!/bin/sh
# Pins every requirement with hashes. No registry's address is written: a lock is for every mirror.
set -eu
uv=$1
lock() { "$uv" pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header "$@"; }
lock requirements/uv.in --output-file requirements/uv.txt
lock requirements/build.in --output-file requirements/build.txt
lock pyproject.toml --output-file requirements/run.txt
lock pyproject.toml --extra dev --constraint requirements/run.txt --output-file requirements/dev.txt
lock pyproject.toml --extra spark --constraint requirements/dev.txt --output-file requirements/spark.txt
