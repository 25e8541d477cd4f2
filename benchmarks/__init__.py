"""Speed, age and memory on this machine, run by hand (`make bench`); tests never assert on time."""
