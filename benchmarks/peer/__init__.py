"""The peer: the step and the evaluation of the official code, written straight down, to measure ours against.

Nothing is shared between passes, each pair is computed from its beginning, texts are padded, questions are read one by
one, and the bank is drawn from by a weight for each of its clips. The numbers are those of our preset `official`
(tests/benchmarks/test_peer.py); parameters have the official names, so that weights go from one to the other.
"""

from benchmarks.peer.comem import ComemPeer
from benchmarks.peer.hga import HgaPeer
from benchmarks.peer.mspan import MspanPeer
from benchmarks.peer.step import Peer, PeerBatch
from benchmarks.peer.weights import build_peer, official_state

__all__ = ["ComemPeer", "HgaPeer", "MspanPeer", "Peer", "PeerBatch", "build_peer", "official_state"]
