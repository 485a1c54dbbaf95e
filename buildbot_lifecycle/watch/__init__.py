"""Sees what latent workers do: the probe and its hooks."""
