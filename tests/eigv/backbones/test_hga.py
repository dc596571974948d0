"""HGA's fusion, pair by pair, as its formulas have it."""

import torch
from torch.nn import functional as F

from eigv.backbones import ClipWidths, build
from eigv.config.run import BackbonesSettings, BlockFusionSettings, HgaSettings


def test_a_pair_is_a_graph_of_its_tokens_and_clips_and_the_question_leads_the_video() -> None:
    torch.manual_seed(0)
    fusion = BlockFusionSettings(width=12, chunks=3, rank=2)
    sizes = BackbonesSettings(hga=HgaSettings(hidden=4, words=5, graph_layers=2, fusion=fusion, dropout=0.5))
    hga = build("hga", sizes, ClipWidths(3, 2), token_width=6).eval()
    clips = hga.encode_clips(torch.randn(2, 4, 5))
    tokens = hga.encode_tokens(torch.randn(3, 6, 6), torch.tensor([6, 2, 4]))
    video, text = torch.tensor([0, 1, 1, 0]), torch.tensor([2, 0, 1, 1])
    found = hga.fuse(clips, tokens, video, text)
    for pair in range(4):
        v, t = video[pair], text[pair]
        length = [6, 2, 4][t]
        local = torch.cat([tokens.local[t, :length], clips.states[v]])  # the nodes, without padding
        edges = hga.nodes(local[None])[0]
        nodes = local
        for layer in hga.layers:
            nodes = F.layer_norm(edges @ edges.T @ layer(nodes), nodes.shape[-1:]).relu()
        pooled = hga.pool(nodes[None], torch.ones(1, length + 4, dtype=torch.bool))
        inputs = hga.fuse_inputs(tokens.pooled[t][None], clips.pooled[v][None])
        torch.testing.assert_close(found[pair], hga.fuse_graph(inputs, pooled)[0], atol=1e-5, rtol=1e-4)
