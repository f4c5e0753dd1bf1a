"""Learning: makes the models that vision runs (torch, timm); reaches the field only through model folders."""
