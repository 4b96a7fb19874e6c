#!/bin/sh
# From an empty environment to a result of each task, without a network:
#   sh starter/first_minute.sh WHEELS
# WHEELS has the wheels of distilbert, distilbert-starter and all that they need. With a network they are had by
#   pip wheel --wheel-dir WHEELS . ./starter
set -eu
wheels=$1
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
begun=$(date +%s)
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check --no-index --find-links "$wheels" 'distilbert[starter]'
cd "$place"
HF_HUB_OFFLINE=1 DISTILBERT_CACHE="$place/cache" "$place/venv/bin/distilbert" demo
echo
echo "from an empty environment to here: $(($(date +%s) - begun)) s"
