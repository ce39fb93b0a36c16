"""Two colours of the night on AWS: one is live, the other a candidate to replace it.

A colour is a family of ECS task definitions whose name ends with `blue` or `green`. The
schedule's target says which one is live. The live role can promote, the candidate's
cannot. Tags of the task definitions say what was compared and replaced. So AWS has the
whole state.
"""
