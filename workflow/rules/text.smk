TEXT = f"{RESULTS}/datasets/{{dataset}}/text"
QUESTIONS = f"{RESULTS}/datasets/{{dataset}}/annotations"


rule finetune:
    input:
        train=f"{QUESTIONS}/train.csv",
        val=f"{QUESTIONS}/val.csv",
        answers=f"{QUESTIONS}/answers.json",
    output:
        directory(f"{TEXT}/encoder"),
    params:
        settings=settings(CONFIG.text),
        questions=questions_folder,
        # Outside the output, which Snakemake removes before a rerun.
        state=f"{RESULTS}/state/text/{{dataset}}",
        stage=STAGES["text"],
    threads: 8
    log:
        f"{RESULTS}/logs/finetune/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/finetune/{{dataset}}.tsv"
    conda:
        "../../environment.yml"
    shell:
        "eigv-extract finetune --settings {params.settings:q} --questions {params.questions} --state {params.state}"
        " --threads {threads} --out {output} > {log} 2>&1"


rule tokens:
    input:
        encoder=f"{TEXT}/encoder",
        questions=f"{QUESTIONS}/{{split}}.csv",
    output:
        f"{TEXT}/text_{{split}}.h5",
    params:
        settings=settings(CONFIG.text),
        questions=questions_folder,
        out=f"{TEXT}",
        stage=STAGES["text"],
    threads: 8
    log:
        f"{RESULTS}/logs/tokens/{{dataset}}-{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tokens/{{dataset}}-{{split}}.tsv"
    conda:
        "../../environment.yml"
    shell:
        "eigv-extract tokens --settings {params.settings:q} --questions {params.questions} --encoder {input.encoder}"
        " --split {wildcards.split} --threads {threads} --out {params.out} > {log} 2>&1"
