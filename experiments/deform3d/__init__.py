"""Tables and figures of the 3D deformable transformer."""
