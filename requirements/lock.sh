#!/bin/sh
# Resolves the dependencies anew. LocalStack's own tree is taken as it stood on a day when it worked: newer releases of
# what it imports (cbor2, pyopenssl, twisted) break it. That tree constrains the resolution of everything else.
set -eu
uv=$1
cd "$(dirname "$0")"
compile() { "$uv" pip compile --quiet --upgrade --universal --python-version 3.11 --no-strip-extras --no-header "$@"; }

compile --no-annotate --exclude-newer 2025-10-20T00:00:00Z localstack.in -o localstack.constraints
compile --generate-hashes bootstrap.in -o bootstrap.txt
compile --generate-hashes -c localstack.constraints lab.in -o lab.txt
compile --generate-hashes -c localstack.constraints -c lab.txt dev.in -o dev.txt
