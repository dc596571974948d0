COLLECTION = f"{RESULTS}/videos/{{collection}}"


rule import_features:
    input:
        annotations=annotation_folders_of,
        features=imported_files,
    output:
        video=f"{COLLECTION}/video.h5",
        manifest=f"{COLLECTION}/manifest.csv",
    log:
        f"{RESULTS}/logs/import/{{collection}}.log",
    wildcard_constraints:
        collection=IMPORTED,
    conda:
        "../../environment.yml"
    threads: 16
    params:
        settings=lambda wildcards: pair(collection=collection(wildcards), features=CONFIG.features),
        questions=lambda wildcards, input: flags("--questions", input.annotations),
        stage=STAGES["features"],
    shell:
        "python -m extract.cli import --settings {params.settings:q} {params.questions} --processes {threads}"
        " --out {output.video} --manifest {output.manifest} > {log} 2>&1 || show_end {log}"


rule probe:
    input:
        annotation_folders_of,
    output:
        f"{COLLECTION}/manifest.csv",
    log:
        f"{RESULTS}/logs/probe/{{collection}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/probe/{{collection}}.tsv"
    wildcard_constraints:
        collection=EXTRACTED,
    conda:
        "../../environment.yml"
    threads: 16
    params:
        settings=lambda wildcards: pair(collection=collection(wildcards), sampling=CONFIG.features.sampling),
        questions=lambda wildcards, input: flags("--questions", input),
        stage=STAGES["probe"],
    shell:
        "python -m extract.cli probe --settings {params.settings:q} {params.questions} --processes {threads}"
        " --out {output} > {log} 2>&1 || show_end {log}"


rule shards:
    input:
        f"{COLLECTION}/manifest.csv",
    output:
        temp(scatter.shards(f"{RESULTS}/videos/{{{{collection}}}}/shards/{{scatteritem}}.csv")),
    log:
        f"{RESULTS}/logs/shards/{{collection}}.log",
    conda:
        "../../environment.yml"
    params:
        settings=lambda wildcards: settings(collection(wildcards)),
        stage=STAGES["probe"],
    shell:
        "python -m extract.cli shards --settings {params.settings:q} --manifest {input} {output}"
        " > {log} 2>&1 || show_end {log}"


rule decode:
    input:
        f"{COLLECTION}/shards/{{scatteritem}}.csv",
    output:
        temp(f"{COLLECTION}/shards/{{scatteritem}}.frames.h5"),
    log:
        f"{RESULTS}/logs/decode/{{collection}}-{{scatteritem}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/decode/{{collection}}-{{scatteritem}}.tsv"
    conda:
        "../../environment.yml"
    threads: decoding_threads
    params:
        settings=lambda wildcards: pair(collection=collection(wildcards), features=CONFIG.features),
        stage=STAGES["decode"],
    shell:
        "python -m extract.cli decode --settings {params.settings:q} --shard {input} --processes {threads}"
        " --out {output} > {log} 2>&1 || show_end {log}"


rule features:
    input:
        f"{COLLECTION}/shards/{{scatteritem}}.frames.h5",
    output:
        temp(f"{COLLECTION}/shards/{{scatteritem}}.{{kind}}.h5"),
    log:
        f"{RESULTS}/logs/features/{{collection}}-{{scatteritem}}-{{kind}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/features/{{collection}}-{{scatteritem}}-{{kind}}.tsv"
    wildcard_constraints:
        kind="appearance|motion",
    # Before further decoding, so that decoded frames do not pile up.
    priority: 10
    conda:
        "../../environment.yml"
    threads: network_threads
    # Counted by `--resources gpu=N`; each job then claims one of the machine's that is free (base/gpu.py).
    resources:
        gpu=1,
    params:
        settings=lambda wildcards: settings(CONFIG.features),
        stage=STAGES["features"],
    shell:
        "python -m extract.cli features {wildcards.kind} --settings {params.settings:q} --frames {input} --threads {threads}"
        " --out {output} > {log} 2>&1 || show_end {log}"


rule merge:
    input:
        manifest=f"{COLLECTION}/manifest.csv",
        frames=gather.shards(f"{RESULTS}/videos/{{{{collection}}}}/shards/{{scatteritem}}.frames.h5"),
        appearance=gather.shards(f"{RESULTS}/videos/{{{{collection}}}}/shards/{{scatteritem}}.appearance.h5"),
        motion=gather.shards(f"{RESULTS}/videos/{{{{collection}}}}/shards/{{scatteritem}}.motion.h5"),
    output:
        f"{COLLECTION}/video.h5",
    log:
        f"{RESULTS}/logs/merge/{{collection}}.log",
    wildcard_constraints:
        collection=EXTRACTED,
    conda:
        "../../environment.yml"
    params:
        settings=lambda wildcards: settings(CONFIG.features),
        collection=lambda wildcards: settings(collection(wildcards)),
        frames=lambda wildcards, input: flags("--frames", input.frames),
        appearance=lambda wildcards, input: flags("--appearance", input.appearance),
        motion=lambda wildcards, input: flags("--motion", input.motion),
        stage=STAGES["features"],
    shell:
        "python -m extract.cli merge --settings {params.settings:q} --collection {params.collection:q}"
        " --manifest {input.manifest} {params.frames} {params.appearance} {params.motion}"
        " --out {output} > {log} 2>&1 || show_end {log}"
