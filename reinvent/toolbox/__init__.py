"""What no paper invented: tasks, training, decoding, metrics, pictures."""
