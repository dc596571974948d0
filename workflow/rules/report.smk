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
        "python -m eigv.cli problems {input} --out {output} > {log} 2>&1 || show_end {log}"


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
        folders=" ".join(dict.fromkeys([f"{RESULTS}/benchmarks", f"{OUT}/benchmarks"])),
        stage=STAGES["report"],
    shell:
        "python -m eigv.cli times {params.folders} --out {output} > {log} 2>&1 || show_end {log}"


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
        "(printf %s {params.config:q} > {output.config}"
        " && {params.python} -m snakemake results {input.times} --snakefile {params.snakefile:q} --cores 1 --nolock"
        " --configfile {output.config} --report {output.page}) > {log} 2>&1 || show_end {log}"
