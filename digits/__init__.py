"""MNIST as numpy arrays: where it is stored, where it comes from, and what replaces it.

files     reads IDX files and Keras's mnist.npz, and saves files in our own folders
download  MNIST's checksums and its mirrors
drawn     draws digits in the shape of MNIST, for machines without MNIST and without a network
strokes   the ways in which people write each digit
photo     reads a digit from a picture, and prepares it as MNIST's were
"""
