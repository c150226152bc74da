#!/usr/bin/env bash
# A backup that was lived on once: copied beside the running node, restored aside, its books verified
# against the witness as it stood before. Older backups go only when this one holds.
#
#   drill.sh SETTINGS.toml FOLDER        WITNESS=/path/heads.jsonl for a node that keeps books
#                                        KEEP=14 backups stay
# Run it as the node's user, each night. Encrypt and carry away what it leaves: it holds personal data.
set -euo pipefail
umask 077
config="$1" folder="$2" keep="${KEEP:-14}"

mkdir -p "$folder"
find "$folder" -maxdepth 1 -name '.drill.*' -exec rm -rf {} +   # of a run that was cut off
new="$folder/$(date -u +%Y%m%dT%H%M%S.%NZ)"
scratch="$(mktemp -d "$folder/.drill.XXXXXX")"
trap 'rm -rf "$scratch"' EXIT
trap 'rm -rf "$new"' ERR

if [ -n "${WITNESS:-}" ]; then
  cp "$WITNESS" "$scratch/heads.jsonl"   # before the copy: what it holds must be in there
fi
wayfare backup --config "$config" --out "$new"
wayfare restore --config "$config" --from "$new" --data-dir "$scratch/data"
if [ -n "${WITNESS:-}" ]; then
  wayfare ledger verify --config "$config" --data-dir "$scratch/data" --witness "$scratch/heads.jsonl"
fi

find "$folder" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*T[0-9]*Z' | sort | head -n "-$keep" | while read -r old; do
  rm -rf "$old"
done
echo "$new holds"
