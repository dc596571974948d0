"""From raw videos to the frames that the networks see: probing, sampling, decoding."""
