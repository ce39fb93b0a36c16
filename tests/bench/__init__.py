"""`make bench`: what a build costs beside the least that the same work can cost."""
