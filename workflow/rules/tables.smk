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
        config=told(PLAN.targets.table_config),
        decides=ask(PLAN.targets.decides_table),
        out=subpath(output.csv, parent=True),
        stage=STAGES["tables"],
    shell:
        "python -m eigv.cli table {wildcards.table:q} --config {params.config:q} --out {params.out:q}"
        " > {log:q} 2>&1 || show_end {log:q}"


# It is a table by its file too: the configuration says which it is (`wildcard_constraints`).
rule explanations_table:
    input:
        ask(PLAN.targets.explained),
    output:
        csv=report(
            PATHS.table("csv", "{explanations}"),
            caption="../report/explanations.rst",
            category="Rationales",
            labels={"table": "{explanations}", "form": "numbers"},
        ),
        markdown=PATHS.table("md", "{explanations}"),
        latex=PATHS.table("tex", "{explanations}"),
        page=report(
            PATHS.table("html", "{explanations}"),
            caption="../report/explanations.rst",
            category="Rationales",
            labels={"table": "{explanations}", "form": "laid out"},
        ),
    log:
        f"{OUT}/logs/tables/{{explanations}}.log",
    conda:
        "../../environment.yml"
    params:
        config=told(PLAN.targets.explanations_config),
        decides=ask(PLAN.targets.decides_explanations),
        out=subpath(output.csv, parent=True),
        stage=STAGES["tables"],
    shell:
        "python -m eigv.cli explanations {wildcards.explanations:q} --config {params.config:q} --out {params.out:q}"
        " > {log:q} 2>&1 || show_end {log:q}"
