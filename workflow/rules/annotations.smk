rule annotations:
    input:
        raw_annotations,
    output:
        directory(f"{RESULTS}/datasets/{{dataset}}/annotations/all"),
    params:
        settings=lambda wildcards: settings(dataset(wildcards)),
        stage=STAGES["annotations"],
    log:
        f"{RESULTS}/logs/annotations/{{dataset}}.log",
    conda:
        "../../environment.yml"
    shell:
        "eigv-extract annotations --settings {params.settings:q} --out {output} > {log} 2>&1"


rule questions:
    input:
        everything=f"{RESULTS}/datasets/{{dataset}}/annotations/all",
        manifest=manifest_of,
    output:
        answers=f"{RESULTS}/datasets/{{dataset}}/annotations/answers.json",
        summary=f"{RESULTS}/datasets/{{dataset}}/annotations/summary.json",
        train=f"{RESULTS}/datasets/{{dataset}}/annotations/train.csv",
        val=f"{RESULTS}/datasets/{{dataset}}/annotations/val.csv",
        test=f"{RESULTS}/datasets/{{dataset}}/annotations/test.csv",
    params:
        dataset=lambda wildcards: settings(dataset(wildcards)),
        collection=lambda wildcards: settings(collection_of(wildcards)),
        out=questions_folder,
        stage=STAGES["annotations"],
    log:
        f"{RESULTS}/logs/questions/{{dataset}}.log",
    conda:
        "../../environment.yml"
    shell:
        "eigv-extract questions --dataset {params.dataset:q} --collection {params.collection:q}"
        " --everything {input.everything} --manifest {input.manifest} --out {params.out} > {log} 2>&1"
