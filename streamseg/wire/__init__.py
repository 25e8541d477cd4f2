"""The bytes on the socket, `seg/1`: topics, headers, codecs and whole messages. Used by both ends; no I/O."""
