"""The `docker` that a build finds on its PATH.

With a Docker Engine (container runtime) it is Docker's own CLI, told that the ECR address is on this
machine (`real`). Without one (process runtime) it is a stand-in that packs the build context into an image
(`standin`) and says in the build's log what it does not do.

Only the standard library is imported here: a build calls `docker` several times, and each call shall be
quick.
"""
