#!/usr/bin/env bash
# Runs the workflow on one configuration and says where to look. Usage: workflow/run.sh <config> <cores>
set -euo pipefail

config=$1
cores=${2:-all}
bin=$(dirname "$0")/../.venv/bin
PATH=$(cd "$bin" && pwd):$PATH

snakemake --cores "$cores" --configfile "$config"

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
