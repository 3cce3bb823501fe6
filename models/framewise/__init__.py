"""Vision transformers that see each frame by itself, and shifts that connect the frames. Common to several papers."""
