"""Records of a proxy's activity: trace, log and exchanges.

Explanations and the state of running VMs are in `..inspect`.
"""
