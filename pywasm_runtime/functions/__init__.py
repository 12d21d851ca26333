"""Run functions: each call in a sandbox of its own, restored from an image."""
