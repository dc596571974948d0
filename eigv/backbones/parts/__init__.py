"""What backbones are made of: encoders, recurrent layers, attention and fusion; none of it is a backbone."""
