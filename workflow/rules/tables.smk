rule table:
    input:
        table_runs,
    output:
        csv=report(
            f"{OUT}/tables/{{table}}.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}", "form": "numbers"},
        ),
        markdown=f"{OUT}/tables/{{table}}.md",
        latex=f"{OUT}/tables/{{table}}.tex",
        page=report(
            f"{OUT}/tables/{{table}}.html",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}", "form": "as in the paper"},
        ),
    log:
        f"{OUT}/logs/tables/{{table}}.log",
    conda:
        "../../environment.yml"
    params:
        config=lambda wildcards: excerpt("tables", wildcards.table),
        out=subpath(output.csv, parent=True),
        stage=STAGES["tables"],
    shell:
        "python -m eigv.cli table {wildcards.table} --config {params.config:q} --out {params.out}"
        " > {log} 2>&1 || show_end {log}"
