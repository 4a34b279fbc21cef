"""The parts of the suite, by name."""

from iobench import fileio, tcp, udp

PARTS = {part.NAME: part for part in (tcp, udp, fileio)}
