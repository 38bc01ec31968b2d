"""The paper's cells and OpenOrganelle's: where they are (``cells.yaml``), and import of COSEM ground truth."""
