"""What steadies the masks of one stream over time: the ConvGRU stage, the averages, motion, resets.

motion   dense backward flow between two lumas, in memory cells
reset    when a memory is let go, and why
memory   what is kept of one stream; passed in and returned, never hidden
scene    whether two pictures can be of the same scene
together several streams' frames in one step
stage    the `TemporalStage` protocol and the choice of one; convgru, ema, none are they
"""
