"""Steps between the raw volume and the network: resampling to the model's grid, then the model's own stages."""
