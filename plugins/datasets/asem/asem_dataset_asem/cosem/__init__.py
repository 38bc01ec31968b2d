"""Import of COSEM / OpenOrganelle ground truth: class ids become one organelle's labels on raw's grid."""
