"""Nuclear pores: parameters."""
