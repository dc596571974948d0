rule import_features:
    input:
        asking=ancient(ask(PLAN.data.asking)),
        features=ask(PLAN.data.imported_features),
    output:
        video=PATHS.video(),
        manifest=PATHS.manifest(),
    log:
        f"{RESULTS}/logs/import/{{collection}}.log",
    wildcard_constraints:
        collection=PLAN.data.imported_collections,
    conda:
        "../../environment.yml"
    threads: 16
    params:
        settings=told(PLAN.data.import_settings),
        decides=ask(PLAN.decides.import_features),
        folder=ask(PLAN.data.folder_key),
        stage=STAGES["import"],
    shell:
        "python -m extract.cli import --settings {params.settings:q} --processes {threads}"
        " --out {output.video:q} --manifest {output.manifest:q} > {log:q} 2>&1 || show_end {log:q}"


# Other questions about the same videos, or a second data set, look at none of them again: the time of the files is not
# heeded (`ancient`), and `decides` has a digest of the ids in them. It does not wait for `annotations`: what waits for a job
# that runs again is not asked whether its own parameters have changed.
rule probe:
    input:
        ancient(ask(PLAN.data.asking)),
    output:
        PATHS.manifest(),
    log:
        f"{RESULTS}/logs/probe/{{collection}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/probe/{{collection}}.tsv"
    wildcard_constraints:
        collection=PLAN.data.extracted_collections,
    conda:
        "../../environment.yml"
    threads: 16
    params:
        settings=told(PLAN.data.probe_settings),
        decides=ask(PLAN.decides.probe),
        folder=ask(PLAN.data.folder_key),
        stage=STAGES["probe"],
    shell:
        "python -m extract.cli probe --settings {params.settings:q} --processes {threads}"
        " --stage {params.stage:q} --out {output:q} > {log:q} 2>&1 || show_end {log:q}"


rule shards:
    input:
        PATHS.manifest(),
    output:
        temp(scatter.shards(PATHS.shard("csv", "{{collection}}"))),
    log:
        f"{RESULTS}/logs/shards/{{collection}}.log",
    conda:
        "../../environment.yml"
    params:
        settings=told(PLAN.data.collection_settings),
        decides=ask(PLAN.decides.shards),
        stage=STAGES["probe"],
    shell:
        "python -m extract.cli shards --settings {params.settings:q} --manifest {input:q} {output:q}"
        " > {log:q} 2>&1 || show_end {log:q}"


rule decode:
    input:
        PATHS.shard("csv"),
    output:
        temp(PATHS.shard("frames.h5")),
    log:
        f"{RESULTS}/logs/decode/{{collection}}-{{scatteritem}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/decode/{{collection}}-{{scatteritem}}.tsv"
    conda:
        "../../environment.yml"
    threads: lambda wildcards: decoding_threads(workflow.cores)
    params:
        settings=told(PLAN.data.decode_settings),
        decides=ask(PLAN.decides.decode),
        stage=STAGES["decode"],
    shell:
        "python -m extract.cli decode --settings {params.settings:q} --shard {input:q} --processes {threads}"
        " --stage {params.stage:q} --out {output:q} > {log:q} 2>&1 || show_end {log:q}"


rule features:
    input:
        frames=PATHS.shard("frames.h5"),
        own=ask(PLAN.data.own_network),
    output:
        temp(PATHS.shard("{kind}.h5")),
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
    threads: lambda wildcards: network_threads(workflow.cores, GPUS, CONFIG.features.shards)
    # `--resources gpu=N` counts them; each job then claims a free one of its machine (base/jobs/gpu.py).
    resources:
        gpu=1,
    params:
        settings=told(PLAN.data.feature_settings),
        decides=ask(PLAN.decides.features),
        stage=STAGES["features"],
    shell:
        "python -m extract.cli features {wildcards.kind:q} --settings {params.settings:q} --frames {input.frames:q} --threads {threads}"
        " --stage {params.stage:q} --out {output:q} > {log:q} 2>&1 || show_end {log:q}"


rule merge:
    input:
        manifest=PATHS.manifest(),
        frames=gather.shards(PATHS.shard("frames.h5", "{{collection}}")),
        appearance=gather.shards(PATHS.shard("appearance.h5", "{{collection}}")),
        motion=gather.shards(PATHS.shard("motion.h5", "{{collection}}")),
    output:
        PATHS.video(),
    log:
        f"{RESULTS}/logs/merge/{{collection}}.log",
    wildcard_constraints:
        collection=PLAN.data.extracted_collections,
    conda:
        "../../environment.yml"
    params:
        settings=told(PLAN.data.feature_settings),
        collection=told(PLAN.data.collection_settings),
        decides=ask(PLAN.decides.merge),
        frames=lambda wildcards, input: flags("--frames", input.frames),
        appearance=lambda wildcards, input: flags("--appearance", input.get("appearance", [])),
        motion=lambda wildcards, input: flags("--motion", input.get("motion", [])),
        stage=STAGES["features"],
    shell:
        "python -m extract.cli merge --settings {params.settings:q} --collection {params.collection:q}"
        " --manifest {input.manifest:q} {params.frames:q} {params.appearance:q} {params.motion:q}"
        " --out {output:q} > {log:q} 2>&1 || show_end {log:q}"


# Where all runs read one kind of features, the other is not made.
use rule merge as merge_appearance with:
    input:
        manifest=PATHS.manifest(),
        frames=gather.shards(PATHS.shard("frames.h5", "{{collection}}")),
        appearance=gather.shards(PATHS.shard("appearance.h5", "{{collection}}")),
    output:
        PATHS.video(kinds=["appearance"]),
    log:
        f"{RESULTS}/logs/merge/{{collection}}-appearance.log",


use rule merge as merge_motion with:
    input:
        manifest=PATHS.manifest(),
        frames=gather.shards(PATHS.shard("frames.h5", "{{collection}}")),
        motion=gather.shards(PATHS.shard("motion.h5", "{{collection}}")),
    output:
        PATHS.video(kinds=["motion"]),
    log:
        f"{RESULTS}/logs/merge/{{collection}}-motion.log",
