"""Vision: pixels to boxes, vectors and keypoints. Runs model folders; never imports torch."""
