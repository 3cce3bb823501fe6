"""Two Experts of Points: a made-up paper whose models start from weights of elsewhere."""
