"""What steadies the masks of one stream over time: the ConvGRU stage, the averages, motion, resets.

motion   dense backward flow between two lumas, in memory cells
reset    when a memory is let go, and why
memory   what is kept of one stream; passed in and returned, never hidden
stage    the `TemporalStage` protocol; convgru, ema, none implement it
make     picks a stage for a mode
"""
