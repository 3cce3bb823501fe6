"""Frame sampling of clips."""
