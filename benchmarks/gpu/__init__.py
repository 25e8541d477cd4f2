"""The GPU check: what runs on an NVIDIA GPU, found out step by step, also on a machine without a network.

    bundle.py   packs what the other machine lacks, on this one: wheels.py, cuda_wheels.py, fatbin.py
    stage.py    unpacks it there, with nothing but Python's own library
    check.py    runs the steps of steps.py, each in a process with a time limit, and keeps what they found
    masks.py, daemon.py, device.py, placements.py    the steps that no other command covers

`docs/gpu.md` tells how to use it.
"""
