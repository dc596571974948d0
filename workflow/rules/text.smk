rule finetune:
    input:
        PATHS.questions(),
    output:
        directory(PATHS.encoder()),
    log:
        f"{RESULTS}/logs/finetune/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/finetune/{{dataset}}.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        gpu=1,
    params:
        settings=told(PLAN.data.text_settings),
        decides=ask(PLAN.decides.finetune),
        name="{dataset} text encoder",
        # Outside the output, which Snakemake removes before a rerun.
        state=f"{RESULTS}/state/text/{{dataset}}",
        stage=STAGES["text"],
    message:
        "Fine-tuning the text encoder on {wildcards.dataset} (log: {log})"
    shell:
        "python -m extract.cli finetune --settings {params.settings:q} --questions {input:q} --state {params.state:q}"
        " --threads {threads} --out {output:q} --name {params.name:q} --stage {params.stage:q} --announce /dev/fd/3"
        " 3>&2 > {log:q} 2>&1 || show_end {log:q}"


ruleorder: tokens > tokens_of_shifted_test


# The splits that every data set has, in one job, which loads the encoder once.
rule tokens:
    input:
        encoder=PATHS.encoder(),
        questions=PATHS.questions(),
    output:
        expand(PATHS.text(), split=("train", "val", "test"), allow_missing=True),
    log:
        f"{RESULTS}/logs/tokens/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tokens/{{dataset}}.tsv"
    wildcard_constraints:
        dataset=PLAN.data.own_texts,
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        gpu=1,
    params:
        settings=told(PLAN.data.text_settings),
        decides=ask(PLAN.decides.tokens),
        splits=["--split", "train", "--split", "val", "--split", "test"],
        out=subpath(output[0], parent=True),
        state=f"{RESULTS}/state/tokens/{{dataset}}",
        stage=STAGES["text"],
    shell:
        "python -m extract.cli tokens --settings {params.settings:q} --questions {input.questions:q} --encoder {input.encoder:q}"
        " {params.splits:q} --state {params.state:q} --threads {threads} --stage {params.stage:q} --out {params.out:q}"
        " > {log:q} 2>&1 || show_end {log:q}"


use rule tokens as tokens_of_shifted_test with:
    output:
        PATHS.text(),
    log:
        f"{RESULTS}/logs/tokens/{{dataset}}-{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tokens/{{dataset}}-{{split}}.tsv"
    params:
        settings=told(PLAN.data.text_settings),
        decides=ask(PLAN.decides.tokens),
        splits=["--split", "{split}"],
        out=subpath(output[0], parent=True),
        state=f"{RESULTS}/state/tokens/{{dataset}}",
        stage=STAGES["text"],


# Other people's token features, in the order of the raw annotations.
rule import_tokens:
    input:
        dense=ask(PLAN.data.imported_tokens),
        questions=PATHS.all_annotations(),
    output:
        PATHS.text(),
    log:
        f"{RESULTS}/logs/import_tokens/{{dataset}}-{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/import_tokens/{{dataset}}-{{split}}.tsv"
    wildcard_constraints:
        dataset=PLAN.data.imported_texts,
    conda:
        "../../environment.yml"
    params:
        encoder=CONFIG.text.encoder,
        decides=ask(PLAN.decides.import_tokens),
        stage=STAGES["text"],
    shell:
        "python -m extract.cli import-tokens {input.dense:q} --annotations {input.questions:q}/{wildcards.split:q}.csv"
        " --tokenizer {params.encoder:q} --out {output:q} > {log:q} 2>&1 || show_end {log:q}"


QUESTION_ONLY = PLAN.runs.question_only()


# The fine-tuned encoder by itself: the baseline that sees no video. Like `evaluate`, it answers the test split.
rule question_only:
    input:
        encoder=PATHS.encoder(),
        questions=PATHS.questions(),
    output:
        metrics=QUESTION_ONLY.metrics,
        predictions=QUESTION_ONLY.predictions,
        run=QUESTION_ONLY.about,
    log:
        f"{OUT}/logs/question_only/{{dataset}}.log",
    benchmark:
        f"{OUT}/benchmarks/question_only/{{dataset}}.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        gpu=1,
    params:
        out=subpath(output.metrics, parent=True),
        split="test",
        stage=STAGES["evaluate"],
    shell:
        "python -m eigv.cli question-only --encoder {input.encoder:q} --questions {input.questions:q} --split {params.split:q}"
        " --threads {threads} --out {params.out:q} > {log:q} 2>&1 || show_end {log:q}"


use rule question_only as question_only_on_another_split with:
    output:
        metrics=QUESTION_ONLY.of_split("{split}").metrics,
        predictions=QUESTION_ONLY.of_split("{split}").predictions,
        run=QUESTION_ONLY.of_split("{split}").about,
    log:
        f"{OUT}/logs/question_only/{{dataset}}-{{split}}.log",
    benchmark:
        f"{OUT}/benchmarks/question_only/{{dataset}}-{{split}}.tsv"
    params:
        out=subpath(output.metrics, parent=True),
        split="{split}",
        stage=STAGES["evaluate"],
