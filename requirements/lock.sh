#!/bin/sh
# Resolves the dependencies anew, to the newest that work together. LocalStack's own tree comes first and constrains the
# rest; localstack.in says which of its packages may not be the newest, and why.
set -eu
uv=$1
cd "$(dirname "$0")"
compile() { "$uv" pip compile --quiet --upgrade --universal --python-version 3.11 --no-strip-extras --no-header "$@"; }

compile --no-annotate localstack.in -o localstack.constraints
compile --generate-hashes bootstrap.in -o bootstrap.txt
compile --generate-hashes -c localstack.constraints lab.in -o lab.txt
compile --generate-hashes -c localstack.constraints -c lab.txt dev.in -o dev.txt
compile --generate-hashes -c localstack.constraints -c lab.txt -c dev.txt site.in -o site.txt
