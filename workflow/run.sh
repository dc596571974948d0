#!/usr/bin/env bash
# Runs the workflow on one configuration and says where to look. Usage: workflow/run.sh <config> <cores> [option of snakemake]...
set -euo pipefail

config=$1
cores=${2:-all}
bin=$(dirname "$0")/../.venv/bin
PATH=$(cd "$bin" && pwd):$PATH

snakemake --cores "$cores" --configfile "$config" "${@:3}"

# Where the outcomes lie, and a run among them.
paths=$(python -c 'import sys
from eigv.config.experiment import load
from eigv.config.run_path import SHAPE
config = load(sys.argv[1:])
print(config.outcomes, config.runs_folder / SHAPE, sep="\n")' "$config")
{ read -r results; read -r run; } <<< "$paths"
echo
for table in "$results"/tables/*.md; do
    cat "$table"
    echo
done
echo "Look at:"
find "$results/report.html" "$results/explorer" "$results/tables" "$results/figures" -name '*.md' -o -name '*.html' -o -name '*.png' \
    | sort | sed 's/^/  /'
echo "  $run/metrics.json, predictions.csv, history.csv"
