"""Training classifiers: what a picture of an animal shows, of a few kinds that are known beforehand."""
