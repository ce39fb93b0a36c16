"""A night: load, build, compare with what is promoted and, if asked to, promote."""
