rule table:
    input:
        ask(PLAN.targets.table_runs),
    output:
        csv=report(
            PATHS.table("csv"),
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}", "form": "numbers"},
        ),
        markdown=PATHS.table("md"),
        latex=PATHS.table("tex"),
        page=report(
            PATHS.table("html"),
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}", "form": "as in the paper"},
        ),
    log:
        f"{OUT}/logs/tables/{{table}}.log",
    conda:
        "../../environment.yml"
    params:
        config=ask(PLAN.targets.table_config),
        out=subpath(output.csv, parent=True),
        stage=STAGES["tables"],
    shell:
        "python -m eigv.cli table {wildcards.table:q} --config {params.config:q} --out {params.out:q}"
        " > {log:q} 2>&1 || show_end {log:q}"
