TEXT = f"{RESULTS}/datasets/{{dataset}}/text"
QUESTIONS = f"{RESULTS}/datasets/{{dataset}}/annotations"


rule finetune:
    input:
        QUESTIONS,
    output:
        directory(f"{TEXT}/encoder"),
    log:
        f"{RESULTS}/logs/finetune/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/finetune/{{dataset}}.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    params:
        settings=settings(CONFIG.text),
        # Outside the output, which Snakemake removes before a rerun.
        state=f"{RESULTS}/state/text/{{dataset}}",
        stage=STAGES["text"],
    shell:
        "python -m extract.cli finetune --settings {params.settings:q} --questions {input} --state {params.state}"
        " --threads {threads} --out {output} > {log} 2>&1"


rule tokens:
    input:
        encoder=f"{TEXT}/encoder",
        questions=QUESTIONS,
    output:
        f"{TEXT}/text_{{split}}.h5",
    log:
        f"{RESULTS}/logs/tokens/{{dataset}}-{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tokens/{{dataset}}-{{split}}.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    params:
        settings=settings(CONFIG.text),
        out=subpath(output[0], parent=True),
        stage=STAGES["text"],
    shell:
        "python -m extract.cli tokens --settings {params.settings:q} --questions {input.questions} --encoder {input.encoder}"
        " --split {wildcards.split} --threads {threads} --out {params.out} > {log} 2>&1"
