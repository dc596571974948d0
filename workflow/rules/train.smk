RUN = PATHS.run()


# Models learn from the train split and are chosen on the val split.
rule train:
    input:
        video=ask(PLAN.data.video),
        questions=PATHS.questions(),
        train=PATHS.text("train"),
        val=PATHS.text("val"),
        plugin=ask(PLAN.runs.own_files),
        # Some methods go on from the model of another run, or from gold spans.
        before=ask(PLAN.runs.before, run=PATH),
        labels=ask(PLAN.runs.labels, run=PATH),
    output:
        weights=RUN.weights,
        model=RUN.model,
        history=RUN.history,
    log:
        f"{OUT}/logs/train/{PATH}.log",
    benchmark:
        f"{OUT}/benchmarks/train/{PATH}.tsv"
    priority: 10 if SHARED else 0
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=1,
        # Not a parameter: it decides no number. `--set-resources train:jobs_per_gpu=4` lets four share a GPU.
        jobs_per_gpu=1,
        # `--set-resources train:runs_per_job=20` trains up to twenty runs in a process: docs/cluster.md.
        runs_per_job=1,
    params:
        settings=told(PLAN.runs.settings, run=PATH),
        ahead=runs_ahead,
        decides=ask(PLAN.decides.train, run=PATH),
        beside=told(PLAN.runs.beside),
        before=ask(PLAN.runs.before_option, run=PATH),
        labels=ask(PLAN.runs.labels_option, run=PATH),
        name=PATH,
        out=subpath(output.model, parent=True),
        text=subpath(input.train, parent=True),
        state=PATHS.state(),
        stage=STAGES["train"],
    message:
        "Training {params.name} (log: {log})"
    shell:
        "python -m eigv.cli train --settings {params.settings:q} --video {input.video:q} --questions {input.questions:q}"
        " --text {params.text:q} --state {params.state:q} --threads {threads} --ahead {params.ahead:q}"
        " --jobs-per-gpu {resources.jobs_per_gpu} --out {params.out:q} --name {params.name:q} --stage {params.stage:q} {params.beside:q} {params.before:q} {params.labels:q} --announce /dev/fd/3"
        " 3>&2 > {log:q} 2>&1 || show_end {log:q}"


# A trained model meets the test split here for the first time. Its questions went through the rules before (annotations,
# questions, tokens), but no model and no encoder was trained or chosen by them.
rule evaluate:
    input:
        model=RUN.model,
        weights=RUN.weights,
        video=ask(PLAN.data.video),
        questions=PATHS.questions(),
        text=PATHS.text("test"),
        gold=ask(PLAN.runs.gold),
    output:
        metrics=RUN.metrics,
        predictions=RUN.predictions,
        run=RUN.about,
    log:
        f"{OUT}/logs/evaluate/{PATH}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=1,
        jobs_per_gpu=1,
        # As of trainings: small evaluations cost the start of their process.
        runs_per_job=1,
    params:
        answer_from=ask(PLAN.decides.evaluate, run=PATH),
        environment=ask(PLAN.runs.environment, run=PATH),
        faithfulness=ask(PLAN.runs.faithfulness, run=PATH),
        noise_draws=ask(PLAN.runs.noise_draws, run=PATH),
        gold=ask(PLAN.runs.gold_option),
        ahead=evaluations_ahead,
        out=subpath(output.metrics, parent=True),
        state=PATHS.evaluation_state(split="test"),
        text=subpath(input.text, parent=True),
        split="test",
        stage=STAGES["evaluate"],
    shell:
        "python -m eigv.cli evaluate --model {input.model:q} --video {input.video:q} --questions {input.questions:q}"
        " --text {params.text:q} --split {params.split:q} --answer-from {params.answer_from:q}"
        " --environment {params.environment:q} --faithfulness {params.faithfulness:q}"
        " --noise-draws {params.noise_draws:q} {params.gold:q}"
        " --state {params.state:q} --ahead {params.ahead:q} --stage {params.stage:q}"
        " --threads {threads} --jobs-per-gpu {resources.jobs_per_gpu} --out {params.out:q} > {log:q} 2>&1 || show_end {log:q}"


