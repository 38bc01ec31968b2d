"""Diameters of nuclear pores, measured in raw where a segmentation found them (Gallusser et al. 2022)."""
