"""The plan of the workflow: where files lie, what a target needs, which settings a rule is given, what is missing.

The rules in `workflow/rules` ask it. Nothing here imports torch, so that planning the whole paper takes seconds.
"""
