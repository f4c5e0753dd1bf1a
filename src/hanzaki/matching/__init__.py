"""Matching: vectors and keypoints to who."""
