rule sweep:
    input:
        ask(PLAN.targets.sweep_runs),
    output:
        picture=report(
            PATHS.figure("png", "{sweep}"),
            caption="../report/sweep.rst",
            category="Figures",
            subcategory="Hyper-parameters",
            labels={"figure": "{sweep}"},
        ),
        pdf=PATHS.figure("pdf", "{sweep}"),
        csv=PATHS.figure("csv", "{sweep}"),
    log:
        f"{OUT}/logs/figures/{{sweep}}.log",
    conda:
        "../../environment.yml"
    params:
        config=told(PLAN.targets.sweep_config),
        decides=ask(PLAN.targets.decides_sweep),
        out=subpath(output.picture, parent=True),
        stage=STAGES["figures"],
    shell:
        "python -m eigv.cli sweep {wildcards.sweep:q} --config {params.config:q} --out {params.out:q}"
        " > {log:q} 2>&1 || show_end {log:q}"


rule curves:
    input:
        ask(PLAN.targets.curve_runs),
    output:
        picture=report(
            PATHS.figure("png", "{curves}"),
            caption="../report/curves.rst",
            category="Rationales",
            labels={"figure": "{curves}"},
        ),
        pdf=PATHS.figure("pdf", "{curves}"),
        csv=PATHS.figure("csv", "{curves}"),
    log:
        f"{OUT}/logs/figures/{{curves}}.log",
    conda:
        "../../environment.yml"
    params:
        config=told(PLAN.targets.curves_config),
        decides=ask(PLAN.targets.decides_curves),
        out=subpath(output.picture, parent=True),
        stage=STAGES["figures"],
    shell:
        "python -m eigv.cli curves {wildcards.curves:q} --config {params.config:q} --out {params.out:q}"
        " > {log:q} 2>&1 || show_end {log:q}"


rule learning_curves:
    input:
        ask(PLAN.targets.histories),
    output:
        picture=report(
            PATHS.learning_curves("png"),
            caption="../report/learning_curves.rst",
            category="Figures",
            subcategory="Learning curves",
            labels={"figure": "{dataset}"},
        ),
        pdf=PATHS.learning_curves("pdf"),
    log:
        f"{OUT}/logs/figures/learning-curves-{{dataset}}.log",
    conda:
        "../../environment.yml"
    params:
        runs=ask(PLAN.targets.trained),
        title="{dataset}",
        root=PATHS.runs,
        stage=STAGES["figures"],
    shell:
        "python -m eigv.cli learning-curves {params.runs:q} --root {params.root:q} --title {params.title:q}"
        " --out {output.picture:q} --out {output.pdf:q} > {log:q} 2>&1 || show_end {log:q}"


rule rationale:
    input:
        unpack(ask(PLAN.targets.picture_inputs)),
    output:
        picture=report(
            PATHS.figure("png", "{picture}"),
            caption="../report/rationale.rst",
            # Also of tables of rationales, against ground truth and of their faithfulness.
            category="Rationales",
            labels={"figure": "{picture}"},
        ),
        pdf=PATHS.figure("pdf", "{picture}"),
    log:
        f"{OUT}/logs/figures/{{picture}}.log",
    conda:
        "../../environment.yml"
    params:
        settings=told(PLAN.targets.picture_settings),
        decides=ask(PLAN.targets.decides_picture),
        gold=ask(PLAN.targets.picture_gold),
        stage=STAGES["figures"],
    shell:
        "python -m eigv.cli rationale --settings {params.settings:q} --predictions {input.predictions:q}"
        " --questions {input.questions:q} --manifest {input.manifest:q} --video {input.video:q} {params.gold:q}"
        " --out {output.picture:q} --out {output.pdf:q} > {log:q} 2>&1 || show_end {log:q}"


rule explore:
    input:
        unpack(ask(PLAN.targets.page_inputs)),
    output:
        PATHS.page(),
    log:
        f"{OUT}/logs/figures/{{page}}.log",
    conda:
        "../../environment.yml"
    params:
        settings=ask(PLAN.targets.page_settings),
        gold=ask(PLAN.targets.page_gold),
        explanations=ask(PLAN.targets.page_explanations),
        root=PATHS.runs,
        stage=STAGES["explorer"],
    shell:
        "python -m eigv.cli explorer --settings {params.settings:q} --runs {params.root:q}"
        " --questions {input.questions:q} --manifest {input.manifest:q} --video {input.video:q} --out {output:q}"
        " {params.gold:q} {params.explanations:q} > {log:q} 2>&1 || show_end {log:q}"
