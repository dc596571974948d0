rule annotations:
    input:
        ask(PLAN.data.raw_annotations),
    output:
        directory(PATHS.all_annotations()),
    log:
        f"{RESULTS}/logs/annotations/{{dataset}}.log",
    conda:
        "../../environment.yml"
    params:
        settings=ask(PLAN.data.dataset_settings),
        stage=STAGES["annotations"],
    shell:
        "python -m extract.cli annotations --settings {params.settings:q} --out {output:q} > {log:q} 2>&1 || show_end {log:q}"


rule questions:
    input:
        everything=PATHS.all_annotations(),
        manifest=ask(PLAN.data.manifest),
    output:
        directory(PATHS.questions()),
    log:
        f"{RESULTS}/logs/questions/{{dataset}}.log",
    conda:
        "../../environment.yml"
    params:
        dataset=ask(PLAN.data.dataset_settings),
        collection=ask(PLAN.data.videos_settings),
        stage=STAGES["annotations"],
    shell:
        "python -m extract.cli questions --dataset {params.dataset:q} --collection {params.collection:q}"
        " --everything {input.everything:q} --manifest {input.manifest:q} --out {output:q} > {log:q} 2>&1 || show_end {log:q}"
