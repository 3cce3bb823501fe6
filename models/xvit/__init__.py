"""Parts specific to X-ViT's models: space-time mixing attention, temporal attention head, released key names."""
