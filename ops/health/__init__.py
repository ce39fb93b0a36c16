"""Whether a night could run here, in less than half a second."""
