rule problems:
    input:
        f"{RESULTS}/videos/{{collection}}/manifest.csv",
    output:
        report(
            f"{OUT}/report/problems-{{collection}}.html",
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


# What has been measured so far, by whichever runs: made last, after everything that it could speak of.
rule times:
    input:
        artefacts(),
    output:
        report(
            f"{OUT}/report/times.html",
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


# Snakemake's own report, which needs what the rules before have left in .snakemake; so it is made where the workflow runs.
rule report:
    input:
        artefacts(),
        times=f"{OUT}/report/times.html",
    output:
        page=f"{OUT}/report.html",
        config=f"{OUT}/config.json",
    log:
        f"{OUT}/logs/report/report.log",
    conda:
        "../../environment.yml"
    params:
        # The Snakemake at work, with its plugins, in whatever environment other jobs run.
        python=sys.executable,
        # Which may lie elsewhere than the data: the folder at work is the user's.
        snakefile=workflow.main_snakefile,
        # As Snakemake has merged it, with what --config changed.
        config=json.dumps(config),
        stage=STAGES["report"],
    shell:
        "(printf %s {params.config:q} > {output.config}"
        " && {params.python} -m snakemake results {input.times} --snakefile {params.snakefile:q} --cores 1 --nolock"
        " --configfile {output.config} --report {output.page}) > {log} 2>&1 || show_end {log}"