# The same for a further test split, in a folder of its own.
use rule evaluate as evaluate_shifted with:
    input:
        model=RUN.model,
        weights=RUN.weights,
        video=ask(PLAN.data.video),
        questions=PATHS.questions(),
        text=PATHS.text(),
        gold=ask(PLAN.runs.gold),
    output:
        metrics=RUN.of_split("{split}").metrics,
        predictions=RUN.of_split("{split}").predictions,
        run=RUN.of_split("{split}").about,
    log:
        f"{OUT}/logs/evaluate/{PATH}/{{split}}.log",
    params:
        answer_from=ask(PLAN.decides.evaluate, run=PATH),
        environment=ask(PLAN.runs.environment, run=PATH),
        faithfulness=ask(PLAN.runs.faithfulness, run=PATH),
        noise_draws=ask(PLAN.runs.noise_draws, run=PATH),
        gold=ask(PLAN.runs.gold_option),
        ahead=evaluations_ahead,
        out=subpath(output.metrics, parent=True),
        state=PATHS.evaluation_state(),
        text=subpath(input.text, parent=True),
        split="{split}",
        stage=STAGES["evaluate"],


# What the indicator of a trained model selects, beside what post-hoc explainers of the same model would.
rule compare_explanations:
    input:
        model=RUN.model,
        weights=RUN.weights,
        video=ask(PLAN.data.video),
        questions=PATHS.questions(),
        val=PATHS.text("val"),
        text=PATHS.text("test"),
        gold=PATHS.gold(),
    output:
        RUN.explanations,
    log:
        f"{OUT}/logs/compare_explanations/{PATH}.log",
    benchmark:
        f"{OUT}/benchmarks/compare_explanations/{PATH}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=1,
        jobs_per_gpu=1,
    params:
        environment=ask(PLAN.runs.environment, run=PATH),
        text=subpath(input.text, parent=True),
        split="test",
        stage=STAGES["explanations"],
    shell:
        "python -m eigv.cli compare-explanations {input.model:q} --video {input.video:q} --questions {input.questions:q}"
        " --text {params.text:q} --gold {input.gold:q} --split {params.split:q} --environment {params.environment:q}"
        " --threads {threads} --jobs-per-gpu {resources.jobs_per_gpu} --out {output:q} > {log:q} 2>&1 || show_end {log:q}"


# The same on a further test split. Thresholds are tuned on val here too.
use rule compare_explanations as compare_explanations_shifted with:
    input:
        model=RUN.model,
        weights=RUN.weights,
        video=ask(PLAN.data.video),
        questions=PATHS.questions(),
        val=PATHS.text("val"),
        text=PATHS.text(),
        gold=PATHS.gold(),
    output:
        RUN.of_split("{split}").explanations,
    log:
        f"{OUT}/logs/compare_explanations/{PATH}/{{split}}.log",
    benchmark:
        f"{OUT}/benchmarks/compare_explanations/{PATH}/{{split}}.tsv"
    params:
        environment=ask(PLAN.runs.environment, run=PATH),
        text=subpath(input.text, parent=True),
        split="{split}",
        stage=STAGES["explanations"],


CHECKPOINT = PATHS.checkpoint()


# A model that the authors trained, as if it had been trained here.
rule import_checkpoint:
    input:
        ask(PLAN.runs.checkpoint_file),
    output:
        weights=CHECKPOINT.weights,
        model=CHECKPOINT.model,
    log:
        f"{OUT}/logs/import_checkpoint/{{dataset}}/{{checkpoint}}.log",
    conda:
        "../../environment.yml"
    params:
        layout=ask(PLAN.data.format),
        backbone=ask(PLAN.runs.checkpoint_backbone),
        out=subpath(output.model, parent=True),
        stage=STAGES["train"],
    shell:
        "python -m eigv.cli import-checkpoint {input:q} --dataset {params.layout:q} --backbone {params.backbone:q}"
        " --out {params.out:q} > {log:q} 2>&1 || show_end {log:q}"


use rule evaluate as evaluate_checkpoint with:
    input:
        model=CHECKPOINT.model,
        weights=CHECKPOINT.weights,
        video=ask(PLAN.data.video),
        questions=PATHS.questions(),
        text=PATHS.text("test"),
        gold=ask(PLAN.runs.gold_of_checkpoint),
    output:
        metrics=CHECKPOINT.metrics,
        predictions=CHECKPOINT.predictions,
        run=CHECKPOINT.about,
    log:
        f"{OUT}/logs/evaluate/{{dataset}}/{{checkpoint}}.log",
    params:
        answer_from=CONFIG.inference.answer_from,
        environment=CONFIG.inference.environment,
        faithfulness=CONFIG.inference.faithfulness,
        noise_draws=CONFIG.inference.noise_draws,
        gold=ask(PLAN.runs.gold_option),
        ahead="[]",
        out=subpath(output.metrics, parent=True),
        state=f"{OUT}/state/evaluations/{{dataset}}/{{checkpoint}}",
        text=subpath(input.text, parent=True),
        split="test",
        stage=STAGES["evaluate"],
