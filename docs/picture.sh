#!/usr/bin/env bash
# Takes the README's picture of the dashboard anew: starts a server, gives it the
# four demo faults, and takes what a headless Chromium shows.
# Needs: chromium chromedriver (Debian: chromium chromium-driver).
set -euo pipefail
cd "$(dirname "$0")/.."
CHIMERA_PICTURE="$PWD/docs/dashboard.png" cargo test -p chimera-server --test browser --locked -- --ignored picture
ls -l docs/dashboard.png
