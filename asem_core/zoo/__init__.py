"""Model packages: bioimage.io folders inside plugins, found, checked and opened."""
