"""Decoded frames to features: the networks at work, the shards and their merge, features of others."""
