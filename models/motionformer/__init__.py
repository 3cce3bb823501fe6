"""Parts specific to Motionformer's models: released key names, initial weights, attention maps."""
