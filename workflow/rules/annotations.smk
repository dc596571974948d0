rule annotations:
    input:
        ask(PLAN.data.raw_annotations),
    output:
        directory(PATHS.all_annotations()),
    log:
        f"{RESULTS}/logs/annotations/{{dataset}}.log",
    # Before any video is looked at: what is wrong in the rows is found here.
    priority: 20
    conda:
        "../../environment.yml"
    params:
        settings=told(PLAN.data.dataset_settings),
        decides=ask(PLAN.decides.annotations),
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
        dataset=told(PLAN.data.dataset_settings),
        collection=told(PLAN.data.videos_settings),
        decides=ask(PLAN.decides.questions),
        stage=STAGES["annotations"],
    shell:
        "python -m extract.cli questions --dataset {params.dataset:q} --collection {params.collection:q}"
        " --everything {input.everything:q} --manifest {input.manifest:q} --out {output:q} > {log:q} 2>&1 || show_end {log:q}"


# Nothing is trained on gold spans, so they lie apart from what is.
rule gold:
    input:
        spans=ask(PLAN.data.gold),
        everything=PATHS.all_annotations(),
        questions=PATHS.questions(),
    output:
        PATHS.gold(),
    log:
        f"{RESULTS}/logs/gold/{{dataset}}.log",
    wildcard_constraints:
        dataset=PLAN.data.grounded_datasets,
    conda:
        "../../environment.yml"
    params:
        decides=ask(PLAN.decides.gold),
        stage=STAGES["annotations"],
    shell:
        "python -m extract.cli gold {input.spans:q} --everything {input.everything:q} --questions {input.questions:q}"
        " --out {output:q} > {log:q} 2>&1 || show_end {log:q}"
