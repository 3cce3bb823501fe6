"""Training and test items: their contents, and their construction from annotation records."""
