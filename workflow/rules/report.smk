rule problems:
    input:
        PATHS.manifest(),
    output:
        report(
            PATHS.problems(),
            caption="../report/problems.rst",
            category="Data",
            labels={"of": "videos of {collection}"},
        ),
    log:
        f"{OUT}/logs/report/problems-{{collection}}.log",
    conda:
        "../../environment.yml"
    params:
        stage=STAGES["report"],
    shell:
        "python -m eigv.cli problems {input:q} --out {output:q} > {log:q} 2>&1 || show_end {log:q}"


# The cost of whatever has been measured so far: made last, when there is nothing left to measure.
rule times:
    input:
        ask(PLAN.targets.artefacts),
    output:
        report(
            PATHS.times,
            caption="../report/times.rst",
            category="Cost",
            labels={"of": "time and memory of each stage"},
        ),
    log:
        f"{OUT}/logs/report/times.log",
    conda:
        "../../environment.yml"
    params:
        folders=list(dict.fromkeys([f"{RESULTS}/benchmarks", f"{OUT}/benchmarks"])),
        stage=STAGES["report"],
    shell:
        "python -m eigv.cli times {params.folders:q} --out {output:q} > {log:q} 2>&1 || show_end {log:q}"


# Snakemake's own report. It needs what the jobs have left in .snakemake, so it is made where the workflow runs.
rule report:
    input:
        ask(PLAN.targets.artefacts),
        times=PATHS.times,
    output:
        page=PATHS.report,
        config=f"{OUT}/config.json",
    log:
        f"{OUT}/logs/report/report.log",
    conda:
        "../../environment.yml"
    params:
        # This Snakemake, with its plugins, whatever environment the other jobs run in.
        python=sys.executable,
        # It may lie elsewhere: the working directory is the user's.
        snakefile=workflow.main_snakefile,
        # As Snakemake has merged it, with the changes of --config. A function: a string's braces would be wildcards.
        config=lambda wildcards: json.dumps(config),
        stage=STAGES["report"],
    shell:
        "made=$(mktemp -d .snakemake/report.XXXXXX); (printf %s {params.config:q} > {output.config:q}"
        " && {params.python:q} -m snakemake results {input.times:q} --snakefile {params.snakefile:q} --cores 1 --nolock"
        # Snakemake expands `$NAME` in the name of a report: it is made under another.
        " --configfile {output.config:q} --report $made/report.html && mv $made/report.html {output.page:q}"
        " && rmdir $made) > {log:q} 2>&1 || show_end {log:q}"
