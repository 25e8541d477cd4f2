"""What was compiled for this machine, kept so that the next start is fast, and never trusted unseen.

folder   where it is kept
key      what a compiled graph depends on, all of it: another machine's or version's is never taken
entry    the file of one: a checksum, its key, where it comes from, the bytes
files    reading only what is ours, writing all or nothing
lock     two who want to compile the same: one does, the other waits
store    the entries of a folder
survey   which of them nobody will ask for again, and why
"""
