"""MNIST as numpy arrays: where it is stored, where it comes from, and what replaces it.

idx       reads and writes IDX files, and reads Keras's mnist.npz
cache     saves files in our own folders, and never overwrites a file of anybody else
download  MNIST's checksums, its mirrors, and how long each of them may take
drawn     draws digits in the shape of MNIST, for machines without MNIST and without a network
pen       turns the path of a pen into pixels
strokes   the ways in which people write each digit
prepare   prepares a drawn or photographed digit as MNIST's were
photo     reads a digit from a picture: a drawing, a scan, a photo
bar       a progress bar on a terminal
"""
