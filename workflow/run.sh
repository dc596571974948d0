#!/usr/bin/env bash
# Runs the workflow on one configuration and says where to look. Usage: workflow/run.sh <config> <cores>
#
# A run that was killed leaves Snakemake's directory lock behind. Our own lock on .snakemake/run.lock is dropped by the
# kernel with its process, so that holding it proves that nobody else is at work here, and the stale one can go.
set -euo pipefail

config=$1
cores=${2:-all}
bin=$(dirname "$0")/../.venv/bin
PATH=$(cd "$bin" && pwd):$PATH

mkdir -p .snakemake
exec 9> .snakemake/run.lock
if ! flock --nonblock 9; then
    echo "error: another run is at work in this folder" >&2
    exit 2
fi
snakemake --configfile "$config" --unlock > /dev/null 2>&1
snakemake --cores "$cores" --configfile "$config" --workflow-profile workflow/profiles/default 9>&-

results=$(python -c 'import sys, yaml; print(yaml.safe_load(open(sys.argv[1]))["results"])' "$config")
echo
for table in "$results"/tables/*.md; do
    cat "$table"
    echo
done
echo "Look at:"
find "$results/report.html" "$results/explorer" "$results/tables" "$results/figures" -name '*.md' -o -name '*.html' -o -name '*.png' \
    | sort | sed 's/^/  /'
echo "  $results/runs/<data set>/<backbone>/<method>/<features>/<seed>/metrics.json, predictions.csv, history.csv"
