rule table1:
    input:
        lambda wildcards: table_runs("table1"),
    output:
        csv=f"{RESULTS}/tables/table1.csv",
        markdown=f"{RESULTS}/tables/table1.md",
    log:
        f"{RESULTS}/logs/tables/table1.log",
    conda:
        "../../environment.yml"
    params:
        name="table1",
        table=settings(CONFIG.tables["table1"]) if "table1" in CONFIG.tables else "{}",
        shifted=json.dumps({n: d.shifted_test for n, d in CONFIG.datasets.items() if d.shifted_test}),
        runs=f"{RESULTS}/runs",
        out=subpath(output.csv, parent=True),
        stage=STAGES["tables"],
    shell:
        "python -m eigv.cli table {params.name} --settings {params.table:q} --shifted {params.shifted:q} --runs {params.runs} --out {params.out} > {log} 2>&1"


rule rationale:
    input:
        manifest=picture_manifest,
        run=lambda wildcards: f"{picture_run(wildcards)}/metrics.json",
        predictions=lambda wildcards: f"{picture_run(wildcards)}/predictions.csv",
        questions=lambda wildcards: f"{RESULTS}/datasets/{picture_dataset(wildcards)}/annotations",
        video=lambda wildcards: f"{RESULTS}/videos/{CONFIG.datasets[picture_dataset(wildcards)].videos}/video.h5",
    output:
        f"{RESULTS}/figures/{{picture}}.png",
    log:
        f"{RESULTS}/logs/figures/{{picture}}.log",
    conda:
        "../../environment.yml"
    params:
        questions=lambda wildcards: CONFIG.rationales[wildcards.picture].questions,
        stage=STAGES["tables"],
    shell:
        "python -m eigv.cli rationale --predictions {input.predictions} --questions {input.questions} --manifest {input.manifest}"
        " --video {input.video} --count {params.questions} --out {output} > {log} 2>&1"


rule rationales:
    input:
        expand(f"{RESULTS}/figures/{{picture}}.png", picture=list(CONFIG.rationales)),
