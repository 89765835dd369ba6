"""The half that runs inside Ray's driver and worker processes: the standard library only, every Python that Ray runs on.

Nothing here raises into the user's program, and nothing of it needs Rayscope to be importable there: `hook/sitecustomize.py`
loads this folder by its path.
"""
