# A rationale picture and a sweep are both figures by their file; the configuration says which it is.
wildcard_constraints:
    sweep="|".join(CONFIG.sweeps) or "none",
    picture="|".join(CONFIG.rationales) or "none",


rule sweep:
    input:
        sweep_runs,
    output:
        picture=report(
            f"{OUT}/figures/{{sweep}}.png",
            caption="../report/sweep.rst",
            category="Figures",
            subcategory="Hyper-parameters",
            labels={"figure": "{sweep}"},
        ),
        pdf=f"{OUT}/figures/{{sweep}}.pdf",
        csv=f"{OUT}/figures/{{sweep}}.csv",
    log:
        f"{OUT}/logs/figures/{{sweep}}.log",
    conda:
        "../../environment.yml"
    params:
        config=lambda wildcards: excerpt("sweeps", wildcards.sweep),
        out=subpath(output.picture, parent=True),
        stage=STAGES["figures"],
    shell:
        "python -m eigv.cli sweep {wildcards.sweep} --config {params.config:q} --out {params.out}"
        " > {log} 2>&1 || show_end {log}"


rule learning_curves:
    input:
        histories,
    output:
        picture=report(
            f"{OUT}/figures/learning-curves-{{dataset}}.png",
            caption="../report/learning_curves.rst",
            category="Figures",
            subcategory="Learning curves",
            labels={"figure": "{dataset}"},
        ),
        pdf=f"{OUT}/figures/learning-curves-{{dataset}}.pdf",
    log:
        f"{OUT}/logs/figures/learning-curves-{{dataset}}.log",
    conda:
        "../../environment.yml"
    params:
        runs=lambda wildcards: " ".join(f"{run}" for run in map(run_folder, runs_on(wildcards.dataset))),
        title=lambda wildcards: wildcards.dataset,
        root=f"{OUT}/runs",
        stage=STAGES["figures"],
    shell:
        "python -m eigv.cli learning-curves {params.runs} --root {params.root} --title {params.title}"
        " --out {output.picture} --out {output.pdf} > {log} 2>&1 || show_end {log}"


rule rationale:
    input:
        manifest=lambda wildcards: f"{shown_videos(wildcards)}/manifest.csv",
        predictions=lambda wildcards: f"{picture_run(wildcards)}/predictions.csv",
        questions=lambda wildcards: f"{RESULTS}/datasets/{shown_dataset(wildcards)}/annotations",
        video=lambda wildcards: f"{shown_videos(wildcards)}/video.h5",
    output:
        picture=report(
            f"{OUT}/figures/{{picture}}.png",
            caption="../report/rationale.rst",
            # Where tables of rationales against ground truth and of their faithfulness belong, too.
            category="Rationales",
            labels={"figure": "{picture}"},
        ),
        pdf=f"{OUT}/figures/{{picture}}.pdf",
    log:
        f"{OUT}/logs/figures/{{picture}}.log",
    conda:
        "../../environment.yml"
    params:
        settings=lambda wildcards: settings(CONFIG.rationales[wildcards.picture]),
        stage=STAGES["figures"],
    shell:
        "python -m eigv.cli rationale --settings {params.settings:q} --predictions {input.predictions}"
        " --questions {input.questions} --manifest {input.manifest} --video {input.video}"
        " --out {output.picture} --out {output.pdf} > {log} 2>&1 || show_end {log}"


rule explore:
    input:
        manifest=lambda wildcards: f"{shown_videos(wildcards)}/manifest.csv",
        predictions=lambda wildcards: predictions(page_runs(wildcards)),
        questions=lambda wildcards: f"{RESULTS}/datasets/{shown_dataset(wildcards)}/annotations",
        video=lambda wildcards: f"{shown_videos(wildcards)}/video.h5",
    output:
        f"{OUT}/explorer/{{page}}.html",
    log:
        f"{OUT}/logs/figures/{{page}}.log",
    conda:
        "../../environment.yml"
    params:
        settings=lambda wildcards: settings(CONFIG.explorers[wildcards.page]),
        root=f"{OUT}/runs",
        stage=STAGES["explorer"],
    shell:
        "python -m eigv.cli explorer --settings {params.settings:q} --runs {params.root}"
        " --questions {input.questions} --manifest {input.manifest} --video {input.video} --out {output}"
        " > {log} 2>&1 || show_end {log}"
