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


ruleorder: tokens > tokens_of_shifted_test


# The splits that every data set has in one job, which loads the encoder once.
rule tokens:
    input:
        encoder=f"{TEXT}/encoder",
        questions=QUESTIONS,
    output:
        expand(f"{TEXT}/text_{{split}}.h5", split=("train", "val", "test"), allow_missing=True),
    log:
        f"{RESULTS}/logs/tokens/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tokens/{{dataset}}.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    params:
        settings=settings(CONFIG.text),
        splits="--split train --split val --split test",
        out=subpath(output[0], parent=True),
        stage=STAGES["text"],
    shell:
        "python -m extract.cli tokens --settings {params.settings:q} --questions {input.questions} --encoder {input.encoder}"
        " {params.splits} --threads {threads} --out {params.out} > {log} 2>&1"


use rule tokens as tokens_of_shifted_test with:
    output:
        f"{TEXT}/text_{{split}}.h5",
    log:
        f"{RESULTS}/logs/tokens/{{dataset}}-{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tokens/{{dataset}}-{{split}}.tsv"
    params:
        settings=settings(CONFIG.text),
        splits="--split {split}",
        out=subpath(output[0], parent=True),
        stage=STAGES["text"],
