#!/usr/bin/env bash
# Lays the device files out as the two repositories of devices want them, with the codec where each looks for it:
#   cross/lorawan/assemble.sh /tmp/devices
# makes /tmp/devices/the-things-stack/vendor/... and /tmp/devices/chirpstack/vendors/...
set -euo pipefail
if [ $# -ne 1 ]; then
    echo "usage: $0 FOLDER" >&2
    exit 2
fi
here="$(cd "$(dirname "$0")" && pwd)"
mkdir -p "$1"
cp -R "$here/the-things-stack" "$here/chirpstack" "$1/"
cp "$here/trapline-codec.js" "$1/the-things-stack/vendor/trapline/"
cp "$here/trapline-codec.js" "$1/chirpstack/vendors/trapline/codecs/"
