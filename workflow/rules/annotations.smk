rule annotations:
    input:
        raw_annotations,
    output:
        directory(f"{RESULTS}/datasets/{{dataset}}/all_annotations"),
    log:
        f"{RESULTS}/logs/annotations/{{dataset}}.log",
    conda:
        "../../environment.yml"
    params:
        settings=lambda wildcards: settings(dataset(wildcards)),
        stage=STAGES["annotations"],
    shell:
        "python -m extract.cli annotations --settings {params.settings:q} --out {output} > {log} 2>&1 || show_end {log}"


rule questions:
    input:
        everything=f"{RESULTS}/datasets/{{dataset}}/all_annotations",
        manifest=manifest_of,
    output:
        directory(f"{RESULTS}/datasets/{{dataset}}/annotations"),
    log:
        f"{RESULTS}/logs/questions/{{dataset}}.log",
    conda:
        "../../environment.yml"
    params:
        dataset=lambda wildcards: settings(dataset(wildcards)),
        collection=lambda wildcards: settings(collection_of(wildcards)),
        stage=STAGES["annotations"],
    shell:
        "python -m extract.cli questions --dataset {params.dataset:q} --collection {params.collection:q}"
        " --everything {input.everything} --manifest {input.manifest} --out {output} > {log} 2>&1 || show_end {log}"
