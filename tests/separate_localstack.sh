#!/bin/sh
# separate_localstack.sh PYTHON FOLDER PORT: the newest LocalStack that is free and asks for no token, without Docker, in
# the foreground. It is the second engine that the lab is tested with, and newer than any image that starts without one:
#   sh tests/separate_localstack.sh python3.13 /tmp/localstack 4599
#   LAB_ENDPOINT_URL=http://127.0.0.1:4599 .venv/bin/lab up --target localstack
# It needs Python 3.13 or 3.14. Its packages are those of requirements/localstack.in as they stood when it was tried; the
# lab's Lambda executor is installed into it, and its settings are those of the embedded one.
set -eu
python=$1 folder=$2 port=$3
project=$(cd "$(dirname "$0")/.." && pwd)
uv=$project/.venv/bin/uv
version=2026.3.0
tried=2026-11-26T00:00:00Z

mkdir -p "$folder"
cd "$folder"
if [ ! -e installed ]; then
    # it wants the newer psutil that 4.9.2 cannot take
    sed "s/^localstack-core\(.*\)==.*/localstack-core\1==$version/; /^psutil</d" "$project/requirements/localstack.in" >localstack.in
    "$uv" venv --quiet --clear --python "$python" venv
    "$uv" pip compile --quiet --python venv/bin/python --exclude-newer "$tried" localstack.in -o localstack.txt
    "$uv" pip install --quiet --python venv/bin/python -r localstack.txt hatchling
    "$uv" pip install --quiet --python venv/bin/python --no-deps --no-build-isolation "$project"
    touch installed
fi
mkdir -p empty home tmp
cd empty
exec env -i PATH="$PATH" HOME="$folder/home" TMPDIR="$folder/tmp" \
    FILESYSTEM_ROOT="$folder/filesystem" LOCALSTACK_VOLUME_DIR="$folder/volume" \
    GATEWAY_LISTEN="127.0.0.1:$port" LOCALSTACK_HOST="127.0.0.1:$port" \
    SERVICES=cloudformation,cloudwatch,events,iam,lambda,logs,resourcegroupstaggingapi,s3,sqs,stepfunctions,sts \
    LAMBDA_RUNTIME_EXECUTOR=worker_pool OVERRIDE_IN_DOCKER=0 PERSISTENCE=0 SQS_ENDPOINT_STRATEGY=path \
    LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC=0.01 \
    LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC=0.2 \
    LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC=1 \
    DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 ACTIVATE_PRO=0 DNS_ADDRESS=0 LS_LOG=warning \
    AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true \
    "$folder/venv/bin/python" -m localstack.runtime.main
