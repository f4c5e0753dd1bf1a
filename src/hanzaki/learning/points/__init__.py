"""Learnt local features: a network that describes a keypoint's patch, taught with hides whose skin is known."""
