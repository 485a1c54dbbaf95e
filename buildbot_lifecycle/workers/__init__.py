"""Latent workers that stop as they should."""
